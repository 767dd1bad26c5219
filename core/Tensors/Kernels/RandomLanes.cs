using System.Runtime.Intrinsics;

namespace Electra.Tensors.Kernels;

/// <summary>Eight xorshift128+ generators (Vigna 2014) side by side in one vector register, seeded from one key.</summary>
internal struct RandomLanes
{
    private Vector512<ulong> a, b;

    /// <summary>Starts the eight sequences that <paramref name="key"/> names.</summary>
    public RandomLanes(ulong key)
    {
        var steps = (Vector512<ulong>.Indices + Vector512<ulong>.One) * SplitMix.Golden;
        a = SplitMix.Mix(Vector512.Create(key) + steps);
        b = SplitMix.Mix(Vector512.Create(unchecked(key + (8 * SplitMix.Golden))) + steps);
    }

    /// <summary>512 random bits.</summary>
    public Vector512<ulong> Next()
    {
        var x = a;
        var y = b;
        a = y;
        x ^= x << 23;
        b = x ^ y ^ (x >>> 17) ^ (y >>> 26);
        return b + y;
    }
}
