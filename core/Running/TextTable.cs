using System.Globalization;
using Electra.Configuration;

namespace Electra.Running;

/// <summary>Columns of text, aligned by spaces: reads the same on a terminal, in a log, and in a mail.</summary>
internal static class TextTable
{
    private const string Gap = "  ";
    private const int NarrowestText = 12;

    /// <summary>The rows as lines, each ended by a line feed.</summary>
    /// <param name="rows">The rows; the first may be a header.</param>
    /// <param name="alignNumbers">Whether columns of numbers are aligned to the right.</param>
    /// <param name="width">Columns of a terminal: where the table is wider, its widest column of text is wrapped between words.</param>
    public static string Format(IReadOnlyList<IReadOnlyList<string>> rows, bool alignNumbers, int width = int.MaxValue)
    {
        var columns = rows.Count == 0 ? 0 : rows.Max(row => row.Count);
        var widths = Enumerable.Range(0, columns).Select(c => rows.Max(row => row.ElementAtOrDefault(c)?.Length ?? 0)).ToArray();
        var right = Enumerable
            .Range(0, columns)
            .Select(c => alignNumbers && rows.Skip(1).All(row => IsNumber(row.ElementAtOrDefault(c))))
            .ToArray();
        var widest = Enumerable.Range(0, columns).Where(c => !right[c]).DefaultIfEmpty(-1).MaxBy(c => c < 0 ? 0 : widths[c]);
        var room = width - widths.Where((_, c) => c != widest).Sum() - Gap.Length * (columns - 1);
        if (widest >= 0 && widths[widest] > room && room >= NarrowestText)
        {
            widths[widest] = room;
            rows = [.. rows.SelectMany(row => Wrapped(row, widest, room))];
        }
        return string.Concat(rows.Select(row =>
            string.Join(Gap, row.Select((cell, c) => right[c] ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]))).TrimEnd() + "\n"));
    }

    /// <summary>A row as several, the words of one cell spread over them. A command stays whole, so that it can be pasted.</summary>
    private static IEnumerable<IReadOnlyList<string>> Wrapped(IReadOnlyList<string> row, int column, int width)
    {
        if (column >= row.Count || row[column].Length <= width || row[column].StartsWith("dotnet ", StringComparison.Ordinal))
            return [row];
        return WordWrap
            .Lines(row[column], width)
            .Select(
                (line, i) =>
                    (IReadOnlyList<string>)
                        [
                            .. row.Select(
                                (cell, c) =>
                                    c == column ? line
                                    : i == 0 ? cell
                                    : ""
                            ),
                        ]
            );
    }

    /// <summary>A value as a cell's text, in no language's but the invariant form.</summary>
    public static string Cell(object? value) => value switch
    {
        null => "",
        int or long => ((IFormattable)value).ToString("N0", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static bool IsNumber(string? cell) =>
        string.IsNullOrEmpty(cell)
        || cell is "-" or "–"
        || double.TryParse(cell.TrimStart('<', ' ').Split('±')[0].TrimEnd('%', ' '), CultureInfo.InvariantCulture, out _);
}
