using System.Text;

namespace Electra.Corpora;

/// <summary>Documents of plain text files.</summary>
internal static class TextDocuments
{
    /// <summary>A longer document is cut at the end of a line, and a longer line at spaces, so that memory stays bounded.</summary>
    private const int MaxCharacters = 1_000_000;

    /// <summary>The documents of a file: separated by blank lines, or the file as one.</summary>
    public static IEnumerable<string> Read(SourceFile file, DocumentBoundary boundary, ReadPosition position)
    {
        var document = new StringBuilder();
        foreach (var line in SourceStreams.TextLines(file, position, MaxCharacters))
        {
            bool blank = string.IsNullOrWhiteSpace(line);
            if (document.Length > 0 && (document.Length + line.Length > MaxCharacters || (blank && boundary == DocumentBoundary.BlankLine)))
            {
                yield return document.ToString();
                document.Clear();
            }
            if (blank && (boundary == DocumentBoundary.BlankLine || document.Length == 0))
                continue;
            if (document.Length > 0)
                document.Append('\n');
            document.Append(line);
        }
        if (!string.IsNullOrWhiteSpace(document.ToString()))
            yield return document.ToString();
    }
}
