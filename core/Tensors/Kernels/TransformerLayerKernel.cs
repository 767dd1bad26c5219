using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Some rows of a matrix.</summary>
internal readonly record struct RowRange(int First, int Count);

/// <summary>A linear layer: weight <c>[outputs, inputs]</c>, bias <c>[outputs]</c>.</summary>
internal readonly unsafe struct LinearWeights(ushort* weight, float* bias)
{
    public readonly ushort* Weight = weight;
    public readonly float* Bias = bias;
}

/// <summary>The gradients of a linear layer.</summary>
internal readonly unsafe struct LinearGradients(float* weight, float* bias)
{
    public readonly float* Weight = weight, Bias = bias;
}

/// <summary>A layer normalisation, or the gradients of one.</summary>
internal readonly unsafe struct LayerNormWeights(float* gain, float* offset)
{
    public readonly float* Gain = gain, Offset = offset;
}

/// <summary>
/// A whole layer of a post-normalised transformer on bfloat16. Each thread takes its rows through one product after the other, a block
/// that stays in its cache at a time, and only attention and the gradients of the weights make the threads wait for each other. What
/// products give stays in float32 until it is normalised, activated or attended with.
/// </summary>
internal static unsafe class TransformerLayerKernel
{
    /// <summary>Rows of a block: as few as leave the products at their full rate.</summary>
    private const int RowsAtOnce = 128;

    /// <summary>What one call works on.</summary>
    /// <param name="Attention">Sequences, heads and their sizes, and the dropout of the attention weights.</param>
    /// <param name="Intermediate">Width of the feed-forward network, a multiple of 32.</param>
    /// <param name="Epsilon">Added to the variances.</param>
    /// <param name="AttendedMask">The dropout before the first normalisation.</param>
    /// <param name="OutputMask">The dropout before the second.</param>
    public sealed record Shape(AttentionKernel.Shape Attention, int Intermediate, float Epsilon, KeepMask AttendedMask, KeepMask OutputMask)
    {
        public int Rows => Attention.Batch * Attention.Length;

        public int Hidden => Attention.Hidden;

        public int Parts => Math.Clamp(Rows, 1, Attention.Threads);
    }

    /// <summary>The parameters.</summary>
    public readonly struct Weights
    {
        public LinearWeights QueryKeyValue { get; init; }

        public LinearWeights AttentionOutput { get; init; }

        public LinearWeights Intermediate { get; init; }

        public LinearWeights Output { get; init; }

        public LayerNormWeights AttentionNorm { get; init; }

        public LayerNormWeights OutputNorm { get; init; }
    }

    /// <summary>Where the gradients of the parameters are summed.</summary>
    public readonly struct Gradients
    {
        public LinearGradients QueryKeyValue { get; init; }

        public LinearGradients AttentionOutput { get; init; }

        public LinearGradients Intermediate { get; init; }

        public LinearGradients Output { get; init; }

        public LayerNormWeights AttentionNorm { get; init; }

        public LayerNormWeights OutputNorm { get; init; }
    }

    /// <summary>What the forward pass computes on its way. Those that only the backward pass needs may be null.</summary>
    public readonly struct Activations
    {
        /// <summary><c>[rows, 3 · hidden]</c>.</summary>
        public ushort* QueryKeyValue { get; init; }

        /// <summary><c>[batch · heads, length, stride]</c>, before dropout; for the backward pass.</summary>
        public ushort* AttentionWeights { get; init; }

        /// <summary><c>[rows, hidden]</c>.</summary>
        public ushort* Context { get; init; }

        /// <summary>After the first half of the layer, <c>[rows, hidden]</c>.</summary>
        public ushort* Attended { get; init; }

        /// <summary>The same before gain and offset; for the backward pass.</summary>
        public ushort* AttendedUnit { get; init; }

        /// <summary>1/σ of its rows; for the backward pass.</summary>
        public float* AttendedDeviation { get; init; }

        /// <summary>GELU of the feed-forward network, <c>[rows, intermediate]</c>.</summary>
        public ushort* Activated { get; init; }

        /// <summary>Its derivative; for the backward pass.</summary>
        public ushort* Slope { get; init; }

        /// <summary>The result before gain and offset, <c>[rows, hidden]</c>; for the backward pass.</summary>
        public ushort* OutputUnit { get; init; }

        /// <summary>1/σ of its rows; for the backward pass.</summary>
        public float* OutputDeviation { get; init; }
    }

