using System.Numerics;
using Electra.Tensors;
using Electra.Tensors.Kernels;

namespace Electra.Data.Examples;

/// <summary>
/// A random order of the numbers below a count that takes no memory: a keyed bijection. A Feistel network permutes the numbers of an
/// even count of bits; one that it sends beyond the count goes through again until it lands below (cycle walking: Black and Rogaway,
/// "Ciphers with arbitrary finite domains", 2002), four times at most on average.
/// </summary>
internal readonly struct ShuffledOrder
{
    // Four rounds make a random-looking permutation (Luby and Rackoff 1988); few bits need more.
    private const int Rounds = 6;

    private readonly RandomKey key;
    private readonly int halfBits;

    /// <summary>The order of <paramref name="count"/> numbers that <paramref name="key"/> names.</summary>
    public ShuffledOrder(long count, RandomKey key)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        (Count, this.key) = (count, key);
        int bits = BitOperations.Log2((ulong)count) + 1;
        halfBits = (bits + 1) / 2;
    }

    /// <summary>How many numbers are in order.</summary>
    private long Count { get; }

    /// <summary>The number at a place: every number below <see cref="Count"/> has one place.</summary>
    public long this[long place]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(place);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(place, Count);
            do
                place = Permute(place);
            while (place >= Count);
            return place;
        }
    }

    private long Permute(long number)
    {
        ulong mask = (1ul << halfBits) - 1;
        ulong left = (ulong)number >> halfBits, right = (ulong)number & mask;
        for (int round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ (SplitMix.Mix(key[round].Value ^ right) & mask));
        return (long)(left << halfBits | right);
    }
}
