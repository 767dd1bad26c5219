using System.Globalization;
using System.Text;
using Electra.Configuration;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>
/// Scores as a CSV file with the columns <c>model,task,run,score</c>, in any order and among others; the score in per cent. A column
/// <c>seed</c> is read where it is there. Fields may be quoted; lines that are empty or begin with # are passed over.
/// </summary>
public static class ScoreCsv
{
    private static readonly string[] Required = ["model", "task", "run", "score"];

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">A column is missing, or a value is not right: file, line and column are named.</exception>
    public static IReadOnlyList<Score> Read(string path)
    {
        var scores = new List<Score>();
        var lines = new Dictionary<(string, string, int), int>();
        Dictionary<string, int>? columns = null;
        foreach (var (index, line) in File.ReadLines(path).Index())
        {
            if (string.IsNullOrWhiteSpace(line) || line.StartsWith('#'))
                continue;
            var place = $"{ProjectPath.Shown(path)}:{index + 1}";
            var fields = Fields(line, place);
            if (columns is null)
            {
                columns = Header(fields, place);
                continue;
            }

            if (fields.Count != columns.Count)
                throw new UserErrorException($"{place}: {fields.Count} fields, where the header names {columns.Count} columns");
            string Text(string column) => fields[columns[column]].Trim() is { Length: > 0 } text ? text
                : throw new UserErrorException($"{place}: column {column} is empty");
            int Whole(string column) => int.TryParse(Text(column), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                : throw new UserErrorException($"{place}: column {column} cannot be \"{Text(column)}\": a whole number from 0 is expected");

            var score = double.TryParse(Text("score"), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && Math.Abs(value) <= 100 ? value
                : throw new UserErrorException($"{place}: column score cannot be \"{Text("score")}\": a number between -100 and 100 is expected, in per cent");
            var read = new Score(Text("model"), TaskHeadings.Named(Text("task")), Whole("run"), score, columns.ContainsKey("seed") ? Whole("seed") : null);
            if (!lines.TryAdd((read.Group, read.Task, read.Run), index + 1))
                throw new UserErrorException($"{place}: run {read.Run} of {read.Group} on {read.Task} was given before, in line {lines[(read.Group, read.Task, read.Run)]}");
            scores.Add(read);
        }
        if (columns is null)
            throw new UserErrorException($"{ProjectPath.Shown(path)} is empty: a header is expected, {string.Join(",", Required)}");
        return scores;
    }

    /// <summary>Scores as a file that <see cref="Read"/> reads.</summary>
    public static string Write(IEnumerable<Score> scores) =>
        Line(["model", "task", "run", "score"])
        + string.Concat(scores.Select(s => Line([s.Group, s.Task, $"{s.Run}", s.Value.ToString("R", CultureInfo.InvariantCulture)])));

    /// <summary>Fields as a line of a CSV file (RFC 4180), ended by a line feed.</summary>
    internal static string Line(IEnumerable<string> fields) => string.Join(',', fields.Select(Quoted)) + "\n";

    private static string Quoted(string field) => field.AsSpan().IndexOfAny(",\"\n\r") < 0 ? field : $"\"{field.Replace("\"", "\"\"")}\"";

    private static Dictionary<string, int> Header(List<string> fields, string place)
    {
        var names = fields.Select(field => field.Trim().ToLowerInvariant()).ToList();
        if (names.GroupBy(name => name).FirstOrDefault(name => name.Count() > 1) is { } twice)
            throw new UserErrorException($"{place}: the column {twice.Key} is named twice");
        if (Required.FirstOrDefault(column => !names.Contains(column)) is { } missing)
            throw new UserErrorException($"{place}: there is no column {missing}{(Spelling.Nearest(missing, names.Except(Required)) is { } near ? $", but {near}" : "")}; "
                + $"the columns are {string.Join(",", names)}, and {string.Join(",", Required)} are expected");
        return names.Index().ToDictionary(name => name.Item, name => name.Index);
    }

    private static List<string> Fields(string line, string place)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i < line.Length; i++)
            if (line[i] == '"' && isQuoted && i + 1 < line.Length && line[i + 1] == '"')
                field.Append(line[i++]);
            else if (line[i] == '"' && (isQuoted || field.Length == 0))
                isQuoted = !isQuoted;
            else if (line[i] == ',' && !isQuoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
                field.Append(line[i]);
        if (isQuoted)
            throw new UserErrorException($"{place}: a quotation mark is not closed in column {fields.Count + 1}");
        return [.. fields, field.ToString()];
    }
}
