using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Cross-entropy of rows of float32 logits: only one number a row is kept for the backward pass.</summary>
internal static unsafe class CrossEntropyKernel
{
    /// <summary>What one call works on.</summary>
    /// <param name="Rows">Rows of logits.</param>
    /// <param name="Classes">Logits of a row.</param>
    /// <param name="Smoothing">Share of the target that is spread over all classes.</param>
    /// <param name="Threads">Threads to use.</param>
    public readonly record struct Shape(int Rows, int Classes, float Smoothing, int Threads);

    /// <summary>Writes the loss of each row, and the logarithm of the sum of its exponentials.</summary>
    public static void Forward(Shape shape, float* logits, long* targets, float* losses, float* logSums) =>
        ParallelRegion.Split(
            shape.Rows,
            shape.Threads,
            (first, end) =>
            {
                for (int row = first; row < end; row++)
                {
                    var (logSum, mean) = Summarise(logits + ((long)row * shape.Classes), shape.Classes);
                    logSums[row] = logSum;
                    losses[row] =
                        logSum - ((1 - shape.Smoothing) * logits[((long)row * shape.Classes) + targets[row]]) - (shape.Smoothing * mean);
                }
            }
        );

    /// <summary>Writes the gradient of the logits, that of the mean of all losses being <paramref name="gradient"/>.</summary>
    public static void Backward(Shape shape, float gradient, float* logits, long* targets, float* logSums, float* result) =>
        ParallelRegion.Split(
            shape.Rows,
            shape.Threads,
            (first, end) =>
            {
                float scale = gradient / shape.Rows;
                for (int row = first; row < end; row++)
                {
                    var target = result + ((long)row * shape.Classes);
                    Softmax(
                        logits + ((long)row * shape.Classes),
                        target,
                        shape.Classes,
                        logSums[row],
                        scale,
                        shape.Smoothing / shape.Classes
                    );
                    target[targets[row]] -= (1 - shape.Smoothing) * scale;
                }
            }
        );

    /// <summary>log Σ exp and the mean of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float LogSum, float Mean) Summarise(float* logits, int count)
    {
        Vector512<float> most = Vector512.Create(float.NegativeInfinity),
            sum = default,
            total = default;
        int i = 0;
        for (; i + Lane.Width <= count; i += Lane.Width)
            most = Vector512.Max(most, Vector512.Load(logits + i));
        float top = float.NegativeInfinity;
        for (int lane = 0; lane < Lane.Width; lane++)
            top = Math.Max(top, most[lane]);
        for (int rest = i; rest < count; rest++)
            top = Math.Max(top, logits[rest]);

        most = Vector512.Create(top);
        for (i = 0; i + Lane.Width <= count; i += Lane.Width)
        {
            var logit = Vector512.Load(logits + i);
            total += logit;
            sum += Lane.Exp(logit - most);
        }
        double exponentials = Vector512.Sum(sum),
            all = Vector512.Sum(total);
        for (; i < count; i++)
        {
            exponentials += Math.Exp(logits[i] - top);
            all += logits[i];
        }
        return ((float)(top + Math.Log(exponentials)), (float)(all / count));
    }

    /// <summary>scale · (exp(logit − logSum) − share) for each logit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softmax(float* logits, float* result, int count, float logSum, float scale, float share)
    {
        Vector512<float> shift = Vector512.Create(logSum),
            factor = Vector512.Create(scale),
            less = Vector512.Create(share);
        int i = 0;
        for (; i + Lane.Width <= count; i += Lane.Width)
            ((Lane.Exp(Vector512.Load(logits + i) - shift) - less) * factor).Store(result + i);
        for (; i < count; i++)
            result[i] = (MathF.Exp(logits[i] - logSum) - share) * scale;
    }
}
