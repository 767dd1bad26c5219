namespace Electra.Pretraining;

/// <summary>The words of an example, and those that are masked, alone or in spans.</summary>
internal static class MaskingUnits
{
    /// <summary>The default of <c>max_predictions</c> in Hugging Face's whole-word masking.</summary>
    private const int MostInWords = 512;

    /// <summary>As in DeBERTa's masked language models.</summary>
    public const int DefaultMaxSpan = 3;

    /// <summary>
    /// The words of an example: a token begins one, unless it continues the one before. [CLS] and [SEP] belong to none, so that what
    /// continues a word right after [SEP] continues the one before it; any other special token is a word.
    /// </summary>
    /// <returns>The positions of each, as indices into <paramref name="ids"/>.</returns>
    public static List<List<int>> Words(long[] ids, int start, int length, MaskingTokens tokens)
    {
        var words = new List<List<int>>();
        for (int i = start; i < start + length; i++)
            if (tokens.Separators[ids[i]])
                continue;
            else if (words.Count > 0 && tokens.Continues[ids[i]])
                words[^1].Add(i);
            else
                words.Add([i]);
        return words;
    }

    /// <summary>The positions that are chosen, special tokens among them: these take their part of the share, and are not masked.</summary>
    /// <param name="words">The example's words.</param>
    /// <param name="length">Its tokens, special ones among them.</param>
    /// <param name="options">Unit, style and share.</param>
    /// <param name="draw">Random numbers in [0, 1).</param>
    public static IEnumerable<int> Chosen(List<List<int>> words, int length, MaskingOptions options, Func<int, double> draw)
    {
        bool isIndependent = options.Style == MaskingStyle.Independent;
        double probability = options.Probability;
        int target = Target(length, probability);
        if (options.Unit == MaskingUnit.Word)
            return isIndependent
                ? words.Where(_ => draw(0) < probability).SelectMany(word => word)
                : Cover(Shuffled(words, draw), Math.Min(MostInWords, target));

        int most = options.MaxSpan ?? DefaultMaxSpan;
        if (most == 1)
            words = [.. words.SelectMany(word => word).Select(position => new List<int> { position })];
        Span[] spans = [.. Spans(words, most, probability, draw)];
        if (isIndependent)
            return spans
                .Where(span => draw(0) < probability * span.Places / span.Words.Count)
                .SelectMany(span => span.Words)
                .SelectMany(word => word);
        // In a short row, spans may be too few: single words fill up the share.
        List<int>[] inSpans = [.. Shuffled(spans, draw).SelectMany(span => span.Words)];
        return Cover([.. inSpans, .. Shuffled([.. words.Except(inSpans)], draw)], target);
    }

    private static T[] Shuffled<T>(IReadOnlyCollection<T> items, Func<int, double> draw)
    {
        T[] order = [.. items];
        for (int last = order.Length - 1; last > 0; last--)
        {
            int other = (int)(draw(last) * (last + 1));
            (order[last], order[other]) = (order[other], order[last]);
        }
        return order;
    }

    /// <summary>round(p · length), at least one: a product of float64, halves to even, as in Hugging Face's and DeBERTa's code.</summary>
    internal static int Target(int length, double probability) => Math.Max(1, (int)Math.Round(length * probability));

    /// <summary>
    /// Takes words in the order given until so many tokens are covered, and passes over one that would exceed that. Where each would,
    /// the originals cover nothing; here it is the beginning of the first.
    /// </summary>
    internal static List<int> Cover(IEnumerable<List<int>> words, int target)
    {
        var covered = new List<int>(target);
        List<int>? first = null;
        foreach (var word in words)
        {
            first ??= word;
            if (covered.Count + word.Count <= target)
                covered.AddRange(word);
            if (covered.Count == target)
                return covered;
        }
        if (covered.Count == 0 && first is not null)
            covered.AddRange(first[..target]);
        return covered;
    }

    /// <summary>
    /// A span in each window. A window has 1/p times the words of its span, rounded down, and the next one begins after both; the span
    /// begins anywhere in it.
    /// </summary>
    private static IEnumerable<Span> Spans(List<List<int>> words, int most, double probability, Func<int, double> draw)
    {
        int timesSpan = (int)(1 / probability);
        double weights = Enumerable.Range(1, most).Sum(n => 1.0 / n);
        for (int start = 0, next; start < words.Count; start = next)
        {
            int length = 1;
            for (double rest = draw(start) * weights - 1; rest >= 0 && length < most; rest -= 1.0 / length)
                length++;
            int window = Math.Min(length * timesSpan, words.Count - start), first = start + (int)(draw(start) * window);
            int end = Math.Min(first + length, words.Count);
            next = Math.Max(start + window, end);
            yield return new Span(words[first..end], next - start);
        }
    }

    /// <summary>What is chosen at once.</summary>
    /// <param name="Words">Words that follow each other.</param>
    /// <param name="Places">The words that they were chosen among: the share of all is right if they are chosen p · places / words
    /// times.</param>
    private readonly record struct Span(List<List<int>> Words, int Places);
}
