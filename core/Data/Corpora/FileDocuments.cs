using Electra.Data.Readers;

namespace Electra.Data.Corpora;

/// <summary>The documents of a file, whatever its form.</summary>
internal static class FileDocuments
{
    /// <summary>Reads a file from its start to its end.</summary>
    /// <exception cref="UserErrorException">The file is damaged, or has no text where the options say.</exception>
    public static IEnumerable<string> Read(SourceFile file, CorpusOptions options, ReadPosition position) => file.Format == SourceFormat.Text
        ? TextDocuments.Read(file, options.Documents, position)
        : Joined(Rows(file, options.TextField, position), options.RowsPerDocument);

    /// <summary>The texts of rows; rows without text are passed over.</summary>
    private static IEnumerable<string> Rows(SourceFile file, string field, ReadPosition position) =>
        from row in new AskedFields(field) { TextOnly = true, Advice = "Name the one that holds the text: corpus.text_field=…" }.Read(file, position)
        let text = row.Values[0]
        where !string.IsNullOrWhiteSpace(text)
        select text;

    private static IEnumerable<string> Joined(IEnumerable<string> rows, int rowsPerDocument) =>
        rowsPerDocument > 1 ? rows.Chunk(rowsPerDocument).Select(document => string.Join('\n', document)) : rows;
}
