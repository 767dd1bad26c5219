using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// A whole layer of a post-normalised transformer. Each thread takes its rows through one product after the other, a block
/// that stays in its cache at a time, and only attention and the gradients of the weights make the threads wait for each other. What
/// products give stays in float32 until it is normalised, activated or attended with.
/// </summary>
internal static unsafe partial class TransformerLayerKernel
{
    /// <summary>Rows of a block: as few as leave the products at their full rate.</summary>
    private const int RowsAtOnce = 256;

    /// <summary>Computes the layer: x <c>[rows, hidden]</c> to the same.</summary>
    public static void Forward<T>(Shape shape, Parameters<LinearWeights<T>> weights, T* x, Activations<T> kept, T* result)
        where T : unmanaged, INumberFormat<T>
    {
        var pass = new ForwardPass<T>(shape, weights, x, kept, result);
        if (pass.SharesColumns)
            pass.RunSharingColumns();
        else
            Run(
                shape,
                (_, rows, product) => pass.BeforeAttention(rows, product),
                pass.Attend,
                (_, rows, product) => pass.AfterAttention(rows, product)
            );
    }

    /// <summary>Writes the gradient of x from that of the result, and adds those of the parameters where they are summed. Some of what was
    /// kept is overwritten: it can be called once.</summary>
    public static void Backward<T>(
        Shape shape,
        Parameters<LinearWeights<T>> weights,
        T* x,
        Activations<T> kept,
        T* gradient,
        Workspace<T> space,
        T* result,
        Parameters<LinearGradients> sums
    )
        where T : unmanaged, INumberFormat<T>
    {
        int hidden = shape.Hidden;
        using var partial = new PartialSums(shape);
        Run(shape,
            (part, rows, product) => BackwardToAttention(shape, weights, kept, gradient, space, partial[part], rows, product),
            heads =>
                AttentionKernel.Backward(
                    shape.Attention,
                    heads,
                    space.Context,
                    kept.QueryKeyValue,
                    kept.AttentionWeights,
                    space.QueryKeyValue
                ),
            (_, rows, _) =>
            {
                long at = At(rows, hidden);
                var queryKeyValue = space.QueryKeyValue + At(rows, 3 * hidden);
                ApplyTransposed(rows.Count, 3 * hidden, hidden, queryKeyValue, weights.QueryKeyValue.Weight, 1, space.Residual + at);
                T.Round(space.Residual + at, result + at, rows.Count * hidden);
            });
        partial.AddTo(sums);
        ParallelRegion.Run(shape.Parts, part => AddWeightGradients(shape, part, x, kept, space, sums));
    }

    /// <summary>A block's way back from the result to what attention gave.</summary>
    private static void BackwardToAttention<T>(
        Shape shape,
        Parameters<LinearWeights<T>> weights,
        Activations<T> kept,
        T* gradient,
        Workspace<T> space,
        Parameters<LinearGradients> own,
        RowRange rows,
        float* product
    )
        where T : unmanaged, INumberFormat<T>
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        long at = At(rows, hidden), atIntermediate = At(rows, intermediate);
        float* residual = space.Residual + at;
        T.Widen(gradient + at, residual, rows.Count * hidden);
        AddNormKernel.Backward(
            rows,
            hidden,
            shape.OutputMask,
            residual,
            kept.OutputUnit + at,
            kept.OutputDeviation + rows.First,
            weights.OutputNorm.Weight,
            own.OutputNorm,
            own.Output.Bias
        );
        ApplyTransposed(rows.Count, hidden, intermediate, kept.OutputUnit + at, weights.Output.Weight, 0, product);
        GeluKernel.BackwardRows(rows.Count, intermediate, product, kept.Slope + atIntermediate, own.Intermediate.Bias);
        ApplyTransposed(rows.Count, intermediate, hidden, kept.Slope + atIntermediate, weights.Intermediate.Weight, 1, residual);

