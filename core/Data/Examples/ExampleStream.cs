
using Electra.Tensors;

namespace Electra.Data.Examples;

/// <summary>
/// Examples without end, in an order shuffled anew for each epoch. Everything follows from the seed and the position, so that one
/// number brings a stream back to where it was. Of several processes each reads its share: together they read what one would.
/// </summary>
/// <param name="store">Where the examples are.</param>
/// <param name="seed">Names the orders.</param>
/// <param name="rank">Which of the processes this is, from 0.</param>
/// <param name="world">How many processes share the examples.</param>
public sealed class ExampleStream(ExampleStore store, long seed, int rank = 0, int world = 1)
{
    private readonly RandomKey key = RandomKey.FromSeed(seed);
    private ShuffledOrder order;
    private long orderEpoch = -1;
    private long[] indices = [];

    /// <summary>Examples read so far by all processes together: all there is to save of a stream, and the same for each of them.</summary>
    public long Position { get; set; }

    /// <summary>How many times the examples have been read, with the fraction.</summary>
    public double Epochs => (double)Position / store.Count;

    /// <summary>Fills a batch with the next examples: of the next <paramref name="batch"/>.Size · world ones, every world-th from rank on.</summary>
    public void NextBatch(ExampleBatch batch)
    {
        if (indices.Length != batch.Size)
            indices = new long[batch.Size];
        for (int i = 0; i < indices.Length; i++)
            indices[i] = IndexAt(Position + (long)i * world + rank);
        batch.Fill(store, indices);
        Position += (long)batch.Size * world;
    }

    /// <summary>The numbers of the next examples that this process would read, without reading them.</summary>
    public long[] Next(int count) => [.. Enumerable.Range(0, count).Select(i => IndexAt(Position + (long)i * world + rank))];

    private long IndexAt(long position)
    {
        var (epoch, place) = Math.DivRem(position, store.Count);
        if (epoch != orderEpoch)
            (order, orderEpoch) = (new(store.Count, key[epoch]), epoch);
        return order[place];
    }
}

/// <summary>The ways to read a store in batches.</summary>
public static class ExampleReading
{
    /// <summary>Shuffled and without end, to train on.</summary>
    public static ExampleStream Shuffled(this ExampleStore store, long seed, int rank = 0, int world = 1) => new(store, seed, rank, world);

    /// <summary>Once and in the order of the store, to evaluate on; the last batch may have fewer rows. The batch is filled anew at each step.</summary>
    /// <param name="store">Where the examples are.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    public static IEnumerable<ExampleBatch> InOrder(this ExampleStore store, int batchSize)
    {
        var batch = new ExampleBatch(batchSize, store.MaxLength);
        var indices = new long[batchSize];
        for (long start = 0; start < store.Count; start += batchSize)
        {
            int count = (int)Math.Min(batchSize, store.Count - start);
            for (int i = 0; i < count; i++)
                indices[i] = start + i;
            batch.Fill(store, indices.AsSpan(0, count));
            yield return batch;
        }
    }
}
