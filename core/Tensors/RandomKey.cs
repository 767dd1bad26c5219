using System.Numerics;
using Electra.Tensors.Kernels;

namespace Electra.Tensors;

/// <summary>
/// The name of a stream of random numbers. A key is derived from a seed and from what the numbers are for (the step, the layer), so
/// that every number of a run is a function of the seed and its place: nothing needs to be saved to go on where a run stopped, and
/// the number of threads changes nothing.
/// </summary>
/// <param name="Value">64 well-mixed bits.</param>
public readonly record struct RandomKey(ulong Value)
{
    /// <summary>The key of a run.</summary>
    public static RandomKey FromSeed(long seed) => new(SplitMix.Mix((ulong)seed + SplitMix.Golden));

    /// <summary>The key of one part of what this key stands for.</summary>
    public RandomKey this[long part] => new(SplitMix.Part(Value, part));

    /// <summary>A generator that starts at this key.</summary>
    public RandomNumbers Numbers() => new(this);
}

/// <summary>A sequence of random numbers (xoshiro256++, Blackman and Vigna 2019).</summary>
public struct RandomNumbers
{
    private ulong s0, s1, s2, s3;

    /// <summary>Starts the sequence that <paramref name="key"/> names.</summary>
    public RandomNumbers(RandomKey key)
    {
        ulong state = key.Value;
        s0 = SplitMix.Mix(state += SplitMix.Golden);
        s1 = SplitMix.Mix(state += SplitMix.Golden);
        s2 = SplitMix.Mix(state += SplitMix.Golden);
        s3 = SplitMix.Mix(state + SplitMix.Golden);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        ulong result = BitOperations.RotateLeft(s0 + s3, 23) + s0, t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1L << 53));

    /// <summary>An integer in [0, <paramref name="limit"/>), all equally likely (Lemire 2019).</summary>
    public int Next(int limit)
    {
        ulong product = (NextBits() >> 32) * (uint)limit;
        if ((uint)product < (uint)limit)
            for (uint threshold = (0u - (uint)limit) % (uint)limit; (uint)product < threshold;)
                product = (NextBits() >> 32) * (uint)limit;
        return (int)(product >> 32);
    }
}
