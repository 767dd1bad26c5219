using System.Globalization;
using Electra.Storage;

namespace Electra.Data.Readers;

/// <summary>A row of a table.</summary>
/// <param name="Line">Its line in the file, or its number in a Parquet file, from 1.</param>
/// <param name="Values">The values of the columns that were asked for, in that order; empty for null.</param>
internal readonly record struct TableRow(int Line, string[] Values);

/// <summary>How strictly a table is read.</summary>
/// <param name="HasHeader">Whether the first line of a TSV or CSV file names the columns.</param>
/// <param name="SkipsTornLines">Whether lines with too few columns are passed over instead of refused.</param>
/// <param name="AllowsMore">Whether a line may have more columns than the header.</param>
/// <param name="Optional">How many of the columns, the last of those that are asked for, a file may lack: they are then empty.</param>
internal sealed record TableForm(bool HasHeader = true, bool SkipsTornLines = false, bool AllowsMore = false, int Optional = 0)
{
    /// <summary>Whether lists are taken, as the JSON that they are written in, or would be.</summary>
    public bool Lists { get; init; }

    /// <summary>What to say where a column is missing and no other has nearly its name.</summary>
    public string Advice { get; init; } = "If this is a row already, say header: false, and give columns by number.";

    /// <summary>The same where a field of JSON lines or a column of a Parquet file is missing.</summary>
    public string JsonAdvice { get; init; } = "";

    /// <summary>The same advice for all formats.</summary>
    public TableForm Advising(string advice) => this with { Advice = advice, JsonAdvice = advice };
}

/// <summary>
/// Chosen columns of a file of rows: <c>.tsv</c> (no quotes: a tab always separates), <c>.csv</c> (<see cref="DelimitedText"/>),
/// <c>.jsonl</c> and <c>.parquet</c> (<see cref="AskedFields"/>); all but the last also compressed, <c>.gz</c> or <c>.zst</c>.
/// </summary>
internal static class TableFile
{
    private const int Absent = -1;

    /// <summary>The extensions that are read.</summary>
    public const string Extensions = ".tsv, .csv, .jsonl or .parquet";

    /// <summary>Whether a file can be read, by its extension.</summary>
    public static bool IsTable(string path) =>
        Extension(path) is ".tsv" or ".txt" or ".csv" or ".jsonl" or ".ndjson" or ".json" or ".parquet";

    /// <summary>The rows of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">Columns by name, or, in TSV and CSV, by number from 1.</param>
    /// <param name="form">How strictly it is read.</param>
    /// <param name="torn">Told the line of each row that is passed over for its few columns.</param>
    /// <exception cref="UserErrorException">A column is missing, or a line is not as it should be: the message names file and
    /// line.</exception>
    public static IEnumerable<TableRow> Read(string path, IReadOnlyList<string> columns, TableForm form, Action<int>? torn = null)
    {
        InputFile.Check(path);
        var info = new FileInfo(path);
        var file = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        var position = new ReadPosition(_ => { });
        return Extension(path) switch
        {
            ".csv" => Fields(
                file,
                columns,
                form,
                DelimitedText.Read(SourceStreams.Lines(file, position), file.Shown, form.HasHeader ? columns : []),
                torn
            ),
            ".jsonl" or ".ndjson" or ".json" or ".parquet" => new AskedFields(columns)
            {
                Optional = form.Optional,
                Advice = form.JsonAdvice,
                Lists = form.Lists,
            }
                .Read(file, position)
                .Select(row => new TableRow(row.Number, [.. row.Values.Select(value => value ?? "")])),
            ".tsv" or ".txt" => Fields(file, columns, form, Tabbed(SourceStreams.Lines(file, position)), torn),
            var other => throw new UserErrorException(
                $"{file.Shown}: a table is {Extensions}, and not {(other == "" ? "a file without extension" : other)}"
            ),
        };
    }

