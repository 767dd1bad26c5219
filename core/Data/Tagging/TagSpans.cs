namespace Electra.Data.Tagging;

/// <summary>From the tags of words to spans.</summary>
internal static class TagSpans
{
    private const char Any = '*';

    /// <summary>
    /// The spans of tags, well-formed or not, as conlleval.pl reads them in BIO, and seqeval in BIOES: a tag that cannot go on begins a
    /// new span. L and U are read as E and S.
    /// </summary>
    public static IReadOnlyList<TagSpan> Lenient(IReadOnlyList<string> tags)
    {
        var spans = new List<TagSpan>();
        var (before, type, first) = ('O', "", 0);
        for (int word = 0; word <= tags.Count; word++)
        {
            var tag = word < tags.Count ? tags[word] : TagSchemes.Outside;
            char letter = TagSchemes.Prefix(tag) switch { 'L' => 'E', 'U' => 'S', var other => other };
            var own = TagSchemes.TypeOf(tag);
            if (before != 'O' && (before is 'E' or 'S' || letter is 'B' or 'S' or 'O' || own != type))
                spans.Add(new TagSpan(type, first, word - 1));
            if (letter != 'O' && (letter is 'B' or 'S' || before is 'E' or 'S' or 'O' || own != type))
                first = word;
            (before, type) = (letter, own);
        }
        return spans;
    }

    /// <summary>The well-formed spans of tags alone, as seqeval reads them in mode strict.</summary>
    /// <param name="tags">The tags.</param>
    /// <param name="scheme">Their scheme.</param>
    public static IReadOnlyList<TagSpan> Strict(IReadOnlyList<string> tags, TagScheme scheme)
    {
        var rules = Rules(scheme);
        var spans = new List<TagSpan>();
        string At(int word) => word >= 0 && word < tags.Count ? tags[word] : TagSchemes.Outside;
        for (int word = 0; word < tags.Count;)
        {
            int end = word + 1;
            if (Fits(rules.Starts, At(word - 1), At(word)))
            {
                while (end < tags.Count && Fits(rules.Insides, At(end - 1), At(end)))
                    end++;
                if (Fits(rules.Ends, At(end - 1), At(end)))
                    spans.Add(new TagSpan(TagSchemes.TypeOf(At(word)), word, end - 1));
            }
            word = end;
        }
        return spans;
    }

    /// <summary>The letters of two tags side by side, and whether their types are the same (=), not (≠), or either (*).</summary>
    private static bool Fits(string[] patterns, string before, string after)
    {
        bool same = TagSchemes.TypeOf(before) == TagSchemes.TypeOf(after);
        return patterns.Any(pattern =>
            (pattern[0] == Any || pattern[0] == before[0])
            && (pattern[1] == Any || pattern[1] == after[0])
            && (pattern[2] == Any || pattern[2] == '=' == same)
        );
    }

    private static (string[] Starts, string[] Insides, string[] Ends) Rules(TagScheme scheme) => scheme switch
    {
        TagScheme.Iob1 => (
            ["OI*", "II≠", "BI*", "IB=", "BB="],
            ["BI=", "II="],
            ["II≠", "IO*", "IB*", "BO*", "BI≠", "BB="]
        ),
        TagScheme.Bioes => (["*B*", "*S*"], ["BI=", "BE=", "II=", "IE="], ["S**", "E**"]),
        TagScheme.Bilou => (["*B*", "*U*"], ["BI=", "BL=", "II=", "IL="], ["U**", "L**"]),
        _ => (["*B*"], ["BI=", "II="], ["IO*", "II≠", "IB*", "BO*", "BI≠", "BB*"]),
    };
}
