namespace Electra.Data.Tasks;

/// <summary>Rows of a task as the model reads them, padded to the longest of them.</summary>
/// <param name="Tokens">Ids, token types (0 for [CLS] a [SEP] and for padding, 1 for b [SEP]) and lengths.</param>
/// <param name="Labels">The label of each row: the number of its class, or its value; NaN where there is none.</param>
/// <param name="Rows">The number of each row in its split, from 0.</param>
internal sealed record TaskBatch(TokenBatch Tokens, float[] Labels, int[] Rows)
{
    /// <summary>Some rows side by side.</summary>
    /// <param name="rows">Their numbers.</param>
    /// <param name="lengths">The tokens of each row of the split.</param>
    /// <param name="labels">The label of each row of the split.</param>
    /// <param name="padding">The token that fills up shorter rows.</param>
    /// <param name="read">Reads a row by its number.</param>
    internal static TaskBatch Of(int[] rows, int[] lengths, float[] labels, int padding, TokenBatch.RowReader read)
    {
        int[] own = [.. rows.Select(row => lengths[row])];
        return new TaskBatch(
            TokenBatch.Of(
                own,
                own.Max(),
                padding,
                paddingType: 0,
                (int i, Span<int> ids, out int lengthA) => read(rows[i], ids, out lengthA)
            ),
            [.. rows.Select(row => labels[row])],
            rows
        );
    }
}
