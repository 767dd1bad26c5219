using System.Globalization;
using System.Text;

namespace Electra.Data.Tagging;

/// <summary>A text, its words, and what is said of them.</summary>
/// <param name="Text">The text.</param>
/// <param name="Words">Where its words lie in it, in UTF-16 units.</param>
/// <param name="Place">Where it stands: the file and its line.</param>
internal sealed record TaggedText(string Text, IReadOnlyList<Range> Words, string Place)
{
    /// <summary>The tag of each word; null where the text has spans, or nothing is said.</summary>
    public string[]? Tags { get; init; }

    /// <summary>The spans in order; null where the words have tags, or nothing is said.</summary>
    public IReadOnlyList<TagSpan>? Spans { get; init; }

    /// <summary>Spans that began or ended inside a word, and were made longer.</summary>
    public int Extended { get; init; }

    /// <summary>Words with a space between each two.</summary>
    public static TaggedText OfWords(IReadOnlyList<string> words, string place)
    {
        var (ranges, at) = (new List<Range>(words.Count), 0);
        foreach (var word in words)
        {
            ranges.Add(at..(at + word.Length));
            at += word.Length + 1;
        }
        return new TaggedText(string.Join(' ', words), ranges, place);
    }

    /// <summary>
    /// A text whose words are runs of letters, digits and marks; every other character that is not white space is a word of its own.
    /// </summary>
    public static TaggedText OfText(string text, string place)
    {
        var words = new List<Range>();
        int start = -1, at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            bool isPart = Rune.IsLetterOrDigit(rune)
                || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
            if (start >= 0 && !isPart)
                words.Add(start..at);
            start = !isPart ? -1 : start >= 0 ? start : at;
            if (!isPart && !Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune))
                words.Add(at..(at + rune.Utf16SequenceLength));
            at += rune.Utf16SequenceLength;
        }
        if (start >= 0)
            words.Add(start..at);
        return new TaggedText(text, words, place);
    }

    /// <summary>The same with spans of characters, counted in code points, as spans of whole words.</summary>
    /// <exception cref="UserErrorException">One is beyond the text or over another, or has no word.</exception>
    public TaggedText WithSpans(IEnumerable<(int Start, int End, string Label)> spans)
    {
        int[] places = CodePoints.Starts(Text);
        var (found, extended) = (new List<TagSpan>(), 0);
        foreach (var (start, end, label) in spans.OrderBy(span => span.Start))
        {
            string Shown() => $"{Place}: the span {start} to {end} ({label})";
            if (start < 0 || start >= end || end >= places.Length)
                throw new UserErrorException(
                    $"{Shown()} is not in the text, which has {places.Length - 1} characters: offsets count code points from 0, "
                        + "and the end is the first that no longer belongs to it"
                );
            int from = places[start], to = places[end];
            int first = 0, last = Words.Count - 1;
            while (first < Words.Count && Words[first].End.Value <= from)
                first++;
            while (last >= 0 && Words[last].Start.Value >= to)
                last--;
            if (first > last)
                throw new UserErrorException($"{Shown()} has no word in it");
            if (found.Count > 0 && found[^1].Last >= first)
                throw new UserErrorException($"{Shown()} lies over another, of {found[^1].Type}: a word can have one tag");
            extended += Words[first].Start.Value < from || Words[last].End.Value > to ? 1 : 0;
            found.Add(new TagSpan(label, first, last));
        }
        return this with { Spans = found, Extended = extended };
    }
}

/// <summary>Characters as other programs count them: code points, and not UTF-16 units.</summary>
internal static class CodePoints
{
    /// <summary>Where each code point of a text begins, in UTF-16 units, and where the text ends.</summary>
    public static int[] Starts(string text)
    {
        var starts = new List<int>(text.Length + 1);
        for (int at = 0; at < text.Length; at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length
            && char.IsLowSurrogate(text[at + 1]) ? 2 : 1)
            starts.Add(at);
        return [.. starts, text.Length];
    }

    /// <summary>How many a text has.</summary>
    public static int Count(string text) => Starts(text).Length - 1;
}
