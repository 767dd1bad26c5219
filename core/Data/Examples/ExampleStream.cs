using Electra.Tensors;

namespace Electra.Data.Examples;

/// <summary>
/// Examples without end, in an order shuffled anew for each epoch. Everything follows from the seed and the position, so that one
/// number brings a stream back to where it was. Of several processes each reads its share: together they read what one would.
/// </summary>
/// <param name="count">How many there are.</param>
/// <param name="seed">Names the orders.</param>
/// <param name="rank">Which of the processes this is, from 0.</param>
/// <param name="world">How many processes share the examples.</param>
internal sealed class ExampleStream(long count, long seed, int rank = 0, int world = 1)
{
    private readonly RandomKey key = RandomKey.FromSeed(seed);
    private ShuffledOrder order;
    private long orderEpoch = -1;

    /// <summary>Examples read so far by all processes together: all there is to save of a stream, and the same for each of them.</summary>
    public long Position { get; set; }

    /// <summary>The numbers of the next examples: of the next <paramref name="count"/> · world ones, every world-th from rank on.</summary>
    public long[] Next(int count)
    {
        long[] next = [.. Enumerable.Range(0, count).Select(i => IndexAt(Position + (long)i * world + rank))];
        Position += (long)count * world;
        return next;
    }

    private long IndexAt(long position)
    {
        var (epoch, place) = Math.DivRem(position, count);
        if (epoch != orderEpoch)
            (order, orderEpoch) = (new(count, key[epoch]), epoch);
        return order[place];
    }
}

/// <summary>The ways to read a store in batches.</summary>
internal static class ExampleReading
{
    /// <summary>Shuffled and without end, to train on.</summary>
    public static ExampleStream Shuffled(this ExampleStore store, long seed, int rank = 0, int world = 1) =>
        new(store.Count, seed, rank, world);

    /// <summary>The first examples, once and in the order of the store, to evaluate on; the last batch may have fewer rows.</summary>
    /// <param name="store">Where the examples are.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="most">How many examples, at most.</param>
    /// <param name="paddingType">The token type of padding.</param>
    public static IEnumerable<TokenBatch> InOrder(this ExampleStore store, int batchSize, long most = long.MaxValue, int paddingType = 0)
    {
        long end = Math.Min(most, store.Count);
        for (long start = 0; start < end; start += batchSize)
            yield return store.Batch(
                [.. Enumerable.Range(0, (int)Math.Min(batchSize, end - start)).Select(i => start + i)],
                paddingType,
                firstRow: start
            );
    }
}
