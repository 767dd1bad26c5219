using System.Globalization;
using System.Text;
using System.Text.Json;
using Electra.Storage;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Electra.Data.Readers;

/// <summary>Chosen columns of a Parquet file, by the rules of <see cref="AskedFields"/>.</summary>
internal static class ParquetColumns
{
    private const int RowsBetweenReports = 256;
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private delegate string?[] ColumnReader(ParquetRowGroupReader rows, DataField field);

    /// <summary>Reads a column with a value in each row, and one with a list in each.</summary>
    private readonly record struct TypeReaders(ColumnReader Single, ColumnReader List);

    private static readonly Dictionary<Type, TypeReaders> TextReaders = new()
    {
        [typeof(string)] = new(Texts, Lists<ReadOnlyMemory<char>>),
        [typeof(ReadOnlyMemory<char>)] = new(Texts, Lists<ReadOnlyMemory<char>>),
        [typeof(byte[])] = new(Bytes, Lists<ReadOnlyMemory<byte>>),
        [typeof(ReadOnlyMemory<byte>)] = new(Bytes, Lists<ReadOnlyMemory<byte>>),
    };

    private static readonly Dictionary<Type, TypeReaders> ValueReaders = new()
    {
        [typeof(bool)] = Of<bool>(),
        [typeof(sbyte)] = Of<sbyte>(),
        [typeof(byte)] = Of<byte>(),
        [typeof(short)] = Of<short>(),
        [typeof(ushort)] = Of<ushort>(),
        [typeof(int)] = Of<int>(),
        [typeof(uint)] = Of<uint>(),
        [typeof(long)] = Of<long>(),
        [typeof(ulong)] = Of<ulong>(),
        [typeof(Half)] = Of<Half>(),
        [typeof(float)] = Of<float>(),
        [typeof(double)] = Of<double>(),
        [typeof(decimal)] = Of<decimal>(),
        [typeof(System.Numerics.BigInteger)] = Of<System.Numerics.BigInteger>(),
        [typeof(BigDecimal)] = Of<BigDecimal>(),
        [typeof(DateTime)] = Of<DateTime>(),
        [typeof(DateOnly)] = Of<DateOnly>(),
        [typeof(TimeOnly)] = Of<TimeOnly>(),
        [typeof(TimeSpan)] = Of<TimeSpan>(),
        [typeof(Guid)] = Of<Guid>(),
    };

    /// <summary>The rows of a file, row group by row group.</summary>
    /// <param name="file">The file.</param>
    /// <param name="asked">The columns.</param>
    /// <param name="position">Told how far the reading is.</param>
    /// <exception cref="UserErrorException">A column is missing or of a type that is not asked for, or the file is damaged.</exception>
    public static IEnumerable<FieldRow> Read(SourceFile file, AskedFields asked, ReadPosition position)
    {
        using var stream = Opened(file);
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

    /// <summary>The columns of a file by name, each with whether it has lists, and what the hub's library has written of them.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static (IReadOnlyDictionary<string, bool> HasLists, string? HubFeatures) Describe(SourceFile file)
    {
        using var stream = Opened(file);
        return Guarded(file, () =>
        {
            var reader = ParquetReader.CreateAsync(stream).GetAwaiter().GetResult();
            try
            {
                var columns = reader.Schema.GetDataFields().DistinctBy(NameOfColumn).ToDictionary(NameOfColumn, IsList);
                return (columns, reader.CustomMetadata?.GetValueOrDefault("huggingface"));
            }
            finally
            {
                reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
        });

        static string NameOfColumn(DataField field) => IsList(field) ? NameOfList(field) : NameOf(field);
    }

    private static FileStream Opened(SourceFile file)
    {
        InputFile.Check(file.Path);
        var stream = InputFile.Open(file.Path, FileOptions.None);
        try
        {
            CheckMark(file, stream);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
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
            ?? fields.FirstOrDefault(f => asked.Lists && IsList(f) && NameOfList(f) == name)
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
        if (IsList(field) && !(asked.Lists && field.MaxRepetitionLevel == 1))
            throw asked.Unexpected(file.Shown, "column", name, $"lists of {field.ClrType.Name}");
        return TextReaders.TryGetValue(field.ClrType, out var readers)
            || (!asked.TextOnly && ValueReaders.TryGetValue(field.ClrType, out readers))
            ? (field, IsList(field) ? readers.List : readers.Single)
            : throw asked.Unexpected(file.Shown, "column", name, field.ClrType.Name);
    }

    private static bool IsList(DataField field) => field.MaxRepetitionLevel > 0;

    /// <summary>Names from the outermost to the column's own: <c>meta.text</c>.</summary>
    private static string NameOf(DataField field) => string.Join('.', field.Path.ToList());

    /// <summary>The same without what writers put around the elements of a list: <c>answers.text</c>.</summary>
    private static string NameOfList(DataField field) => string.Join(
        '.',
        field.Path.ToList().Where(part => part is not ("list" or "element" or "item" or "array" or "bag" or "array_element"))
    );

    private static TypeReaders Of<T>()
        where T : struct => new(Values<T>, Lists<T>);

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

    /// <summary>The list of each row, as JSON writes it; an empty one also where there is none.</summary>
    private static string?[] Lists<T>(ParquetRowGroupReader rows, DataField field)
        where T : struct
    {
        using var column = (RawColumnData<T>)rows.ReadRawColumnDataBaseAsync(field).AsTask().GetAwaiter().GetResult();
        var lists = new StringBuilder?[rows.RowCount];
        int row = -1, next = 0, entry = field.MaxDefinitionLevel - (field.IsNullable ? 1 : 0);
        for (int i = 0; i < column.RepetitionLevels.Length; i++)
        {
            if (column.RepetitionLevels[i] == 0)
                lists[++row] = new StringBuilder("[");
            int level = column.DefinitionLevels[i];
            if (level < entry)
                continue; // the list has no elements
            var list = lists[row]!;
            list.Append(list.Length > 1 ? "," : "").Append(level == field.MaxDefinitionLevel ? Json(column.Values[next++]) : "null");
        }
        return [.. lists.Select(list => $"{list}]")];
    }

    private static string Json(object value) => value switch
    {
        ReadOnlyMemory<char> text => JsonSerializer.Serialize(text.ToString()),
        ReadOnlyMemory<byte> bytes => JsonSerializer.Serialize(Utf8.GetString(bytes.Span)),
        DateTime or DateOnly or TimeOnly or TimeSpan or Guid => JsonSerializer.Serialize(Text(value)),
        _ => Text(value) ?? "null",
    };

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