        AddNormKernel.Backward(
            rows,
            hidden,
            shape.AttendedMask,
            residual,
            kept.AttendedUnit + at,
            kept.AttendedDeviation + rows.First,
            weights.AttentionNorm.Weight,
            own.AttentionNorm,
            own.AttentionOutput.Bias
        );
        ApplyTransposed(rows.Count, hidden, hidden, kept.AttendedUnit + at, weights.AttentionOutput.Weight, 0, product);
        T.Round(product, space.Context + at, rows.Count * hidden);
    }

    /// <summary>A thread's part of the gradients of the weights, and of the bias before attention.</summary>
    private static void AddWeightGradients<T>(
        Shape shape,
        int part,
        T* x,
        Activations<T> kept,
        Workspace<T> space,
        Parameters<LinearGradients> sums
    )
        where T : unmanaged, INumberFormat<T>
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        AddWeightGradient(shape, part, kept.OutputUnit, hidden, kept.Activated, intermediate, sums.Output.Weight);
        AddWeightGradient(shape, part, kept.Slope, intermediate, kept.Attended, hidden, sums.Intermediate.Weight);
        AddWeightGradient(shape, part, kept.AttendedUnit, hidden, kept.Context, hidden, sums.AttentionOutput.Weight);
        AddWeightGradient(shape, part, space.QueryKeyValue, 3 * hidden, x, hidden, sums.QueryKeyValue.Weight);
        var (first, end) = ParallelRegion.Part(3 * hidden / Lane.Width, part, shape.Parts);
        ColumnSums.Add(
            space.QueryKeyValue + (first * Lane.Width),
            3 * hidden,
            sums.QueryKeyValue.Bias + (first * Lane.Width),
            shape.Rows,
            (end - first) * Lane.Width
        );
    }

    /// <summary>The way back: y ← β · y + x W, x <c>[rows, outputs]</c>, W <c>[outputs, inputs]</c>.</summary>
    private static void ApplyTransposed<T>(int rows, int outputs, int inputs, T* x, T* weight, float beta, float* y)
        where T : unmanaged, INumberFormat<T> =>
        MatrixProduct<T>.By(rows, inputs, outputs, x, outputs, weight, inputs, beta, y, inputs);

    /// <summary>A thread's part of a weight's gradient, gradientᵀ x, added to its sum. The longer side is cut: products of short columns
    /// are slower.</summary>
    private static void AddWeightGradient<T>(Shape shape, int part, T* gradient, int outputs, T* x, int inputs, float* sum)
        where T : unmanaged, INumberFormat<T>
    {
        var (first, end) = ParallelRegion.Part(Math.Max(outputs, inputs), part, shape.Parts);
        int count = end - first;
        if (inputs > outputs)
            MatrixProduct<T>.TransposedBy(outputs, count, shape.Rows, gradient, outputs, x + first, inputs, 1, sum + first, inputs);
        else
            MatrixProduct<T>.TransposedBy(
                count,
                inputs,
                shape.Rows,
                gradient + first,
                outputs,
                x,
                inputs,
                1,
                sum + ((long)first * inputs),
                inputs
            );
    }

    /// <summary>Work on a block of rows, with memory for the widest product of each.</summary>
    private delegate void BlockWork(int part, RowRange rows, float* product);

    /// <summary>
    /// Runs the stages of a layer on all threads. Where there are sequences for every thread, each takes its own through all stages, a
    /// block at a time, and waits for nobody; else all share the rows of each stage and the heads of attention.
    /// </summary>
    private static void Run(Shape shape, BlockWork before, Action<HeadRange> attend, BlockWork after)
    {
        int parts = shape.Parts, batch = shape.Attention.Batch, length = shape.Attention.Length, heads = shape.Attention.Heads;
        if (batch % parts == 0 || batch >= 8 * parts)
        {
            int sequencesAtOnce = Math.Max(1, RowsAtOnce / length);
            OnEachPart(shape, sequencesAtOnce * length, (part, product) =>
            {
                var (start, end) = ParallelRegion.Part(batch, part, parts);
                for (int first = start; first < end; first += sequencesAtOnce)
                {
                    int count = Math.Min(sequencesAtOnce, end - first);
                    var rows = new RowRange(first * length, count * length);
                    before(part, rows, product);
                    attend(new HeadRange(first * heads, (first + count) * heads));
                    after(part, rows, product);
                }
            });
            return;
        }
        void ForEachBlock(BlockWork work) => OnEachPart(shape, RowsAtOnce, (part, product) =>
        {
            var (start, end) = ParallelRegion.Part(shape.Rows, part, parts);
            for (int first = start; first < end; first += RowsAtOnce)
                work(part, new RowRange(first, Math.Min(RowsAtOnce, end - first)), product);
        });
        ForEachBlock(before);
        ParallelRegion.Split(batch * heads, parts, (first, end) => attend(new HeadRange(first, end)));
        ForEachBlock(after);
    }

    private delegate void PartWork(int part, float* product);

    private static void OnEachPart(Shape shape, int rows, PartWork work) => ParallelRegion.Run(shape.Parts, part =>
    {
        var product = (float*)NativeMemory.AlignedAlloc((nuint)Math.Min(rows, shape.Rows) * (nuint)shape.Widest * sizeof(float), 64);
        work(part, product);
        NativeMemory.AlignedFree(product);
    });

    private static long At(RowRange rows, int width) => (long)rows.First * width;

    private static T* From<T>(T* start, long offset)
        where T : unmanaged => start is null ? null : start + offset;
}
