using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>
/// Dropout for one pass through a model. What is dropped is a function of the key, the number of the call, the sequence's row in the
/// whole batch and the place within the sequence: neither padding nor the cut into micro-batches changes it.
/// </summary>
/// <param name="key">Names the pass: the run's seed, the update, the part of the model.</param>
/// <param name="compute">Where the activations live.</param>
/// <param name="sequences">Sequences of the pass: the activations of each lie one after the other.</param>
/// <param name="firstRow">The number of the first sequence in the whole batch.</param>
/// <remarks>On CUDA libtorch draws; <see cref="DeviceRandom.Seed"/> makes its draws a function of key and first row, and <see cref="Seed"/>
/// those of a layer a function of its number too.</remarks>
internal sealed class Dropout(RandomKey key, Compute compute, int sequences, long firstRow = 0)
{
    /// <summary>The number of the next call. Set back to an earlier one, the same is dropped once more.</summary>
    public int NextCall { get; set; }

    /// <summary>No dropout: evaluation.</summary>
    public static Dropout None { get; } = new(default, Compute.Reference, 1) { Enabled = false };

    /// <summary>Whether anything is dropped.</summary>
    public bool Enabled { get; private init; } = true;

    /// <summary>Sets each element to zero with probability <paramref name="probability"/> and scales the rest by 1/(1 − p).</summary>
    /// <param name="x">
    /// Activations, float32, bfloat16 or float16: <c>[sequences, …]</c> or <c>[sequences · length, …]</c>; or attention weights
    /// <c>[sequences, heads, length, length]</c>.
    /// </param>
    /// <param name="probability">p, kept to a multiple of 1/65536 on the CPU.</param>
    public Tensor Apply(Tensor x, double probability)
    {
        if (!Enabled || probability <= 0)
            return x;
        if (compute.IsCuda)
            return nn.functional.dropout(x, probability, training: true);
        using var mask = Mask(x.shape, x.dtype, probability);
        return x.mul(mask);
    }

    /// <summary>Names what libtorch draws from here on by the number of the next call: on CUDA, to be able to draw it once more.</summary>
    public void Seed()
    {
        if (Enabled && compute.IsCuda)
            DeviceRandom.Seed(compute, key[firstRow][NextCall++]);
    }

    /// <summary>The dropout of the next call, for a kernel that draws its own mask row by row.</summary>
    /// <param name="probability">p.</param>
    /// <param name="rowsPerSequence">Rows of each sequence: positions, or attention heads.</param>
    internal Kernels.KeepMask NextMask(double probability, int rowsPerSequence) =>
        Enabled && probability > 0 ? new(key[NextCall++].Value, Threshold(probability), firstRow, rowsPerSequence) : default;

    private static ushort Threshold(double probability) => (ushort)Math.Clamp(Math.Round(probability * 65536), 1, 65535);

    private unsafe Tensor Mask(long[] shape, ScalarType type, double probability)
    {
        var mask = empty(shape, dtype: type);
        var (threshold, call) = (Threshold(probability), key[NextCall++]);
        float kept = 65536f / (65536 - threshold);
        nint data = NativeTensors.DataPointer(mask);
        var (streams, keyOf) = Streams(shape, call);
        long length = mask.numel() / streams;
        if (type is ScalarType.BFloat16 or ScalarType.Float16)
            VectorRandom.FillMask(
                (ushort*)data,
                streams,
                length,
                threshold,
                type == ScalarType.BFloat16 ? BFloat16Bits(kept) : BitConverter.HalfToUInt16Bits((Half)kept),
                keyOf,
                compute.Threads
            );
        else
            VectorRandom.FillMask((float*)data, streams, length, threshold, kept, keyOf, compute.Threads);
        return mask;
    }

    /// <summary>
    /// A stream for each sequence. Rows of attention weights are as long as the longest sequence of the pass: there each row has a
    /// stream of its own, so that the others' length moves nothing.
    /// </summary>
    private (int Streams, Func<int, RandomKey> KeyOf) Streams(long[] shape, RandomKey call)
    {
        if (shape.Length != 4)
            return (sequences, sequence => call[firstRow + sequence]);
        var (heads, length) = ((int)shape[1], (int)shape[2]);
        return (sequences * heads * length, row => call[firstRow + (row / (heads * length))][row / length % heads][row % length]);
    }

    /// <summary>The upper half of a float's bits, rounded to nearest.</summary>
    private static ushort BFloat16Bits(float value) => (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x8000) >> 16);
}
