using System.Runtime.InteropServices;
using Electra.Data.Answering;
using Electra.Data.Examples;

namespace Electra.Data.Tasks;

/// <summary>The encoded rows of a split, memory-mapped, with their labels. Reading is safe from many threads.</summary>
internal sealed class EncodedSplit : IDisposable
{
    private readonly ExampleStore store;

    internal EncodedSplit(
        TaskDefinition task,
        TaskSplit split,
        ExampleStore store,
        StoredLabels labels,
        IReadOnlyList<string> words,
        IReadOnlyList<ReadQuestion> questions,
        RowCounts counts
    )
    {
        (Split, this.store, Counts) = (split, store, counts);
        Examples = new TaskExamples(
            task,
            [.. Enumerable.Range(0, labels.Ends.Length).Select(example => store.Lengths(example).Length)],
            labels.Labels,
            labels.Positions,
            labels.Ends,
            store.Vocabulary.Pad,
            (int example, Span<int> ids, out int lengthA) => store.Read(example, ids, out lengthA)
        )
        {
            Words = words,
            Questions = questions,
        };
    }

    public TaskSplit Split { get; }

    /// <summary>The examples, ready to be put into batches.</summary>
    public TaskExamples Examples { get; }

    /// <summary>The number of rows.</summary>
    public int Count => Examples.Rows;

    /// <summary>Names the content: the rows and their labels.</summary>
    public string Fingerprint =>
        Storage.Fingerprint.Of(
            $"{store.Fingerprint} {Storage.Fingerprint.Of(MemoryMarshal.AsBytes(Examples.Labels.AsSpan()))}"
                + (Examples.Positions.Length > 0 ? $" {Storage.Fingerprint.Of(MemoryMarshal.AsBytes(Examples.Positions.AsSpan()))}" : "")
        );

    /// <summary>What became of the rows when they were read and encoded.</summary>
    public RowCounts Counts { get; }

    /// <summary>No example is longer than this.</summary>
    public int MaxLength => store.MaxLength;

    /// <summary>Closes the files.</summary>
    public void Dispose() => store.Dispose();
}
