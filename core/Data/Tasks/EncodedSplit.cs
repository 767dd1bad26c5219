using System.Runtime.InteropServices;
using Electra.Data.Examples;
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>The encoded rows of a split, memory-mapped, with their labels. Reading is safe from many threads.</summary>
internal sealed class EncodedSplit : IDisposable
{
    private readonly ExampleStore store;
    private readonly float[] labels;
    private readonly int[] lengths;

    internal EncodedSplit(TaskSplit split, ExampleStore store, float[] labels, RowCounts counts)
    {
        (Split, this.store, this.labels, Counts) = (split, store, labels, counts);
        lengths = [.. Enumerable.Range(0, Count).Select(row => store.Lengths(row).Length)];
    }

    public TaskSplit Split { get; }

    /// <summary>The number of rows.</summary>
    public int Count => labels.Length;

    /// <summary>Names the content: the rows and their labels.</summary>
    public string Fingerprint =>
        Storage.Fingerprint.Of($"{store.Fingerprint} {Storage.Fingerprint.Of(MemoryMarshal.AsBytes(labels.AsSpan()))}");

    /// <summary>The label of each row: the number of its class, or its value; NaN where there is none.</summary>
    public IReadOnlyList<float> Labels => labels;

    /// <summary>What became of the rows when they were read and encoded.</summary>
    public RowCounts Counts { get; }

    /// <summary>No row is longer than this.</summary>
    public int MaxLength => store.MaxLength;

    /// <summary>The tokens of each row.</summary>
    public IReadOnlyList<int> Lengths => lengths;

    /// <summary>
    /// The rows of each batch of one epoch of training, by their numbers: a function of seed and epoch. The last one may be smaller.
    /// </summary>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="epoch">Which epoch, from 0.</param>
    public IReadOnlyList<int[]> Shuffled(int batchSize, long seed, int epoch) =>
        [.. LengthOrder.Shuffled(lengths, batchSize, RandomKey.FromSeed(seed)[epoch]).Chunk(batchSize)];

    /// <summary>All rows once, the longest first: batches to measure or predict on.</summary>
    /// <param name="batchSize">Rows in a batch.</param>
    public IEnumerable<TaskBatch> ByLength(int batchSize) => LengthOrder.LongestFirst(lengths).Chunk(batchSize).Select(rows => Batch(rows));

    /// <summary>Some rows side by side.</summary>
    /// <param name="rows">Their numbers.</param>
    /// <param name="firstRow">The number of the first of them in the whole batch of an update.</param>
    public TaskBatch Batch(int[] rows, long firstRow = 0)
    {
        var batch = TaskBatch.Of(
            rows,
            lengths,
            labels,
            store.Vocabulary.Pad,
            (int row, Span<int> ids, out int lengthA) => store.Read(row, ids, out lengthA)
        );
        return batch with { Tokens = batch.Tokens with { FirstRow = firstRow } };
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => store.Dispose();
}
