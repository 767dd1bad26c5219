using System.Runtime.Intrinsics;

namespace Electra.Tensors.Kernels;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014) with Stafford's mix 13: from a key to the keys of its parts.</summary>
internal static class SplitMix
{
    /// <summary>2^64 divided by the golden ratio: the step from one key to the next.</summary>
    public const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Spreads every bit over all 64.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <inheritdoc cref="Mix(ulong)"/>
    public static Vector512<ulong> Mix(Vector512<ulong> z)
    {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EB;
        return z ^ (z >>> 31);
    }

    /// <summary>The key of one part of what a key stands for.</summary>
    public static ulong Part(ulong key, long part) => Mix(key + Mix((ulong)part ^ ~Golden));
}
