using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Electra.Tensors.Kernels;

/// <summary>What follows each half of a transformer layer, for some of its rows: LayerNorm(dropout(x + bias) + residual).</summary>
internal static unsafe class AddNormKernel
{
    /// <summary>Writes the result, and for the backward pass the normalised sum before weight and bias and 1/σ of each row (both may be
    /// null).</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="width">Elements of a row, a multiple of 32.</param>
    /// <param name="mask">The dropout: a row of it is a position.</param>
    /// <param name="x">A product that lacks its bias; overwritten.</param>
    /// <param name="bias">Added to each row of x.</param>
    /// <param name="residual">Added after the dropout.</param>
    /// <param name="norm">Weight and bias.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="result">The result.</param>
    /// <param name="normalised">The normalised sum.</param>
    /// <param name="inverseDeviation">1/σ of each row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward<T>(
        RowRange rows,
        int width,
        KeepMask mask,
        float* x,
        float* bias,
        T* residual,
        LayerNormWeights norm,
        float epsilon,
        T* result,
        T* normalised,
        float* inverseDeviation
    )
        where T : unmanaged, INumberFormat<T>
    {
        for (int row = 0; row < rows.Count; row++, x += width, residual += width, result += width)
        {
            var draws = mask[rows.First + row];
            Vector512<float> total = default, squares = default;
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                var (low, high) = draws.Next();
                var a = Vector512.FusedMultiplyAdd(Vector512.Load(x + i) + Vector512.Load(bias + i), low, T.Load(residual + i));
                var b = Vector512.FusedMultiplyAdd(
                    Vector512.Load(x + i + Lane.Width) + Vector512.Load(bias + i + Lane.Width),
                    high,
                    T.Load(residual + i + Lane.Width)
                );
                total += a + b;
                a.Store(x + i);
                b.Store(x + i + Lane.Width);
            }
            var mean = Vector512.Create(Vector512.Sum(total) / width);
            for (int i = 0; i < width; i += Lane.Width)
            {
                var centred = Vector512.Load(x + i) - mean;
                squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
            }
            float inverse = 1 / MathF.Sqrt(Vector512.Sum(squares) / width + epsilon);
            var scale = Vector512.Create(inverse);
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                Vector512<float> a = (Vector512.Load(x + i) - mean) * scale, b = (Vector512.Load(x + j) - mean) * scale;
                if (normalised is not null)
                    T.Store(a, b, normalised + i);
                T.Store(Vector512.FusedMultiplyAdd(a, Vector512.Load(norm.Weight + i), Vector512.Load(norm.Bias + i)),
                    Vector512.FusedMultiplyAdd(b, Vector512.Load(norm.Weight + j), Vector512.Load(norm.Bias + j)), result + i);
            }
            if (normalised is null)
                continue;
            inverseDeviation[row] = inverse;
            normalised += width;
        }
    }

    /// <summary>Turns the gradient of the result into that of the residual, what the forward pass kept into that of x, and adds those of
    /// the parameters to their sums.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="width">Elements of a row, a multiple of 32.</param>
    /// <param name="mask">The forward pass's dropout.</param>
    /// <param name="gradient">That of the result; becomes that of the residual.</param>
    /// <param name="normalised">What the forward pass kept; becomes the gradient of x.</param>
    /// <param name="inverseDeviation">What the forward pass kept.</param>
    /// <param name="weight">The norm's weight.</param>
    /// <param name="sums">Receive the gradients of the norm's weight and bias.</param>
    /// <param name="biasSums">Receives the gradient of the bias.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<T>(
        RowRange rows,
        int width,
        KeepMask mask,
        float* gradient,
        T* normalised,
        float* inverseDeviation,
        float* weight,
        LayerNormWeights sums,
        float* biasSums
    )
        where T : unmanaged, INumberFormat<T>
    {
        for (int row = 0; row < rows.Count; row++, gradient += width, normalised += width)
        {
            Vector512<float> total = default, projection = default;
            for (int i = 0; i < width; i += Lane.Width)
            {
                var (g, unit) = (Vector512.Load(gradient + i), T.Load(normalised + i));
                (Vector512.Load(sums.Bias + i) + g).Store(sums.Bias + i);
                Vector512.FusedMultiplyAdd(g, unit, Vector512.Load(sums.Weight + i)).Store(sums.Weight + i);
                g *= Vector512.Load(weight + i);
                g.Store(gradient + i);
                total += g;
                projection = Vector512.FusedMultiplyAdd(g, unit, projection);
            }
            Vector512<float> mean = Vector512.Create(Vector512.Sum(total) / width),
                slope = Vector512.Create(Vector512.Sum(projection) / width);
            var scale = Vector512.Create(inverseDeviation[row]);
            var draws = mask[rows.First + row];
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                var (low, high) = draws.Next();
                int j = i + Lane.Width;
                Vector512<float> a = (Vector512.Load(gradient + i) - mean - (T.Load(normalised + i) * slope)) * scale,
                    b = (Vector512.Load(gradient + j) - mean - (T.Load(normalised + j) * slope)) * scale;
                a.Store(gradient + i);
                b.Store(gradient + j);
                a *= low;
                b *= high;
                (Vector512.Load(biasSums + i) + a).Store(biasSums + i);
                (Vector512.Load(biasSums + j) + b).Store(biasSums + j);
                T.Store(a, b, normalised + i);
            }
        }
    }
}
