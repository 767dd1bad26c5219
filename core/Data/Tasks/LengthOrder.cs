
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>
/// Orders in which rows of like length stand side by side, so that little is padded: what <c>MySortedDL</c> of
/// richarddwang/hugdatafast (after fastai's <c>SortedDL</c>) does.
/// </summary>
internal static class LengthOrder
{
    /// <summary>Batches that are sorted together: what lies in other pools is not looked at, so that the order stays random.</summary>
    private const int PoolBatches = 50;

    /// <summary>
    /// A random order for training: rows are shuffled, the longest of all is put first (so that a lack of memory shows at once),
    /// pools of fifty batches are sorted by length, and then the batches, but the first and the last, are shuffled.
    /// </summary>
    public static int[] Shuffled(int[] lengths, int batchSize, RandomKey key)
    {
        if (lengths.Length == 0)
            return [];
        var numbers = key.Numbers();
        int[] order = [.. Enumerable.Range(0, lengths.Length)];
        Shuffle(order, ref numbers);
        int longest = Array.IndexOf(order, Array.IndexOf(lengths, lengths.Max()));
        (order[0], order[longest]) = (order[longest], order[0]);

        int[][] batches =
        [
            .. order.Chunk(batchSize * PoolBatches).SelectMany(pool => pool.OrderByDescending(row => lengths[row])).Chunk(batchSize),
        ];
        if (batches.Length > 2)
            Shuffle(batches.AsSpan(1..^1), ref numbers);
        return [.. batches.SelectMany(batch => batch)];
    }

    /// <summary>The longest row first; rows of one length in their order.</summary>
    public static int[] LongestFirst(int[] lengths) => [.. Enumerable.Range(0, lengths.Length).OrderByDescending(row => lengths[row])];

    /// <summary>Fisher and Yates.</summary>
    internal static void Shuffle<T>(Span<T> items, ref RandomNumbers numbers)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = numbers.Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
