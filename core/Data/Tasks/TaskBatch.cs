namespace Electra.Data.Tasks;

/// <summary>Examples of a task as the model reads them, padded to the longest of them.</summary>
/// <param name="Tokens">Ids, token types (0 for [CLS] a [SEP] and for padding, 1 for b [SEP]) and lengths.</param>
/// <param name="Labels">Their labels, example after example: the number of a class, or a value; NaN where there is none.</param>
/// <param name="Places">The number in its split of each place that the head reads, the example's or the label's; the examples' where a
/// kind has another number of places.</param>
internal sealed record TaskBatch(TokenBatch Tokens, float[] Labels, int[] Places)
{
    /// <summary>Indices into the ids of the positions that the head reads; null: the first token of each example.</summary>
    public long[]? Positions { get; init; }

    /// <summary>The examples of each row, where those of a row stay together; null elsewhere.</summary>
    public int[]? RowSizes { get; init; }
}
