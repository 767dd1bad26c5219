using System.Globalization;
using System.Text;
using Electra.Storage;
using Parquet;
using Parquet.Schema;

namespace Electra.Data.Readers;

/// <summary>Chosen columns of a Parquet file, by the rules of <see cref="AskedFields"/>.</summary>
internal static class ParquetColumns
{
    private const int RowsBetweenReports = 256;
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private delegate string?[] ColumnReader(ParquetRowGroupReader rows, DataField field);

    private static readonly Dictionary<Type, ColumnReader> TextReaders = new()
    {
        [typeof(string)] = Texts,
        [typeof(ReadOnlyMemory<char>)] = Texts,
        [typeof(byte[])] = Bytes,
        [typeof(ReadOnlyMemory<byte>)] = Bytes,
    };

    private static readonly Dictionary<Type, ColumnReader> ValueReaders = new()
    {
        [typeof(bool)] = Values<bool>,
        [typeof(sbyte)] = Values<sbyte>,
        [typeof(byte)] = Values<byte>,
        [typeof(short)] = Values<short>,
        [typeof(ushort)] = Values<ushort>,
        [typeof(int)] = Values<int>,
        [typeof(uint)] = Values<uint>,
        [typeof(long)] = Values<long>,
        [typeof(ulong)] = Values<ulong>,
        [typeof(Half)] = Values<Half>,
        [typeof(float)] = Values<float>,
        [typeof(double)] = Values<double>,
        [typeof(decimal)] = Values<decimal>,
        [typeof(System.Numerics.BigInteger)] = Values<System.Numerics.BigInteger>,
        [typeof(Parquet.Data.BigDecimal)] = Values<Parquet.Data.BigDecimal>,
        [typeof(DateTime)] = Values<DateTime>,
        [typeof(DateOnly)] = Values<DateOnly>,
        [typeof(TimeOnly)] = Values<TimeOnly>,
        [typeof(TimeSpan)] = Values<TimeSpan>,
        [typeof(Guid)] = Values<Guid>,
    };

