using Electra.Data.Corpora;
using Parquet;
using Parquet.Schema;

namespace Electra.Data.Readers;

/// <summary>Documents of Parquet files: a row each, the text in one of the columns.</summary>
internal static class ParquetDocuments
{
    private const int RowsBetweenReports = 256;

    /// <summary>The documents of a file, row group by row group.</summary>
    /// <exception cref="UserErrorException">There is no such column, it holds no text, or the file is damaged or of a kind that cannot be read.</exception>
    public static IEnumerable<string> Read(SourceFile file, string column, ReadPosition position)
    {
        if (file.Compression != Compression.None)
            throw new UserErrorException($"{file.Shown}: Parquet files are compressed inside; decompress this one first");
        using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var reader = Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            var field = Column(file, Guarded(file, () => reader.Schema), column);
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                var texts = Guarded(file, () => ReadGroup(reader, group, field));
                for (int row = 0; row < texts.Length; row++)
                {
                    if (!string.IsNullOrWhiteSpace(texts[row]))
                        yield return texts[row]!;
                    texts[row] = null;
                    if (row % RowsBetweenReports == 0)
                        position.Report((long)((group + (double)row / texts.Length) * file.Bytes / reader.RowGroupCount));
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static DataField Column(SourceFile file, ParquetSchema schema, string column)
    {
        var fields = schema.GetDataFields();
        var field = fields.FirstOrDefault(f => NameOf(f) == column) ?? fields.FirstOrDefault(f => f.Name == column)
            ?? throw new UserErrorException($"{file.Shown}: there is no column {column}; the columns are {string.Join(", ", fields.Select(NameOf))}. Name the one that holds the text: corpus.text_field=…");
        return (IsText(field) || IsBytes(field)) && field.MaxRepetitionLevel == 0
            ? field
            : throw new UserErrorException($"{file.Shown}: the column {column} holds {(field.MaxRepetitionLevel > 0 ? "lists of " : "")}{field.ClrType.Name}, and text is expected");
    }

    /// <summary>Names from the outermost to the column's own: <c>meta.text</c>.</summary>
    private static string NameOf(DataField field) => string.Join('.', field.Path.ToList());

    private static bool IsText(DataField field) => field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>);

    private static bool IsBytes(DataField field) => field.ClrType == typeof(byte[]) || field.ClrType == typeof(ReadOnlyMemory<byte>);

    private static string?[] ReadGroup(ParquetReader reader, int group, DataField field)
    {
        using var rows = reader.OpenRowGroupReader(group);
        if (IsText(field))
        {
            var texts = new string?[rows.RowCount];
            rows.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
            return texts;
        }
        var bytes = new byte[]?[rows.RowCount];
        rows.ReadAsync(field, bytes.AsMemory()!).AsTask().GetAwaiter().GetResult();
        var utf8 = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true);
        return [.. bytes.Select(value => value is null ? null : utf8.GetString(value))];
    }

    /// <summary>The library throws what its parts throw, down to index errors on damaged files.</summary>
    private static T Guarded<T>(SourceFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (UserErrorException or OutOfMemoryException))
        {
            throw new UserErrorException($"{file.Shown} cannot be read as Parquet: it is damaged, or uses what this version does not read ({e.Message.TrimEnd('.')})", e);
        }
    }
}
