using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// A whole layer of a post-normalised transformer on bfloat16. Each thread takes its rows through one product after the other, a block
/// that stays in its cache at a time, and only attention and the gradients of the weights make the threads wait for each other. What
/// products give stays in float32 until it is normalised, activated or attended with.
/// </summary>
internal static unsafe class TransformerLayerKernel
{
    /// <summary>Rows of a block: as few as leave the products at their full rate.</summary>
    private const int RowsAtOnce = 256;

    /// <summary>What one call works on.</summary>
    /// <param name="Attention">Sequences, heads and their sizes, and the dropout of the attention weights.</param>
    /// <param name="Intermediate">Width of the feed-forward network, a multiple of 32.</param>
    /// <param name="Epsilon">Added to the variances.</param>
    /// <param name="AttendedMask">The dropout before the first normalisation.</param>
    /// <param name="OutputMask">The dropout before the second.</param>
    /// <param name="Threads">Threads to use.</param>
    public sealed record Shape(
        AttentionKernel.Shape Attention,
        int Intermediate,
        float Epsilon,
        KeepMask AttendedMask,
        KeepMask OutputMask,
        int Threads
    )
    {
        public int Rows => Attention.Batch * Attention.Length;

        public int Hidden => Attention.Hidden;

        public int Parts => Math.Clamp(Rows, 1, Threads);
    }

    /// <summary>The parameters, or where their gradients are summed.</summary>
    /// <typeparam name="TLinear"><see cref="LinearWeights"/> or <see cref="LinearGradients"/>.</typeparam>
    public readonly struct Parameters<TLinear> where TLinear : unmanaged
    {
        public TLinear QueryKeyValue { get; init; }

        public TLinear AttentionOutput { get; init; }

        public TLinear Intermediate { get; init; }

        public TLinear Output { get; init; }

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

        /// <summary>The same before weight and bias; for the backward pass.</summary>
        public ushort* AttendedUnit { get; init; }

        /// <summary>1/σ of its rows; for the backward pass.</summary>
        public float* AttendedDeviation { get; init; }

        /// <summary>GELU of the feed-forward network, <c>[rows, intermediate]</c>.</summary>
        public ushort* Activated { get; init; }

        /// <summary>Its derivative; for the backward pass.</summary>
        public ushort* Slope { get; init; }

        /// <summary>The result before weight and bias, <c>[rows, hidden]</c>; for the backward pass.</summary>
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
    public static void Forward(Shape shape, Parameters<LinearWeights> weights, ushort* x, Activations kept, ushort* result)
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        Run(shape,
            (_, rows, product) =>
            {
                BFloat16Products.ByTransposed(
                    rows.Count,
                    3 * hidden,
                    hidden,
                    1,
                    x + At(rows, hidden),
                    hidden,
                    weights.QueryKeyValue.Weight,
                    hidden,
                    product,
                    3 * hidden
                );
                AddBias(rows.Count, 3 * hidden, product, weights.QueryKeyValue.Bias, kept.QueryKeyValue + At(rows, 3 * hidden));
            },
            heads => AttentionKernel.Forward(shape.Attention, heads, kept.QueryKeyValue, kept.Context, kept.AttentionWeights),
            (_, rows, product) =>
            {
                long at = At(rows, hidden),
                    atIntermediate = At(rows, intermediate);
                BFloat16Products.ByTransposed(
                    rows.Count,
                    hidden,
                    hidden,
                    1,
                    kept.Context + at,
                    hidden,
                    weights.AttentionOutput.Weight,
                    hidden,
                    product,
                    hidden
                );
                AddNormKernel.Forward(
                    rows,
                    hidden,
                    shape.AttendedMask,
                    product,
                    weights.AttentionOutput.Bias,
                    x + at,
                    weights.AttentionNorm,
                    shape.Epsilon,
                    kept.Attended + at,
                    From(kept.AttendedUnit, at),
                    From(kept.AttendedDeviation, rows.First)
                );

                BFloat16Products.ByTransposed(
                    rows.Count,
                    intermediate,
                    hidden,
                    1,
                    kept.Attended + at,
                    hidden,
                    weights.Intermediate.Weight,
                    hidden,
                    product,
                    intermediate
                );
                GeluKernel.ForwardRows(
                    rows.Count,
                    intermediate,
                    product,
                    weights.Intermediate.Bias,
                    kept.Activated + atIntermediate,
                    From(kept.Slope, atIntermediate)
                );

                BFloat16Products.ByTransposed(
                    rows.Count,
                    hidden,
                    intermediate,
                    1,
                    kept.Activated + atIntermediate,
                    intermediate,
                    weights.Output.Weight,
                    intermediate,
                    product,
                    hidden
                );
                AddNormKernel.Forward(
                    rows,
                    hidden,
                    shape.OutputMask,
                    product,
                    weights.Output.Bias,
                    kept.Attended + at,
                    weights.OutputNorm,
                    shape.Epsilon,
                    result + at,
                    From(kept.OutputUnit, at),
                    From(kept.OutputDeviation, rows.First)
                );
            }
        );
    }

