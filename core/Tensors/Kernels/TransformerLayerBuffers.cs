using System.Runtime.InteropServices;

namespace Electra.Tensors.Kernels;

/// <content>What a layer is computed from and into: its sizes, parameters, activations and gradients.</content>
internal static unsafe partial class TransformerLayerKernel
{
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

        /// <summary>Columns of the widest product.</summary>
        public int Widest => Math.Max(3 * Hidden, Intermediate);

        public int Parts => Math.Clamp(Rows, 1, Threads);
    }

    /// <summary>The parameters, or where their gradients are summed.</summary>
    /// <typeparam name="TLinear"><see cref="LinearWeights{T}"/> or <see cref="LinearGradients"/>.</typeparam>
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
    public readonly struct Activations<T> where T : unmanaged
    {
        /// <summary><c>[rows, 3 · hidden]</c>.</summary>
        public T* QueryKeyValue { get; init; }

        /// <summary><c>[batch · heads, length, stride]</c>, before dropout; for the backward pass.</summary>
        public T* AttentionWeights { get; init; }

        /// <summary><c>[rows, hidden]</c>.</summary>
        public T* Context { get; init; }

        /// <summary>After the first half of the layer, <c>[rows, hidden]</c>.</summary>
        public T* Attended { get; init; }

        /// <summary>The same before weight and bias; for the backward pass, which turns it into the gradient of the first half's
        /// product.</summary>
        public T* AttendedUnit { get; init; }

        /// <summary>1/σ of its rows; for the backward pass.</summary>
        public float* AttendedDeviation { get; init; }

        /// <summary>GELU of the feed-forward network, <c>[rows, intermediate]</c>.</summary>
        public T* Activated { get; init; }

        /// <summary>Its derivative; for the backward pass, which turns it into the gradient before GELU.</summary>
        public T* Slope { get; init; }

        /// <summary>The result before weight and bias, <c>[rows, hidden]</c>; for the backward pass, which turns it into
        /// the gradient of the second half's product.</summary>
        public T* OutputUnit { get; init; }

        /// <summary>1/σ of its rows; for the backward pass.</summary>
        public float* OutputDeviation { get; init; }
    }

    /// <summary>
    /// Memory for the backward pass: gradients on their way from one stage to the next. Others take the place of what was kept for them.
    /// </summary>
    public readonly struct Workspace<T> where T : unmanaged
    {
        /// <summary>Of what attention gives, <c>[rows, hidden]</c>.</summary>
        public T* Context { get; init; }

        /// <summary><c>[rows, 3 · hidden]</c>.</summary>
        public T* QueryKeyValue { get; init; }

        /// <summary>Of what goes around the products, <c>[rows, hidden]</c>.</summary>
        public float* Residual { get; init; }
    }

    /// <summary>What each thread sums of the gradients of its rows: those of all parameters that are vectors but one.</summary>
    private sealed class PartialSums(Shape shape) : IDisposable
    {
        private readonly float* sums = (float*)NativeMemory.AllocZeroed((nuint)(shape.Parts * CountOf(shape)), sizeof(float));

        /// <summary>Those of one thread: the norms' weights and biases, and the biases of what follows attention.</summary>
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
                Lane.Add(own.OutputNorm.Weight, all.OutputNorm.Weight, hidden);
                Lane.Add(own.OutputNorm.Bias, all.OutputNorm.Bias, hidden);
                Lane.Add(own.AttentionNorm.Weight, all.AttentionNorm.Weight, hidden);
                Lane.Add(own.AttentionNorm.Bias, all.AttentionNorm.Bias, hidden);
                Lane.Add(own.Output.Bias, all.Output.Bias, hidden);
                Lane.Add(own.AttentionOutput.Bias, all.AttentionOutput.Bias, hidden);
                Lane.Add(own.Intermediate.Bias, all.Intermediate.Bias, shape.Intermediate);
            }
        }

        public void Dispose() => NativeMemory.Free(sums);

        private static int CountOf(Shape shape) => (6 * shape.Hidden) + shape.Intermediate;
    }
}
