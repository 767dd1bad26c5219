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
        using var panels = new LayerPanels<T>(shape, weights, transposed: true);
        var pass = new ForwardPass<T>(shape, panels.Weights, x, kept, result);
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
        using var panels = new LayerPanels<T>(shape, weights, transposed: false);
        using var partial = new PartialSums(shape);
        weights = panels.Weights;
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
            (_, rows, product) => MultiplyBack(
                rows,
                3 * hidden,
                hidden,
                space.QueryKeyValue,
                weights.QueryKeyValue,
                product,
                new Rounded<T>(space.Residual + At(rows, hidden), hidden, result + At(rows, hidden), hidden)
            ));
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
        long at = At(rows, hidden);
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
        MultiplyBack(
            rows,
            hidden,
            intermediate,
            kept.OutputUnit,
            weights.Output,
            product,
            new MultipliedBySlope<T>(kept.Slope + At(rows, intermediate), intermediate, own.Intermediate.Bias)
        );
        MultiplyBack(rows, intermediate, hidden, kept.Slope, weights.Intermediate, product, new Added(residual, hidden));

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
        MultiplyBack(
            rows,
            hidden,
            hidden,
            kept.AttendedUnit,
            weights.AttentionOutput,
            product,
            new Rounded<T>(null, 0, space.Context + at, hidden)
        );
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

    /// <summary>The way back: x W, x <c>[rows, outputs]</c>, W <c>[outputs, inputs]</c>, goes to an end.</summary>
    private static void MultiplyBack<T, TEnd>(
        RowRange rows,
        int outputs,
        int inputs,
        T* x,
        LinearWeights<T> weights,
        float* space,
        TEnd end
    )
        where T : unmanaged, INumberFormat<T>
        where TEnd : struct, IProductEnd =>
        MatrixProduct<T>.To(
            rows.Count,
            new ColumnRange(0, inputs),
            outputs,
            new Factor<T>(x + At(rows, outputs), outputs),
            new Factor<T>(weights.Weight, inputs),
            weights.Panels,
            space,
            end
        );

    /// <summary>A thread's part of a weight's gradient, gradientᵀ x, added to its sum. The longer side is cut: products of short columns
    /// are slower.</summary>
    private static void AddWeightGradient<T>(Shape shape, int part, T* gradient, int outputs, T* x, int inputs, float* sum)
        where T : unmanaged, INumberFormat<T>
    {
        bool cutsInputs = inputs > outputs;
        var (first, end) = ParallelRegion.Part(Math.Max(outputs, inputs), part, shape.Parts);
        T.Multiply(
            cutsInputs ? outputs : end - first,
            cutsInputs ? end - first : inputs,
            shape.Rows,
            new(cutsInputs ? gradient : gradient + first, outputs, isTransposed: true),
            new(cutsInputs ? x + first : x, inputs),
            1,
            cutsInputs ? sum + first : sum + ((long)first * inputs),
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
