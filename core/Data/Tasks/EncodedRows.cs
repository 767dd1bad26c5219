
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>Rows encoded in memory: text that is predicted as it comes, and not kept.</summary>
internal sealed class EncodedRows
{
    private readonly EncodingBuffers buffers = new();
    private readonly float[] labels;
    private readonly int[] lengths;
    private readonly int padding;

    private EncodedRows(IReadOnlyList<TaskRow> rows, bool isPair, ElectraTokenizer tokenizer, EncodingOptions options)
    {
        foreach (var row in rows)
            TaskEncoding.Encode(row, isPair, swap: false, tokenizer, options.MaxLength, buffers);
        labels = [.. rows.Select(row => row.Label)];
        lengths = [.. Enumerable.Range(0, rows.Count).Select(row => buffers.Rows[row].Length)];
        padding = tokenizer.Vocabulary.PadId;
    }

    /// <summary>What became of the rows.</summary>
    public RowCounts Counts => buffers.Counts;

    /// <summary>Encodes rows, as those of a task's files are encoded.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="isPair">Whether each has two texts.</param>
    /// <param name="tokenizer">The tokenizer of the model that shall read them.</param>
    /// <param name="options">How they are encoded.</param>
    public static EncodedRows Of(IReadOnlyList<TaskRow> rows, bool isPair, ElectraTokenizer tokenizer, EncodingOptions options) =>
        new(rows, isPair, tokenizer, options);

    /// <summary>All rows once, the longest first.</summary>
    /// <param name="batchSize">Rows in a batch.</param>
    public IEnumerable<TaskBatch> ByLength(int batchSize) => LengthOrder.LongestFirst(lengths).Chunk(batchSize)
        .Select(rows => TaskBatch.Of(rows, lengths, labels, padding, Read));

    private int Read(int row, Span<int> ids, out int lengthA)
    {
        var tokens = buffers.Rows[row];
        tokens.CopyTo(ids);
        lengthA = buffers.Rows.Bounds[row].LengthA;
        return tokens.Length;
    }
}