    /// <summary>Writes the gradient of x from that of the result, and adds those of the parameters where they are summed.</summary>
    public static void Backward(
        Shape shape,
        Parameters<LinearWeights> weights,
        ushort* x,
        Activations kept,
        ushort* gradient,
        Workspace space,
        ushort* result,
        Parameters<LinearGradients> sums
    )
    {
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        using var partial = new PartialSums(shape);
        Run(shape,
            (part, rows, product) =>
            {
                var own = partial[part];
                long at = At(rows, hidden), atIntermediate = At(rows, intermediate);
                float* residual = space.Residual + at;
                Lane.Widen(gradient + at, residual, rows.Count * hidden);
                AddNormKernel.Backward(
                    rows,
                    hidden,
                    shape.OutputMask,
                    residual,
                    kept.OutputUnit + at,
                    kept.OutputDeviation + rows.First,
                    weights.OutputNorm.Gain,
                    space.Output + at,
                    own.OutputNorm,
                    own.Output.Bias
                );
                BFloat16Products.By(
                    rows.Count,
                    intermediate,
                    hidden,
                    space.Output + at,
                    hidden,
                    weights.Output.Weight,
                    intermediate,
                    0,
                    product,
                    intermediate
                );
                GeluKernel.BackwardRows(
                    rows.Count,
                    intermediate,
                    product,
                    kept.Slope + atIntermediate,
                    space.Intermediate + atIntermediate,
                    own.Intermediate.Bias
                );
                BFloat16Products.By(
                    rows.Count,
                    hidden,
                    intermediate,
                    space.Intermediate + atIntermediate,
                    intermediate,
                    weights.Intermediate.Weight,
                    hidden,
                    1,
                    residual,
                    hidden
                );

                AddNormKernel.Backward(
                    rows,
                    hidden,
                    shape.AttendedMask,
                    residual,
                    kept.AttendedUnit + at,
                    kept.AttendedDeviation + rows.First,
                    weights.AttentionNorm.Gain,
                    space.Attended + at,
                    own.AttentionNorm,
                    own.AttentionOutput.Bias
                );
                BFloat16Products.By(
                    rows.Count,
                    hidden,
                    hidden,
                    space.Attended + at,
                    hidden,
                    weights.AttentionOutput.Weight,
                    hidden,
                    0,
                    product,
                    hidden
                );
                Lane.Round(product, space.Context + at, rows.Count * hidden);
            },
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
                BFloat16Products.By(
                    rows.Count,
                    hidden,
                    3 * hidden,
                    space.QueryKeyValue + At(rows, 3 * hidden),
                    3 * hidden,
                    weights.QueryKeyValue.Weight,
                    hidden,
                    1,
                    space.Residual + at,
                    hidden
                );
                Lane.Round(space.Residual + at, result + at, rows.Count * hidden);
            });
        partial.AddTo(sums);

