using Electra.Data.Readers;

namespace Electra.Data.Corpora;

/// <summary>The documents of a file, whatever its form.</summary>
internal static class FileDocuments
{
    /// <summary>Reads a file from its start to its end.</summary>
    /// <exception cref="UserErrorException">The file is damaged, or has no text where the options say.</exception>
    public static IEnumerable<string> Read(SourceFile file, CorpusOptions options, ReadPosition position) => file.Format switch
    {
        SourceFormat.JsonLines => Joined(JsonLinesDocuments.Read(file, options.TextField, position), options.RowsPerDocument),
        SourceFormat.Parquet => Joined(ParquetDocuments.Read(file, options.TextField, position), options.RowsPerDocument),
        _ => TextDocuments.Read(file, options.Documents, position),
    };

    private static IEnumerable<string> Joined(IEnumerable<string> rows, int rowsPerDocument) =>
        rowsPerDocument > 1 ? rows.Chunk(rowsPerDocument).Select(document => string.Join('\n', document)) : rows;
}
