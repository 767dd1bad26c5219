using System.Globalization;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;
using Electra.Configuration;
using Electra.Data.Corpora;

namespace Electra.Data.Readers;

/// <summary>A row of a table.</summary>
/// <param name="Line">Its line in the file, or its number in a Parquet file, from 1.</param>
/// <param name="Values">The values of the columns that were asked for, in that order.</param>
internal readonly record struct TableRow(int Line, string[] Values);

/// <summary>How strictly a table is read.</summary>
/// <param name="HasHeader">Whether the first line of a TSV or CSV file names the columns.</param>
/// <param name="SkipsTornLines">Whether lines with too few columns are passed over instead of refused.</param>
/// <param name="AllowsMore">Whether a line may have more columns than the header.</param>
internal sealed record TableForm(bool HasHeader = true, bool SkipsTornLines = false, bool AllowsMore = false);

/// <summary>
/// Chosen columns of a file of rows: <c>.tsv</c> (no quotes: a tab always separates), <c>.csv</c> (RFC 4180), <c>.jsonl</c>,
/// <c>.parquet</c>; all but the last also compressed, <c>.gz</c> or <c>.zst</c>.
/// </summary>
internal static class TableFile
{
    /// <summary>The extensions that are read.</summary>
    public const string Extensions = ".tsv, .csv, .jsonl or .parquet";

    /// <summary>Whether a file can be read, by its extension.</summary>
    public static bool IsTable(string path) => Extension(path) is ".tsv" or ".txt" or ".csv" or ".jsonl" or ".ndjson" or ".json" or ".parquet";