    /// <summary>The extension that says how a file is read: of <c>rows.csv.gz</c> it is <c>.csv</c>.</summary>
    public static string Extension(string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        return extension is ".gz" or ".zst" ? Path.GetExtension(Path.GetFileNameWithoutExtension(path)).ToLowerInvariant() : extension;
    }

    /// <summary>Lines that are not blank, with their numbers.</summary>
    private static IEnumerable<(int Line, string[] Fields)> Tabbed(IEnumerable<string> lines) =>
        lines.Select((text, i) => (i + 1, text)).Where(line => line.text.Length > 0).Select(line => (line.Item1, line.text.Split('\t')));

    private static IEnumerable<TableRow> Fields(SourceFile file, IReadOnlyList<string> columns, TableForm form,
        IEnumerable<(int Line, string[] Fields)> lines, Action<int>? torn)
    {
        int[]? places = null;
        int width = 0;
        foreach (var (line, fields) in lines)
        {
            if (places is null)
            {
                // A second byte-order mark stands where files were joined.
                fields[0] = fields[0].TrimStart('\uFEFF');
                places =
                [
                    .. columns.Select((column, i) =>
                        i >= columns.Count - form.Optional && !fields.Any(name => name.Trim() == column)
                            ? Absent
                            : Place(file, column, fields, form, line)),
                ];
                width = fields.Length;
                if (form.HasHeader)
                    continue;
            }
            if (places.FirstOrDefault(place => place >= fields.Length, -1) is >= 0 and var lost)
            {
                if (!form.SkipsTornLines)
                    throw new UserErrorException(
                        $"{file.Shown}:{line}: the line has {Plural.Of(fields.Length, "column")}, and "
                            + $"{columns[Array.IndexOf(places, lost)]} is column {lost + 1}"
                    );
                torn?.Invoke(line);
                continue;
            }
            if (fields.Length > width && !form.AllowsMore)
                throw new UserErrorException(
                    $"{file.Shown}:{line}: the line has {Plural.Of(fields.Length, "column")}, and the first line has {width}: "
                        + "is there a separator inside a text?"
                );
            yield return new TableRow(line, [.. places.Select(place => place == Absent ? "" : fields[place])]);
        }
        if (places is null)
            throw new UserErrorException(
                $"{file.Shown} is empty: "
                    + (
                        form.HasHeader
                            ? $"a line with the names of the columns is expected ({string.Join(", ", columns)}), then rows"
                            : "rows are expected"
                    )
            );
    }

    private static int Place(SourceFile file, string column, string[] first, TableForm form, int line)
    {
        string[] names = form.HasHeader
            ? [.. first.Select(name => name.Trim())]
            : [.. Enumerable.Range(1, first.Length).Select(number => $"{number}")];
        int[] numbers = [.. names.Index().Where(name => name.Item == column).Select(name => name.Index + 1)];
        if (numbers.Length > 1)
            throw new UserErrorException(
                $"{file.Shown}:{line}: the column {column} is there {numbers.Length} times: "
                    + $"give its number ({string.Join(" or ", numbers)}) instead of its name"
            );
        if (Array.IndexOf(names, column) is >= 0 and var place)
            return place;
        if (int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= first.Length)
            return number - 1;
        var nearest = form.HasHeader ? Spelling.Nearest(column, names) : null;
        throw new UserErrorException(
            $"{file.Shown}:{line}: there is no column {column}{(nearest is null ? "." : $"; did you mean {nearest}?")} The columns are "
                + $"{string.Join(", ", names)}."
                + (
                    names.Contains($"\"{column}\"")
                        ? " A .tsv has no quotation marks: give the file the extension .csv, and quoted fields are read."
                    : names is [var only] && only.IndexOfAny([',', ';', '|']) is >= 0 and var separator
                        ? $" Is the file separated by {only[separator]}? Give it the extension .csv, and the separator is told from its "
                            + "first line."
                    : form.HasHeader && nearest is null ? $" {form.Advice}"
                    : ""
                )
        );
    }
}
