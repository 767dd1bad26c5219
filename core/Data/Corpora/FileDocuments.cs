using Electra.Data.Readers;

namespace Electra.Data.Corpora;

/// <summary>The documents of a file, whatever its form.</summary>
internal static class FileDocuments
{
    /// <summary>Reads a file from its start to its end.</summary>
    /// <param name="file">The file.</param>
    /// <param name="options">Where in it the text is, and what separates documents.</param>
    /// <param name="position">Told how far the reading is.</param>
    /// <param name="passedOver">Told of each row whose text is null, empty or missing.</param>
    /// <exception cref="UserErrorException">The file is damaged, or has no text where the options say.</exception>
    public static IEnumerable<string> Read(SourceFile file, CorpusOptions options, ReadPosition position, Action passedOver) =>
        file.Format == SourceFormat.Text
            ? TextDocuments.Read(file, options.Documents, position)
            : Joined(Rows(file, options.TextField, position, passedOver), options.RowsPerDocument);

    private static IEnumerable<string> Rows(SourceFile file, string field, ReadPosition position, Action passedOver)
    {
        var asked = new AskedFields(field) { TextOnly = true, Advice = "Name the one that holds the text: corpus.text_field=…" };
        foreach (var row in asked.Read(file, position))
            if (string.IsNullOrWhiteSpace(row.Values[0]))
                passedOver();
            else
                yield return row.Values[0]!;
    }

    private static IEnumerable<string> Joined(IEnumerable<string> rows, int rowsPerDocument) =>
        rowsPerDocument > 1 ? rows.Chunk(rowsPerDocument).Select(document => string.Join('\n', document)) : rows;
}
