using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace Electra.Data.Readers;

/// <summary>Chosen columns of a Parquet file, each value as text.</summary>
internal static class ParquetTable
{
    /// <summary>The rows of a file, row group by row group.</summary>
    /// <exception cref="UserErrorException">A column is missing or holds neither text nor numbers, or the file is damaged.</exception>
    public static IEnumerable<TableRow> Read(SourceFile file, IReadOnlyList<string> columns)
    {
        using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var reader = Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            var fields = Guarded(file, () => reader.Schema.GetDataFields());
            DataField[] wanted = [.. columns.Select(column => fields.FirstOrDefault(field => field.Path.ToString() == column)
                ?? throw TableFile.Missing(file.Shown, column, [.. fields.Select(field => field.Path.ToString())]))];
            int number = 0;
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                var values = Guarded(file, () => ReadGroup(file, reader, group, wanted));
                for (int row = 0; row < values[0].Length; row++)
                    yield return new TableRow(++number, [.. values.Select(column => column[row])]);
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static string[][] ReadGroup(SourceFile file, ParquetReader reader, int group, DataField[] fields)
    {
        using var rows = reader.OpenRowGroupReader(group);
        return [.. fields.Select(field => ReadColumn(file, rows, field))];
    }

    private static string[] ReadColumn(SourceFile file, ParquetRowGroupReader rows, DataField field)
    {
        if (field.MaxRepetitionLevel == 0)
        {
            if (field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>))
            {
                var texts = new string?[rows.RowCount];
                rows.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
                return [.. texts.Select(text => text ?? "")];
            }
            if (field.ClrType == typeof(long))
                return Numbers<long>(rows, field);
            if (field.ClrType == typeof(int))
                return Numbers<int>(rows, field);
            if (field.ClrType == typeof(double))
                return Numbers<double>(rows, field);
            if (field.ClrType == typeof(float))
                return Numbers<float>(rows, field);
            if (field.ClrType == typeof(bool))
                return Numbers<bool>(rows, field);
        }
        throw new UserErrorException($"{file.Shown}: the column {field.Name} holds {(field.MaxRepetitionLevel > 0 ? "lists of " : "")}{field.ClrType.Name}, and text or a number is expected");
    }

    private static string[] Numbers<T>(ParquetRowGroupReader rows, DataField field)
        where T : struct
    {
        if (field.IsNullable)
        {
            var values = new T?[rows.RowCount];
            rows.ReadAsync<T>(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. values.Select(value => value is null ? "" : Text(value))];
        }
        var numbers = new T[rows.RowCount];
        rows.ReadAsync<T>(field, numbers.AsMemory()).AsTask().GetAwaiter().GetResult();
        return [.. numbers.Select(value => Text(value))];

        static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
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
