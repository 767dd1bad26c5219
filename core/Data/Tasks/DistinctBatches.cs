namespace Electra.Data.Tasks;

/// <summary>
/// Batches in which no text is twice: where texts of other rows are taken for wrong ones, none is taken for a wrong partner of itself
/// (sentence-transformers, <c>NoDuplicatesBatchSampler</c>).
/// </summary>
internal sealed class DistinctBatches
{
    private readonly ulong[][] texts;
    private readonly List<int>[] batches;
    private readonly HashSet<ulong>[] seen;

    private DistinctBatches(int count, ulong[][] texts)
    {
        this.texts = texts;
        batches = [.. Enumerable.Range(0, count).Select(_ => new List<int>())];
        seen = [.. batches.Select(_ => new HashSet<ulong>())];
    }

    /// <summary>
    /// As many batches as there would be without this. Each row is put into the first that has room and none of its texts; where there is
    /// none, another row makes room. Only where a text is in more rows than there are batches must some batch have it twice.
    /// </summary>
    /// <param name="order">The rows in their order.</param>
    /// <param name="batchSize">The most rows of a batch.</param>
    /// <param name="texts">The different texts of each row.</param>
    public static IReadOnlyList<int[]> Of(int[] order, int batchSize, ulong[][] texts)
    {
        var all = new DistinctBatches((order.Length + batchSize - 1) / batchSize, texts);
        var rowsOf = new Dictionary<ulong, int>();
        int first = 0;
        foreach (int row in order)
        {
            while (all.batches[first].Count == batchSize)
                first++;
            bool isPossible = true;
            foreach (var text in texts[row])
                isPossible &= (rowsOf[text] = rowsOf.GetValueOrDefault(text) + 1) <= all.batches.Length;
            if (!isPossible || !(all.Puts(row, first, batchSize) || all.PutsInPlaceOfAnother(row, first)))
                all.Add(row, first);
        }
        return [.. all.batches.Select(rows => rows.ToArray())];
    }

    /// <summary>In how many rows the text is that is in the most.</summary>
    public static int MostRows(ulong[][] texts) => texts.SelectMany(row => row).CountBy(text => text).Max(text => text.Value);

    /// <summary>Puts a row into the first batch, from one on, that has room and none of its texts.</summary>
    private bool Puts(int row, int from, int batchSize)
    {
        for (int batch = from; batch < batches.Length; batch++)
            if (batches[batch].Count < batchSize && Fits(row, batch))
            {
                Add(row, batch);
                return true;
            }
        return false;
    }

    /// <summary>Puts a row into a batch that has none of its texts, one of whose rows goes into another that has room.</summary>
    private bool PutsInPlaceOfAnother(int row, int withRoom)
    {
        for (int batch = 0; batch < batches.Length; batch++)
            if (batch != withRoom && Fits(row, batch) && batches[batch].FindIndex(other => Fits(other, withRoom)) is >= 0 and var at)
            {
                Add(batches[batch][at], withRoom);
                batches[batch].RemoveAt(at);
                seen[batch] = [.. batches[batch].SelectMany(other => texts[other])];
                Add(row, batch);
                return true;
            }
        return false;
    }

    private bool Fits(int row, int batch) => !seen[batch].Overlaps(texts[row]);

    private void Add(int row, int batch)
    {
        batches[batch].Add(row);
        seen[batch].UnionWith(texts[row]);
    }
}
