using Electra.Tensors.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Random numbers that are made where the tensors live, each a function of a key and a column: the same on every device.</summary>
internal static class DeviceRandom
{
    /// <summary>Seeds what libtorch itself draws on a device: dropout on CUDA. On the CPU nothing is drawn by libtorch.</summary>
    /// <remarks><c>torch.manual_seed</c> seeds the CPU's generator only.</remarks>
    public static void Seed(Compute compute, RandomKey key)
    {
        if (compute.Device.type == DeviceType.CUDA)
            cuda.manual_seed_all((long)(key.Value >> 1));
    }

    /// <summary>Numbers in (0, 1) with 24 bits, the middles of equal parts: SplitMix64 of key and column.</summary>
    /// <param name="keys">Names the numbers of each row.</param>
    /// <param name="columns">Numbers in a row.</param>
    /// <param name="compute">Where they are needed.</param>
    /// <returns><c>[keys, columns]</c> float32.</returns>
    public static Tensor Uniform(IReadOnlyList<RandomKey> keys, long columns, Compute compute)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (columns == 1 && keys is StagedKeys { Draws: { } draws })
            return Middles(draws.unsqueeze(1)).MoveToOuterDisposeScope();
        var rows = Staging.Put(compute, [.. keys.Select(key => (long)key.Value)])[0];
        var x = arange(1, columns + 1, dtype: int64, device: compute.Device)
            .mul_(unchecked((long)SplitMix.Golden))
            .unsqueeze(0)
            .add(rows.unsqueeze(1));
        x = Multiplied(x, 30, unchecked((long)0xBF58476D1CE4E5B9));
        x = Multiplied(x, 27, unchecked((long)0x94D049BB133111EB));
        x = Folded(x, 31);
        return Middles(Shifted(x, 40)).MoveToOuterDisposeScope();
    }

    /// <summary>The 24 bits that the first number of a key, in <see cref="Uniform"/>, is made of.</summary>
    public static long FirstDraw(RandomKey key) => (long)(SplitMix.Mix(unchecked(key.Value + SplitMix.Golden)) >> 40);

    /// <summary>24 bits to the middle of a part of (0, 1).</summary>
    private static Tensor Middles(Tensor draws) =>
        draws.to(float32).add_(0.5).mul_(1.0 / (1 << 24)).clamp_max_(1 - (1.0 / (1 << 24)));

    private static Tensor Multiplied(Tensor x, int bits, long factor) => Folded(x, bits).mul_(factor);

    /// <summary>x ^ (x >>> bits).</summary>
    private static Tensor Folded(Tensor x, int bits)
    {
        using var high = Shifted(x, bits);
        return x.bitwise_xor_(high);
    }

    /// <summary>A shift that fills up with zeros; libtorch's fills up with the sign.</summary>
    private static Tensor Shifted(Tensor x, int bits)
    {
        using Tensor by = full(1, bits, dtype: int64, device: x.device),
            mask = full(1, (1L << (64 - bits)) - 1, dtype: int64, device: x.device);
        return x.bitwise_right_shift(by).bitwise_and_(mask);
    }
}
