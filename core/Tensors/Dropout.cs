using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>
/// Dropout for one pass through a model: the n-th call of a pass always drops the same elements for the same key.
/// </summary>
/// <param name="key">Names the pass: the run's seed, the step, the part of the model.</param>
/// <param name="compute">Where the activations live.</param>
public sealed class Dropout(RandomKey key, Compute compute)
{
    private int calls;

    /// <summary>No dropout: evaluation.</summary>
    public static Dropout None { get; } = new(default, Compute.Reference) { Enabled = false };

    /// <summary>Whether anything is dropped.</summary>
    public bool Enabled { get; private init; } = true;

    /// <summary>Sets each element to zero with probability <paramref name="probability"/> and scales the rest by 1/(1 − p).</summary>
    /// <param name="x">Activations of any shape, float32, bfloat16 or float16.</param>
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

    /// <summary>The dropout of the next call, for a kernel that draws its own mask.</summary>
    internal Kernels.KeepMask NextMask(double probability) =>
        Enabled && probability > 0 ? new(key[calls++], Threshold(probability)) : default;

    private static ushort Threshold(double probability) => (ushort)Math.Clamp(Math.Round(probability * 65536), 1, 65535);

    private unsafe Tensor Mask(long[] shape, ScalarType type, double probability)
    {
        var mask = empty(shape, dtype: type);
        var threshold = Threshold(probability);
        float kept = 65536f / (65536 - threshold);
        nint data = NativeTensors.DataPointer(mask);
        if (type is ScalarType.BFloat16 or ScalarType.Float16)
            VectorRandom.FillMask((ushort*)data, mask.numel(), threshold, type == ScalarType.BFloat16 ? BFloat16Bits(kept) : BitConverter.HalfToUInt16Bits((Half)kept), key[calls++], compute.Threads);
        else
            VectorRandom.FillMask((float*)data, mask.numel(), threshold, kept, key[calls++], compute.Threads);
        return mask;
    }

    /// <summary>The upper half of a float's bits, rounded to nearest.</summary>
    private static ushort BFloat16Bits(float value) => (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x8000) >> 16);
}
