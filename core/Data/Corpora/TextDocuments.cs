using System.Buffers;
using Electra.Data.Readers;

namespace Electra.Data.Corpora;

/// <summary>Documents of plain text files.</summary>
internal static class TextDocuments
{
    /// <summary>A longer document is cut at the end of a line, and a longer line at a space, so that memory stays bounded.</summary>
    private const int MaxCharacters = 1_000_000;

    /// <summary>The documents of a file: separated by blank lines or by all ends of lines, or the file as one.</summary>
    public static IEnumerable<string> Read(SourceFile file, DocumentBoundary boundary, ReadPosition position)
    {
        var document = new ArrayBufferWriter<char>();
        foreach (var line in SourceStreams.TextLines(file, position, MaxCharacters))
        {
            bool blank = line.Span.IsWhiteSpace();
            if (boundary == DocumentBoundary.Line)
            {
                if (!blank)
                    yield return line.ToString();
                continue;
            }
            if (
                document.WrittenCount > 0
                && (document.WrittenCount + line.Length > MaxCharacters || (blank && boundary == DocumentBoundary.BlankLine))
            )
            {
                yield return new string(document.WrittenSpan);
                document.ResetWrittenCount();
            }
            if (blank && (boundary == DocumentBoundary.BlankLine || document.WrittenCount == 0))
                continue;
            if (document.WrittenCount > 0)
                document.Write("\n");
            document.Write(line.Span);
        }
        if (!document.WrittenSpan.IsWhiteSpace())
            yield return new string(document.WrittenSpan);
    }
}
