using Electra.Tensors;

namespace Electra.Data.Examples;

/// <summary>How examples become the rows of a batch.</summary>
public enum ExamplePacking
{
    /// <summary>Each has a row to itself, filled up with padding.</summary>
    None,

    /// <summary>
    /// Several share a row, as many as fit in, and do not attend to each other: greedy best fit, as in ModernBERT. For corpora of short
    /// documents.
    /// </summary>
    BestFit,
}

/// <summary>
/// The rows that batches are made of: an example each, or several that share one. Which examples share a row is a function of the
/// examples alone, so that nothing of it is saved in a state.
/// </summary>
internal sealed class ExampleRows
{
    // 5,120 as in ModernBERT; of the rows that are filled at a time only the last stay a little emptier, so they may be many.
    private const int Buffer = 5120, RowsAtATime = 128, Refill = 128;

    private readonly ExampleStore store;

    // The examples of all rows, one row after the other, and where each row ends. Null: a row is the example of its number.
    private readonly long[]? examples;
    private readonly List<long> ends = [];

    /// <summary>Rows of a store's examples.</summary>
    /// <param name="store">Where they are.</param>
    /// <param name="packing">Whether they share rows.</param>
    public ExampleRows(ExampleStore store, ExamplePacking packing)
    {
        this.store = store;
        if (packing == ExamplePacking.None || store.Count == 0)
            return;
        // Neighbours in the corpus are alike; they go into rows all over it.
        var order = new ShuffledOrder(store.Count, RandomKey.FromSeed(0));
        examples = new long[store.Count];
        long placed = 0;
        var packer = new BestFit(RowsAtATime, store.MaxLength, Buffer, Refill);
        foreach (var rows in packer.Pack(store.Count, place => store.Lengths(order[place]).Length))
            foreach (var row in rows)
            {
                foreach (long place in row)
                    examples[placed++] = order[place];
                ends.Add(placed);
            }
    }

    /// <summary>How many rows there are.</summary>
    public long Count => examples is null ? store.Count : ends.Count;

    /// <summary>Whether examples share rows.</summary>
    public bool IsPacked => examples is not null;

    /// <summary>Packing efficiency: the share of the rows' places that are tokens.</summary>
    public double Efficiency => Count == 0 ? 0 : (double)store.Counts.Tokens / Count / store.MaxLength;

    /// <summary>How many rows there are, and how full they are, in words.</summary>
    public string Summary =>
        $"{Count:N0} rows of up to {store.MaxLength} tokens, {(double)store.Count / Count:F1} examples in each; {Efficiency:0.0%} of the "
            + "places are tokens (packing efficiency)";

    /// <summary>Shuffled and without end, to train on.</summary>
    public ExampleStream Shuffled(long seed) => new(Count, seed);

    /// <summary>The examples of a row, in order.</summary>
    public ReadOnlySpan<long> this[long row] =>
        examples is null
            ? new long[] { row }
            : examples.AsSpan((int)(row == 0 ? 0 : ends[(int)row - 1])..(int)ends[(int)row]);

    /// <summary>Some rows as a batch, padded to the longest.</summary>
    /// <param name="rows">Which rows.</param>
    /// <param name="paddingType">The token type of padding.</param>
    /// <param name="firstRow">The number of the first of them in the whole batch.</param>
    public TokenBatch Batch(ReadOnlySpan<long> rows, int paddingType = 0, long firstRow = 0)
    {
        if (examples is null)
            return store.Batch(rows, paddingType, firstRow);
        var packed = new long[rows.Length][];
        for (int i = 0; i < rows.Length; i++)
            packed[i] = this[rows[i]].ToArray();
        return store.Batch(packed, paddingType, firstRow);
    }
}
