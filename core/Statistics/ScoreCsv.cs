using System.Globalization;
using Electra.Data.Readers;
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>
/// Scores as a CSV file with the columns <c>model,task,run,score</c>, in any order and among others; the score in per cent. Columns
/// <c>seed</c>, <c>pretrain_seed</c> and <c>protocol</c> are read where they are there. Lines that are empty or begin with # are passed
/// over; the separator is told from the header.
/// </summary>
internal static class ScoreCsv
{
    private static readonly string[] Required = ["model", "task", "run", "score"];

    /// <summary>What stands in the column of scores where a run has none.</summary>
    private static readonly string[] Undefined = ["NaN", "undefined", "none", "null", "n/a", "na", "-", "–"];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="groups">Only these groups: other rows are not looked at. None: all.</param>
    /// <exception cref="UserErrorException">A column is missing, or a value is not right: file, line and column are named.</exception>
    public static ScoreSet Read(string path, params IReadOnlyCollection<string> groups)
    {
        var shown = Paths.Shown(path);
        var (scores, undefined) = (new List<Score>(), new List<UndefinedScore>());
        var lines = new Dictionary<(string, string, int, string?), int>();
        Dictionary<string, int>? columns = null;
        int width = 0;
        foreach (var (line, fields) in DelimitedText.Read(Lines(path), shown, Required, hasComments: true))
        {
            if (columns is null)
            {
                (columns, width) = (Header(fields, $"{shown}:{line}"), fields.Length);
                continue;
            }
            var row = new Row($"{shown}:{line}", columns, fields);
            if (row.IsBlank || (groups.Count > 0 && columns["model"] < fields.Length && !groups.Contains(fields[columns["model"]].Trim())))
                continue;
            row.Check(width);
            var (group, task, run) = (row.Text("model"), TaskHeadings.Named(row.Text("task")), row.Whole("run"));
            int? seed = columns.ContainsKey("seed") && row.HasText("seed") ? row.Whole("seed") : null;
            var (pretrainSeed, protocol) = (Optional("pretrain_seed"), Optional("protocol"));
            if (!lines.TryAdd((group, task, run, pretrainSeed), line))
                throw new UserErrorException(
                    $"{shown}:{line}: run {run} of {group} on {task}{(pretrainSeed is null ? "" : $" from seed {pretrainSeed}")} was given "
                        + $"before, in line {lines[(group, task, run, pretrainSeed)]}"
                );
            if (!row.HasText("score") || Undefined.Contains(row.Text("score"), StringComparer.OrdinalIgnoreCase))
                undefined.Add(new UndefinedScore(group, task, run, "score", $"there is none in {shown}", pretrainSeed));
            else
                scores.Add(new Score(group, task, run, row.Percent("score"), seed, pretrainSeed) { Protocol = protocol });

            string? Optional(string column) => columns.ContainsKey(column) && row.HasText(column) ? row.Text(column) : null;
        }
        if (columns is null)
            throw new UserErrorException($"{shown} is empty: a header is expected, {string.Join(",", Required)}");
        return ScoreSet.Of(scores, undefined);
    }

    /// <summary>Scores as a file that <see cref="Read"/> reads; seeds of pre-training stand in it where they are known.</summary>
    public static string Write(ScoreSet scores)
    {
        bool areChosen = scores.All.Any(s => s.Protocol is not (null or FinetuneResult.LastEpoch));
        string[] Protocol(string? protocol) => areChosen ? [protocol ?? ""] : [];
        bool isNested = scores.All.Any(s => s.PretrainSeed is not null) || scores.Undefined.Any(s => s.PretrainSeed is not null);
        string[] Seed(string? seed) => isNested ? [seed ?? ""] : [];
        string[] optional = [.. isNested ? ["pretrain_seed"] : Array.Empty<string>(), .. areChosen ? ["protocol"] : Array.Empty<string>()];
        return Line([.. Required, .. optional])
            + string.Concat(
                scores.All.Select(s =>
                    Line([
                        s.Group, s.Task, $"{s.Run}", s.Value.ToString("R", CultureInfo.InvariantCulture),
                        .. Seed(s.PretrainSeed), .. Protocol(s.Protocol),
                    ])
                )
            )
            + string.Concat(
                scores.Undefined.Select(s => Line([s.Group, s.Task, $"{s.Run}", Undefined[0], .. Seed(s.PretrainSeed), .. Protocol(null)]))
            );
    }

    /// <summary>Fields as a line of a CSV file (RFC 4180), ended by a line feed.</summary>
    internal static string Line(IEnumerable<string> fields) => string.Join(',', fields.Select(DelimitedText.Quoted)) + "\n";

    private static IEnumerable<string> Lines(string path)
    {
        try
        {
            SpecialFile.RefuseNamedPipe(path, "a table of scores");
            // Read once, so that a pipe will do; UTF-16 is told by its mark.
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Paths.Shown(path)} cannot be read: {e.Message}", e);
        }
    }

    private static Dictionary<string, int> Header(string[] fields, string place)
    {
        var names = fields.Select(field => field.Trim('\uFEFF', ' ').ToLowerInvariant()).ToList();
        if (Required.FirstOrDefault(column => names.Count(name => name == column) > 1) is { } twice)
            throw new UserErrorException($"{place}: the column {twice} is named twice");
        if (Required.FirstOrDefault(column => !names.Contains(column)) is { } missing)
            throw new UserErrorException(
                $"{place}: there is no column "
                    + $"{missing}{(Spelling.Nearest(missing, names.Except(Required)) is { } near ? $", but {near}" : "")}; "
                    + $"the columns are {string.Join(",", names)}, and {string.Join(",", Required)} are expected"
            );
        return names.Index().DistinctBy(name => name.Item).ToDictionary(name => name.Item, name => name.Index);
    }

    private sealed record Row(string Place, Dictionary<string, int> Columns, string[] Fields)
    {
        public bool IsBlank => Fields.All(string.IsNullOrWhiteSpace);

        public void Check(int expected)
        {
            if (Fields.Length < expected)
                throw new UserErrorException(
                    $"{Place}: {Fields.Length} {(Fields.Length == 1 ? "field" : "fields")}, where the header names {expected} columns"
                );
            if (Fields.Skip(expected).Any(field => !string.IsNullOrWhiteSpace(field)))
                throw new UserErrorException(
                    $"{Place}: {Fields.Length} fields, where the header names {expected} columns: "
                        + "is there a separator inside a name, or a decimal comma?"
                );
        }

        public bool HasText(string column) => !string.IsNullOrWhiteSpace(Fields[Columns[column]]);

        public string Text(string column) => Fields[Columns[column]].Trim() is { Length: > 0 } text ? text
            : throw new UserErrorException($"{Place}: column {column} is empty");

        public int Whole(string column) =>
            int.TryParse(Text(column), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new UserErrorException($"{Place}: column {column} cannot be \"{Text(column)}\": a whole number from 0 is expected");

        /// <summary>A number in per cent, with a decimal point, or with the comma that spreadsheets of half of Europe write.</summary>
        public double Percent(string column)
        {
            var text = Text(column).TrimEnd('%', ' ');
            if (text.Count(c => c == ',') == 1 && !text.Contains('.'))
                text = text.Replace(',', '.');
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && Math.Abs(value) <= 100
                ? value
                : throw new UserErrorException(
                    $"{Place}: column {column} cannot be \"{Text(column)}\": a number between -100 and 100 is expected, in per cent"
                );
        }
    }
}