    /// <summary>Memory for the backward pass: gradients on their way from one stage to the next.</summary>
    public readonly struct Workspace
    {
        /// <summary>Of the second half's product, <c>[rows, hidden]</c>.</summary>
        public ushort* Output { get; init; }

        /// <summary>Of the feed-forward network before GELU, <c>[rows, intermediate]</c>.</summary>
        public ushort* Intermediate { get; init; }

        /// <summary>Of the first half's product, <c>[rows, hidden]</c>.</summary>
        public ushort* Attended { get; init; }

        /// <summary>Of what attention gives, <c>[rows, hidden]</c>.</summary>
        public ushort* Context { get; init; }

        /// <summary><c>[rows, 3 · hidden]</c>.</summary>
        public ushort* QueryKeyValue { get; init; }

        /// <summary>Of what goes around the products, <c>[rows, hidden]</c>.</summary>
        public float* Residual { get; init; }
    }

    /// <summary>Computes the layer: x <c>[rows, hidden]</c> to the same.</summary>
    public static void Forward(Shape shape, Weights weights, ushort* x, Activations kept, ushort* result)
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        ForEachBlock(shape, 3 * hidden, (_, rows, product) =>
        {
            BFloat16Products.ByTransposed(rows.Count, 3 * hidden, hidden, 1, x + At(rows, hidden), hidden, weights.QueryKeyValue.Weight, hidden, product, 3 * hidden);
            AddBias(rows.Count, 3 * hidden, product, weights.QueryKeyValue.Bias, kept.QueryKeyValue + At(rows, 3 * hidden));
        });
        AttentionKernel.Forward(shape.Attention, kept.QueryKeyValue, kept.Context, kept.AttentionWeights);
        ForEachBlock(shape, Math.Max(hidden, intermediate), (_, rows, product) =>
        {
            long at = At(rows, hidden), atIntermediate = At(rows, intermediate);
            BFloat16Products.ByTransposed(rows.Count, hidden, hidden, 1, kept.Context + at, hidden, weights.AttentionOutput.Weight, hidden, product, hidden);
            AddNormKernel.Forward(rows, hidden, shape.AttendedMask, product, weights.AttentionOutput.Bias, x + at, weights.AttentionNorm, shape.Epsilon,
                kept.Attended + at, From(kept.AttendedUnit, at), kept.AttendedDeviation + rows.First);

            BFloat16Products.ByTransposed(rows.Count, intermediate, hidden, 1, kept.Attended + at, hidden, weights.Intermediate.Weight, hidden, product, intermediate);
            GeluKernel.ForwardRows(rows.Count, intermediate, product, weights.Intermediate.Bias, kept.Activated + atIntermediate, From(kept.Slope, atIntermediate));

            BFloat16Products.ByTransposed(rows.Count, hidden, intermediate, 1, kept.Activated + atIntermediate, intermediate, weights.Output.Weight, intermediate, product, hidden);
            AddNormKernel.Forward(rows, hidden, shape.OutputMask, product, weights.Output.Bias, kept.Attended + at, weights.OutputNorm, shape.Epsilon,
                result + at, From(kept.OutputUnit, at), kept.OutputDeviation + rows.First);
        });
    }

    /// <summary>Writes the gradient of x from that of the result, and adds those of the parameters where they are summed.</summary>
    public static void Backward(Shape shape, Weights weights, ushort* x, Activations kept, ushort* gradient, Workspace space, ushort* result, Gradients sums)
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        BackToAttention(shape, weights, kept, gradient, space, sums);
        AttentionKernel.Backward(shape.Attention, space.Context, kept.QueryKeyValue, kept.AttentionWeights, space.QueryKeyValue);

        int parts = shape.Parts;
        ParallelRegion.Run(parts, part =>
        {
            foreach (var rows in Blocks(shape, part))
            {
                long at = At(rows, hidden);
                BFloat16Products.By(rows.Count, hidden, 3 * hidden, space.QueryKeyValue + At(rows, 3 * hidden), 3 * hidden, weights.QueryKeyValue.Weight, hidden, 1, space.Residual + at, hidden);
                Lane.Round(space.Residual + at, result + at, rows.Count * hidden);
            }
            AddWeightGradient(shape, part, space.Output, hidden, kept.Activated, intermediate, sums.Output.Weight);
            AddWeightGradient(shape, part, space.Intermediate, intermediate, kept.Attended, hidden, sums.Intermediate.Weight);
            AddWeightGradient(shape, part, space.Attended, hidden, kept.Context, hidden, sums.AttentionOutput.Weight);
            AddWeightGradient(shape, part, space.QueryKeyValue, 3 * hidden, x, hidden, sums.QueryKeyValue.Weight);
            var (first, end) = Part(3 * hidden / Lane.Width, part, parts);
            ColumnSums.Add(space.QueryKeyValue + (first * Lane.Width), 3 * hidden, sums.QueryKeyValue.Bias + (first * Lane.Width), shape.Rows, (end - first) * Lane.Width);
        });
    }

    /// <summary>The backward pass from the layer's end to what attention gave.</summary>
    private static void BackToAttention(Shape shape, Weights weights, Activations kept, ushort* gradient, Workspace space, Gradients sums)
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        // Each thread sums the gradients of its rows: two gains, two offsets, two biases of one width, one of the other.
        int count = (6 * hidden) + intermediate;
        var partial = new float[shape.Parts * count];
        fixed (float* partials = partial)
        {
            float* all = partials;
            ForEachBlock(shape, Math.Max(hidden, intermediate), (part, rows, product) =>
            {
                float* own = all + (part * count);
                LayerNormWeights outputNorm = new(own, own + hidden), attentionNorm = new(own + (2 * hidden), own + (3 * hidden));
                float* outputBias = own + (4 * hidden), attentionBias = outputBias + hidden, intermediateBias = attentionBias + hidden;
                long at = At(rows, hidden), atIntermediate = At(rows, intermediate);
                float* residual = space.Residual + at;
                Lane.Widen(gradient + at, residual, rows.Count * hidden);
                AddNormKernel.Backward(rows, hidden, shape.OutputMask, residual, kept.OutputUnit + at, kept.OutputDeviation + rows.First, weights.OutputNorm.Gain,
                    space.Output + at, outputNorm, outputBias);
                BFloat16Products.By(rows.Count, intermediate, hidden, space.Output + at, hidden, weights.Output.Weight, intermediate, 0, product, intermediate);
                GeluKernel.BackwardRows(rows.Count, intermediate, product, kept.Slope + atIntermediate, space.Intermediate + atIntermediate, intermediateBias);
                BFloat16Products.By(rows.Count, hidden, intermediate, space.Intermediate + atIntermediate, intermediate, weights.Intermediate.Weight, hidden, 1, residual, hidden);

                AddNormKernel.Backward(rows, hidden, shape.AttendedMask, residual, kept.AttendedUnit + at, kept.AttendedDeviation + rows.First, weights.AttentionNorm.Gain,
                    space.Attended + at, attentionNorm, attentionBias);
                BFloat16Products.By(rows.Count, hidden, hidden, space.Attended + at, hidden, weights.AttentionOutput.Weight, hidden, 0, product, hidden);
                Lane.Round(product, space.Context + at, rows.Count * hidden);
            });
            for (float* own = partials, end = partials + partial.Length; own < end; own += count)
            {
                Add(own, sums.OutputNorm.Gain, hidden);
                Add(own + hidden, sums.OutputNorm.Offset, hidden);
                Add(own + (2 * hidden), sums.AttentionNorm.Gain, hidden);
                Add(own + (3 * hidden), sums.AttentionNorm.Offset, hidden);
                Add(own + (4 * hidden), sums.Output.Bias, hidden);
                Add(own + (5 * hidden), sums.AttentionOutput.Bias, hidden);
                Add(own + (6 * hidden), sums.Intermediate.Bias, intermediate);
            }
        }
    }

    /// <summary>A part of the outputs of a weight's gradient: gradientᵀ x, added to its sum.</summary>
    private static void AddWeightGradient(Shape shape, int part, ushort* gradient, int outputs, ushort* x, int inputs, float* sum)
    {
        var (first, end) = Part(outputs, part, shape.Parts);
        BFloat16Products.TransposedBy(end - first, inputs, shape.Rows, gradient + first, outputs, x, inputs, 1, sum + ((long)first * inputs), inputs);
    }

    /// <summary>
    /// Calls <paramref name="work"/> with each block of rows and memory for <paramref name="width"/> products of each. A thread has the
    /// same rows every time, so that it finds in its cache what it left there.
    /// </summary>
    private static void ForEachBlock(Shape shape, int width, BlockWork work) =>
        ParallelRegion.Run(shape.Parts, part =>
        {
            var product = (float*)NativeMemory.AlignedAlloc((nuint)Math.Min(RowsAtOnce, shape.Rows) * (nuint)width * sizeof(float), 64);
            foreach (var rows in Blocks(shape, part))
                work(part, rows, product);
            NativeMemory.AlignedFree(product);
        });

    private delegate void BlockWork(int part, RowRange rows, float* product);

    /// <summary>The rows of a part, block by block.</summary>
    private static IEnumerable<RowRange> Blocks(Shape shape, int part)
    {
        var (start, end) = Part(shape.Rows, part, shape.Parts);
        for (int first = start; first < end; first += RowsAtOnce)
            yield return new RowRange(first, Math.Min(RowsAtOnce, end - first));
    }

    private static (int First, int End) Part(int count, int part, int parts) => ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));

    private static long At(RowRange rows, int width) => (long)rows.First * width;

    private static ushort* From(ushort* start, long offset) => start is null ? null : start + offset;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddBias(int rows, int width, float* x, float* bias, ushort* result)
    {
        for (int row = 0; row < rows; row++, x += width, result += width)
            for (int i = 0; i < width; i += Lane.Width)
                Lane.Store(Vector512.Load(x + i) + Vector512.Load(bias + i), result + i);
    }

    private static void Add(float* source, float* target, int count)
    {
        for (int i = 0; i < count; i += Lane.Width)
            (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
    }
}
