namespace Electra.Configuration;

/// <summary>Breaks lines of text between words.</summary>
internal static class WordWrap
{
    /// <summary>The width of a terminal as it opens: what messages are wrapped to that may end up anywhere.</summary>
    public const int UsualWidth = 80;

    /// <summary>
    /// A line as lines of at most that width, a word that is longer alone in its line. Control codes of terminals have no width.
    /// </summary>
    /// <param name="line">The line; its leading spaces are kept.</param>
    /// <param name="width">Columns.</param>
    /// <param name="indent">What the lines after the first begin with.</param>
    public static IEnumerable<string> Lines(string line, int width, string indent = "")
    {
        var (start, end, columns, prefix) = (0, -1, 0, "");
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\u001b')
            {
                while (i < line.Length - 1 && !char.IsAsciiLetter(line[i]))
                    i++;
                continue;
            }
            if (line[i] == ' ' && columns > prefix.Length && (i == 0 || line[i - 1] != ' '))
                end = i;
            columns++;
            if (columns <= width || end <= start || line[i] == ' ')
                continue;
            yield return prefix + line[start..end];
            start = end + line.AsSpan(end).IndexOfAnyExcept(' ');
            prefix = indent;
            (i, columns, end) = (start - 1, prefix.Length, -1);
        }
        if (start < line.Length)
            yield return prefix + line[start..];
    }

    /// <summary>Names in lines of the usual width, indented, the first in a line of its own.</summary>
    public static string Names(IEnumerable<string> names, string indent = "    ") =>
        string.Concat(Lines(string.Join(", ", names), UsualWidth - indent.Length).Select(line => $"\n{indent}{line}"));
}
