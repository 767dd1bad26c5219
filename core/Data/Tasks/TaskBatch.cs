
using Electra.Pretraining;

namespace Electra.Data.Tasks;

/// <summary>Rows of a task as the model reads them, padded to the longest of them.</summary>
/// <param name="Tokens">Ids, token types (0 for [CLS] a [SEP] and for padding, 1 for b [SEP]) and lengths.</param>
/// <param name="Labels">The label of each row: the number of its class, or its value; NaN where there is none.</param>
/// <param name="Rows">The number of each row in its split, from 0.</param>
public sealed record TaskBatch(TokenBatch Tokens, float[] Labels, int[] Rows)
{
    /// <summary>Reads the ids of a row into room that is long enough for any, and tells where its first text ends.</summary>
    internal delegate int RowReader(int row, Span<int> ids, out int lengthA);

    /// <summary>Some rows side by side.</summary>
    /// <param name="rows">Their numbers.</param>
    /// <param name="lengths">The tokens of each row of the split.</param>
    /// <param name="labels">The label of each row of the split.</param>
    /// <param name="padding">The token that fills up shorter rows.</param>
    /// <param name="read">Reads a row.</param>
    internal static TaskBatch Of(int[] rows, int[] lengths, float[] labels, int padding, RowReader read)
    {
        int length = rows.Max(row => lengths[row]);
        var (ids, types, row) = (new long[rows.Length * length], new long[rows.Length * length], new int[length]);
        for (int i = 0; i < rows.Length; i++)
        {
            int n = read(rows[i], row, out int lengthA);
            var target = ids.AsSpan(i * length, length);
            for (int j = 0; j < n; j++)
                target[j] = row[j];
            target[n..].Fill(padding);
            types.AsSpan(i * length, n)[lengthA..].Fill(1);
        }
        return new TaskBatch(new TokenBatch(rows.Length, length, ids, types, [.. rows.Select(r => lengths[r])]), [.. rows.Select(r => labels[r])], rows);
    }
}