        ParallelRegion.Run(
            shape.Parts,
            part =>
            {
                AddWeightGradient(shape, part, space.Output, hidden, kept.Activated, intermediate, sums.Output.Weight);
                AddWeightGradient(shape, part, space.Intermediate, intermediate, kept.Attended, hidden, sums.Intermediate.Weight);
                AddWeightGradient(shape, part, space.Attended, hidden, kept.Context, hidden, sums.AttentionOutput.Weight);
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
        );
    }

    /// <summary>A part of the outputs of a weight's gradient: gradientᵀ x, added to its sum.</summary>
    private static void AddWeightGradient(Shape shape, int part, ushort* gradient, int outputs, ushort* x, int inputs, float* sum)
    {
        var (first, end) = ParallelRegion.Part(outputs, part, shape.Parts);
        BFloat16Products.TransposedBy(
            end - first,
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
        int width = Math.Max(3 * shape.Hidden, shape.Intermediate);
        var product = (float*)NativeMemory.AlignedAlloc((nuint)Math.Min(rows, shape.Rows) * (nuint)width * sizeof(float), 64);
        work(part, product);
        NativeMemory.AlignedFree(product);
    });

    private static long At(RowRange rows, int width) => (long)rows.First * width;

    private static ushort* From(ushort* start, long offset) => start is null ? null : start + offset;

    private static float* From(float* start, long offset) => start is null ? null : start + offset;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddBias(int rows, int width, float* x, float* bias, ushort* result)
    {
        for (int row = 0; row < rows; row++, x += width, result += width)
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                Lane.Store(Vector512.Load(x + i) + Vector512.Load(bias + i), Vector512.Load(x + j) + Vector512.Load(bias + j), result + i);
            }
    }

    /// <summary>What each thread sums of the gradients of its rows: those of all parameters that are vectors but one.</summary>
    private sealed class PartialSums(Shape shape) : IDisposable
    {
        private readonly float* sums = (float*)NativeMemory.AllocZeroed((nuint)(shape.Parts * CountOf(shape)), sizeof(float));

        /// <summary>Those of one thread: gains, offsets, and the biases of what follows attention.</summary>
        public Parameters<LinearGradients> this[int part]
        {
            get
            {
                int hidden = shape.Hidden;
                float* own = sums + (part * CountOf(shape));
                return new()
                {
                    OutputNorm = new(own, own + hidden),
                    AttentionNorm = new(own + (2 * hidden), own + (3 * hidden)),
                    Output = new(null, own + (4 * hidden)),
                    AttentionOutput = new(null, own + (5 * hidden)),
                    Intermediate = new(null, own + (6 * hidden)),
                };
            }
        }

        /// <summary>Adds those of all threads, one after the other.</summary>
        public void AddTo(Parameters<LinearGradients> all)
        {
            int hidden = shape.Hidden;
            for (int part = 0; part < shape.Parts; part++)
            {
                var own = this[part];
                Lane.Add(own.OutputNorm.Gain, all.OutputNorm.Gain, hidden);
                Lane.Add(own.OutputNorm.Offset, all.OutputNorm.Offset, hidden);
                Lane.Add(own.AttentionNorm.Gain, all.AttentionNorm.Gain, hidden);
                Lane.Add(own.AttentionNorm.Offset, all.AttentionNorm.Offset, hidden);
                Lane.Add(own.Output.Bias, all.Output.Bias, hidden);
                Lane.Add(own.AttentionOutput.Bias, all.AttentionOutput.Bias, hidden);
                Lane.Add(own.Intermediate.Bias, all.Intermediate.Bias, shape.Intermediate);
            }
        }

        public void Dispose() => NativeMemory.Free(sums);

        private static int CountOf(Shape shape) => (6 * shape.Hidden) + shape.Intermediate;
    }
}
