namespace Electra.Data.Tagging;

/// <summary>How the tags of words say where a span begins and ends.</summary>
public enum TagScheme
{
    /// <summary>B begins a span, I is inside it, O outside of all (IOB2).</summary>
    Bio,

    /// <summary>I is inside a span, and B begins one only where it follows another of its type (IOB1).</summary>
    Iob1,

    /// <summary>B begins a span, I is inside, E ends it, S is a span of one word (IOBES).</summary>
    Bioes,

    /// <summary>The same with L for the last word, and U for a span of one.</summary>
    Bilou,

    /// <summary>Each word has a tag, and none says where a span is: parts of speech.</summary>
    None,

    /// <summary>As the training file has it, told from its tags; BIO where it has spans of characters.</summary>
    Auto,
}

/// <summary>A span of words with a type.</summary>
/// <param name="Type">What it is.</param>
/// <param name="First">Its first word, from 0.</param>
/// <param name="Last">Its last word.</param>
internal readonly record struct TagSpan(string Type, int First, int Last);

/// <summary>What tags may be, and follow each other, in each scheme.</summary>
internal static class TagSchemes
{
    /// <summary>The tag of a word outside of all spans.</summary>
    public const string Outside = "O";

    /// <summary>The first letter of a tag: O, or its place in a span.</summary>
    public static char Prefix(string tag) => tag[0];

    /// <summary>The type of a tag: all that follows the first hyphen, or <c>_</c> where nothing does; empty of O.</summary>
    public static string TypeOf(string tag) =>
        tag == Outside ? ""
        : tag.IndexOf('-') is >= 0 and var hyphen && hyphen + 1 < tag.Length ? tag[(hyphen + 1)..]
        : "_";

    /// <summary>All tags of a scheme for some types, in order of their names.</summary>
    public static IReadOnlyList<string> Tags(IEnumerable<string> types, TagScheme scheme) => scheme == TagScheme.None ? [.. types]
        :
        [
            .. types
                .SelectMany(type => Prefixes(scheme).Select(prefix => $"{prefix}-{type}"))
                .Append(Outside)
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>Whether a tag is of some scheme: O, or a letter, a hyphen and a type.</summary>
    public static bool IsTag(string tag) => tag == Outside || (tag.Length > 2 && tag[1] == '-' && "BIESLU".Contains(tag[0]));

    /// <summary>
    /// The scheme of tagged sentences, as far as their letters tell: IOB1 where more spans begin with I than with B.
    /// </summary>
    public static TagScheme Of(IEnumerable<IReadOnlyList<string>> sentences)
    {
        var (letters, inside, begun) = (new HashSet<char>(), 0, 0);
        foreach (var tags in sentences)
            foreach (var (word, tag) in tags.Index())
            {
                if (!IsTag(tag))
                    return TagScheme.None;
                letters.Add(Prefix(tag));
                bool isFirst = word == 0 || TypeOf(tags[word - 1]) != TypeOf(tag);
                begun += Prefix(tag) == 'B' ? 1 : 0;
                inside += Prefix(tag) == 'I' && isFirst ? 1 : 0;
            }
        return letters.Overlaps("ES") ? TagScheme.Bioes
            : letters.Overlaps("LU") ? TagScheme.Bilou
            : inside > begun ? TagScheme.Iob1
            : TagScheme.Bio;
    }

    /// <summary>Spans as the tags of words.</summary>
    /// <param name="spans">The spans, in order, none over another.</param>
    /// <param name="words">How many words there are.</param>
    /// <param name="scheme">The scheme.</param>
    public static string[] TagsOf(IReadOnlyList<TagSpan> spans, int words, TagScheme scheme)
    {
        string[] tags = [.. Enumerable.Repeat(Outside, words)];
        foreach (var (i, span) in spans.Index())
            for (int word = span.First; word <= span.Last; word++)
            {
                bool first = word == span.First, last = word == span.Last;
                char letter = scheme switch
                {
                    TagScheme.Iob1 => first && i > 0 && spans[i - 1].Last == word - 1 && spans[i - 1].Type == span.Type ? 'B' : 'I',
                    TagScheme.Bioes when last => first ? 'S' : 'E',
                    TagScheme.Bilou when last => first ? 'U' : 'L',
                    _ => first ? 'B' : 'I',
                };
                tags[word] = $"{letter}-{span.Type}";
            }
        return tags;
    }

    /// <summary>Whether a tag may follow another in a scheme; null before is the beginning, null after the end.</summary>
    public static bool MayFollow(string? before, string? after, TagScheme scheme)
    {
        var (left, right) = (before is null ? 'O' : Prefix(before), after is null ? 'O' : Prefix(after));
        bool same = before is not null && after is not null && TypeOf(before) == TypeOf(after);
        return scheme switch
        {
            TagScheme.Bio => right != 'I' || (same && left is 'B' or 'I'),
            TagScheme.Iob1 => right != 'B' || same,
            TagScheme.Bioes or TagScheme.Bilou => left is 'B' or 'I'
                ? same && right is 'I' or 'E' or 'L'
                : right is 'O' or 'B' or 'S' or 'U',
            _ => true,
        };
    }

    private static string Prefixes(TagScheme scheme) => scheme switch
    {
        TagScheme.Bioes => "BIES",
        TagScheme.Bilou => "BILU",
        _ => "BI",
    };
}