    /// <summary>The rows of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">Columns by name, or by number from 1.</param>
    /// <param name="form">How strictly it is read.</param>
    /// <exception cref="UserErrorException">A column is missing, or a line is not as it should be: the message names file and line.</exception>
    public static IEnumerable<TableRow> Read(string path, IReadOnlyList<string> columns, TableForm form)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
            throw new UserErrorException($"there is no file {Storage.ProjectPath.Shown(path)}");
        var file = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        return Extension(path) switch
        {
            ".csv" => Fields(file, columns, form, Csv(file)),
            ".jsonl" or ".ndjson" or ".json" => JsonLines(file, columns),
            ".parquet" => ParquetTable.Read(file, columns),
            ".tsv" or ".txt" => Fields(file, columns, form, Lines(file).Select(line => (line.Number, line.Text.Split('\t')))),
            var other => throw new UserErrorException($"{file.Shown}: a table is {Extensions}, and not {(other == "" ? "a file without extension" : other)}"),
        };
    }

    /// <summary>What to tell of a column that is not there.</summary>
    internal static UserErrorException Missing(string place, string column, IReadOnlyCollection<string> there) =>
        new($"{place}: there is no column {column}{(Spelling.Nearest(column, there) is { } nearest ? $"; did you mean {nearest}?" : ".")} The columns are {string.Join(", ", there)}");

    private static string Extension(string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        return extension is ".gz" or ".zst" ? Path.GetExtension(Path.GetFileNameWithoutExtension(path)).ToLowerInvariant() : extension;
    }

    private static IEnumerable<TableRow> Fields(SourceFile file, IReadOnlyList<string> columns, TableForm form, IEnumerable<(int Line, string[] Fields)> lines)
    {
        int[]? places = null;
        int width = 0;
        foreach (var (line, fields) in lines)
        {
            if (places is null)
            {
                places = [.. columns.Select(column => Place(file, column, fields, form.HasHeader, line))];
                width = fields.Length;
                if (form.HasHeader)
                    continue;
            }
            if (places.FirstOrDefault(place => place >= fields.Length, -1) is >= 0 and var lost)
            {
                if (form.SkipsTornLines)
                    continue;
                throw new UserErrorException($"{file.Shown}:{line}: the line has {Counted(fields.Length)}, and {columns[Array.IndexOf(places, lost)]} is column {lost + 1}");
            }
            if (fields.Length > width && !form.AllowsMore)
                throw new UserErrorException($"{file.Shown}:{line}: the line has {Counted(fields.Length)}, and the first line has {width}: is there a separator inside a text?");
            yield return new TableRow(line, [.. places.Select(place => fields[place])]);
        }

        static string Counted(int columns) => columns == 1 ? "1 column" : $"{columns} columns";
    }

    private static int Place(SourceFile file, string column, string[] first, bool hasHeader, int line)
    {
        if (hasHeader && Array.IndexOf(first, column) is >= 0 and var place)
            return place;
        if (int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= first.Length)
            return number - 1;
        throw Missing($"{file.Shown}:{line}", column, hasHeader ? first : [.. Enumerable.Range(1, first.Length).Select(n => n.ToString(CultureInfo.InvariantCulture))]);
    }

    /// <summary>Lines that are not blank, with their numbers.</summary>
    private static IEnumerable<(int Number, string Text)> Lines(SourceFile file) =>
        SourceStreams.Lines(file, new ReadPosition(_ => { })).Select((text, i) => (i + 1, text)).Where(line => line.text.Length > 0);

    private static IEnumerable<(int Line, string[] Fields)> Csv(SourceFile file)
    {
        using var text = new LinesReader(SourceStreams.Lines(file, new ReadPosition(_ => { })));
        int line = 1;
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = ",",
            BadDataFound = _ => throw new UserErrorException($"{file.Shown}:{line}: a quotation mark is not closed, not doubled, or inside a field that does not begin with one"),
        };
        using var parser = new CsvParser(text, configuration);
        for (; parser.Read(); line = parser.RawRow + 1)
            yield return (line, parser.Record!);
    }

    private static IEnumerable<TableRow> JsonLines(SourceFile file, IReadOnlyList<string> columns)
    {
        foreach (var (number, text) in Lines(file))
        {
            if (string.IsNullOrWhiteSpace(text))
                continue;
            JsonDocument json;
            try
            {
                json = JsonDocument.Parse(text);
            }
            catch (JsonException e)
            {
                throw new UserErrorException($"{file.Shown}:{number}:{(e.BytePositionInLine ?? 0) + 1}: the line is no JSON: {e.Message.Split(". Path:")[0].Split(" LineNumber:")[0]}", e);
            }
            using (json)
            {
                if (json.RootElement.ValueKind != JsonValueKind.Object)
                    throw new UserErrorException($"{file.Shown}:{number}: a JSON object is expected on each line");
                yield return new TableRow(number, [.. columns.Select(column => json.RootElement.TryGetProperty(column, out var value)
                    ? Text(value, $"{file.Shown}:{number}", column)
                    : throw Missing($"{file.Shown}:{number}", column, [.. json.RootElement.EnumerateObject().Select(p => p.Name)]))]);
            }
        }
    }

    private static string Text(JsonElement value, string place, string column) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        JsonValueKind.Null => "",
        _ => throw new UserErrorException($"{place}: {column} must be a text or a number"),
    };

    /// <summary>Lines as one text again, for a parser that reads across them.</summary>
    private sealed class LinesReader(IEnumerable<string> lines) : TextReader
    {
        private readonly IEnumerator<string> lines = lines.GetEnumerator();
        private string current = "";
        private int position;

        public override int Peek() => Fill() ? current[position] : -1;

        public override int Read() => Fill() ? current[position++] : -1;

        public override int Read(char[] buffer, int index, int count)
        {
            if (count == 0 || !Fill())
                return 0;
            int n = Math.Min(count, current.Length - position);
            current.CopyTo(position, buffer, index, n);
            position += n;
            return n;
        }

        protected override void Dispose(bool disposing)
        {
            lines.Dispose();
            base.Dispose(disposing);
        }

        private bool Fill()
        {
            if (position < current.Length)
                return true;
            if (!lines.MoveNext())
                return false;
            (current, position) = (lines.Current + "\n", 0);
            return true;
        }
    }
}
