using System.Text;
using System.Xml;

namespace Electra.Data.Corpora;

/// <summary>Turns the markup of XML documentation into plain text.</summary>
internal static class DocumentationText
{
    /// <summary>The text of the element that <paramref name="reader"/> stands on; afterwards it stands on the element's end.</summary>
    public static string Read(XmlReader reader) => Read(reader, out _);

    /// <summary>The same, with the names of the API in it.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="names">Where they lie, and what they are names of: T, M, P, F, E or N, as documentation has it.</param>
    public static string Read(XmlReader reader, out IReadOnlyList<(Range Place, char Kind)> names)
    {
        var (text, marks) = (new StringBuilder(), new List<(int Start, int End, char Kind)>());
        if (!reader.IsEmptyElement)
            ReadContent(reader, text, marks);
        var (folded, places) = Folded(text);
        names = [.. marks.Select(mark => (places[mark.Start]..Math.Min(places[mark.End], folded.Length), mark.Kind))];
        return folded;
    }

    /// <summary>
    /// The name that a reader would say: <c>M:System.String.Format(System.Object)</c> is Format, <c>T:….List`1</c> is List.
    /// </summary>
    public static string ShortName(string reference)
    {
        int start = reference.Length > 1 && reference[1] == ':' ? 2 : 0;
        int end = reference.AsSpan(start).IndexOfAny('(', '?') is >= 0 and var cut ? start + cut : reference.Length;
        var parts = reference[start..end].Split('.');
        var last = parts[^1] is "#ctor" or "#cctor" && parts.Length > 1 ? parts[^2] : parts[^1];
        return last.Split('`')[0].TrimEnd('*');
    }

    private static void ReadContent(XmlReader reader, StringBuilder text, List<(int Start, int End, char Kind)> names)
    {
        int depth = reader.Depth;
        while (reader.Read() && reader.Depth > depth)
            switch (reader.NodeType)
            {
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    text.Append(reader.Value);
                    break;
                case XmlNodeType.Element when reader.Name is "code":
                    // Source code is not English. What follows an element that is passed over must not be lost.
                    if (!reader.IsEmptyElement)
                        ReadContent(reader, new StringBuilder(), []);
                    break;
                case XmlNodeType.Element when reader.IsEmptyElement:
                    int start = text.Length;
                    text.Append(Reference(reader));
                    if (reader.GetAttribute("cref") is [var kind, ':', _, ..] && text.Length > start)
                        names.Add((start, text.Length, kind));
                    break;
                case XmlNodeType.Element when reader.Name is "para" or "item" or "description" or "term" or "br":
                    text.Append(' ');
                    break;
            }
    }

    private static string Reference(XmlReader reader) =>
        (reader.GetAttribute("langword") ?? reader.GetAttribute("name")) is { } word ? word
        : (reader.GetAttribute("cref") ?? reader.GetAttribute("href") ?? reader.GetAttribute("uid")) is { } reference
        && !reference.Contains("://")
            ? ShortName(reference)
        : " ";

    /// <summary>A text with one space for each run of white space, and where in it each of its characters has come to lie.</summary>
    private static (string Text, int[] Places) Folded(StringBuilder text)
    {
        var folded = new StringBuilder(text.Length);
        var (places, at) = (new int[text.Length + 1], 0);
        foreach (var chunk in text.GetChunks())
            foreach (char c in chunk.Span)
            {
                places[at++] = folded.Length;
                if (!char.IsWhiteSpace(c))
                    folded.Append(c);
                else if (folded.Length > 0 && folded[^1] != ' ')
                    folded.Append(' ');
            }
        places[at] = folded.Length;
        return (folded.ToString().TrimEnd(), places);
    }
}