    /// <summary>The rows of a file, row group by row group.</summary>
    /// <param name="file">The file.</param>
    /// <param name="asked">The columns.</param>
    /// <param name="position">Told how far the reading is.</param>
    /// <exception cref="UserErrorException">A column is missing or of a type that is not asked for, or the file is damaged.</exception>
    public static IEnumerable<FieldRow> Read(SourceFile file, AskedFields asked, ReadPosition position)
    {
        InputFile.Check(file.Path);
        using var stream = InputFile.Open(file.Path, FileOptions.None);
        CheckMark(file, stream);
        var reader = Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            var fields = Guarded(file, () => reader.Schema.GetDataFields());
            (DataField, ColumnReader)[] columns =
            [
                .. asked.Names.Select((name, i) => i >= asked.Names.Count - asked.Optional && !fields.Any(field => NameOf(field) == name)
                    ? (fields[0], (rows, _) => new string?[rows.RowCount])
                    : Column(file, fields, asked, name)),
            ];
            int number = 0;
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                var (rows, values) = Guarded(file, () => ReadGroup(reader, group, columns));
                for (int row = 0; row < rows; row++)
                {
                    yield return new FieldRow(++number, [.. values.Select(column => column[row])]);
                    foreach (var column in values)
                        column[row] = null;
                    if (row % RowsBetweenReports == 0)
                        position.Report((long)((group + (double)row / rows) * file.Bytes / reader.RowGroupCount));
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static void CheckMark(SourceFile file, FileStream stream)
    {
        Span<byte> mark = stackalloc byte[4];
        if (stream.Length == 0)
            throw new UserErrorException($"{file.Shown} is empty");
        if (stream.ReadAtLeast(mark, 4, throwOnEndOfStream: false) == 4 && mark.SequenceEqual("PARE"u8))
            throw new UserErrorException($"{file.Shown} is an encrypted Parquet file, which is not read");
        if (StoredText.CompressionOf(stream) != Compression.None)
            throw new UserErrorException(
                $"{file.Shown} is compressed as a whole, and Parquet files are compressed inside; decompress it first"
            );
        if (!mark.SequenceEqual("PAR1"u8))
            throw new UserErrorException($"{file.Shown} is not a Parquet file, in spite of its name: it does not begin with PAR1");
        stream.Seek(0, SeekOrigin.Begin);
    }

    private static (DataField Field, ColumnReader Read) Column(SourceFile file, DataField[] fields, AskedFields asked, string name)
    {
        var field =
            fields.FirstOrDefault(f => NameOf(f) == name)
            ?? (
                fields.Where(f => NameOf(f).StartsWith($"{name}.", StringComparison.Ordinal)).ToArray() is { Length: > 0 } inner
                    ? throw asked.Unexpected(
                        file.Shown,
                        "column",
                        name,
                        IsList(inner[0]) ? "lists" : $"the fields {string.Join(", ", inner.Select(NameOf))}"
                    )
                    : throw asked.Missing(file.Shown, "column", name, [.. fields.Select(NameOf)])
            );
        if (IsList(field))
            throw asked.Unexpected(file.Shown, "column", name, $"lists of {field.ClrType.Name}");
        return (
            field,
            TextReaders.GetValueOrDefault(field.ClrType)
                ?? (asked.TextOnly ? null : ValueReaders.GetValueOrDefault(field.ClrType))
                ?? throw asked.Unexpected(file.Shown, "column", name, field.ClrType.Name)
        );
    }

    private static bool IsList(DataField field) => field.MaxRepetitionLevel > 0;

    /// <summary>Names from the outermost to the column's own: <c>meta.text</c>.</summary>
    private static string NameOf(DataField field) => string.Join('.', field.Path.ToList());

    private static (long Rows, string?[][] Values) ReadGroup(
        ParquetReader reader,
        int group,
        (DataField Field, ColumnReader Read)[] columns
    )
    {
        using var rows = reader.OpenRowGroupReader(group);
        return (rows.RowCount, [.. columns.Select(column => column.Read(rows, column.Field))]);
    }

    private static string?[] Texts(ParquetRowGroupReader rows, DataField field)
    {
        var texts = new string?[rows.RowCount];
        rows.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return texts;
    }

    private static string?[] Bytes(ParquetRowGroupReader rows, DataField field)
    {
        var bytes = new byte[]?[rows.RowCount];
        rows.ReadAsync(field, bytes.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return [.. bytes.Select(value => value is null ? null : Utf8.GetString(value))];
    }

    private static string?[] Values<T>(ParquetRowGroupReader rows, DataField field)
        where T : struct
    {
        if (field.IsNullable)
        {
            var nullable = new T?[rows.RowCount];
            rows.ReadAsync<T>(field, nullable.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. nullable.Select(value => Text(value))];
        }
        var values = new T[rows.RowCount];
        rows.ReadAsync<T>(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
        return [.. values.Select(value => Text(value))];
    }

    private static string? Text(object? value) =>
        value switch
        {
            null or double.NaN or float.NaN => null,
            bool truth => truth ? "true" : "false",
            DateTime time => time.ToString(
                time.TimeOfDay == default ? "yyyy-MM-dd" : "yyyy-MM-ddTHH:mm:ss.FFFFFFF",
                CultureInfo.InvariantCulture
            ),
            DateOnly or TimeOnly => ((IFormattable)value).ToString("O", CultureInfo.InvariantCulture),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        };

    /// <summary>The library throws what its parts throw, down to index errors on damaged files.</summary>
    private static T Guarded<T>(SourceFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DecoderFallbackException e)
        {
            throw new UserErrorException($"{file.Shown}: a column that was asked for holds bytes that are not UTF-8 text", e);
        }
        catch (Exception e) when (e is not (UserErrorException or OutOfMemoryException))
        {
            throw new UserErrorException(
                $"{file.Shown} cannot be read as Parquet: it is damaged, or uses what this version does not read "
                    + $"({e.Message.TrimEnd('.')})",
                e
            );
        }
    }
}
