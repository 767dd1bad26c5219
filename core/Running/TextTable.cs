using System.Globalization;

namespace Electra.Running;

/// <summary>Columns of text, aligned by spaces: reads the same on a terminal, in a log, and in a mail.</summary>
internal static class TextTable
{
    private const string Gap = "  ";

    /// <summary>The rows as lines, each ended by a line feed.</summary>
    public static string Format(IReadOnlyList<IReadOnlyList<string>> rows, bool alignNumbers)
    {
        var columns = rows.Count == 0 ? 0 : rows.Max(row => row.Count);
        var widths = Enumerable.Range(0, columns).Select(c => rows.Max(row => row.ElementAtOrDefault(c)?.Length ?? 0)).ToArray();
        var right = Enumerable.Range(0, columns).Select(c => alignNumbers && rows.Skip(1).All(row => IsNumber(row.ElementAtOrDefault(c)))).ToArray();
        return string.Concat(rows.Select(row =>
            string.Join(Gap, row.Select((cell, c) => right[c] ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]))).TrimEnd() + "\n"));
    }

    /// <summary>A value as a cell's text, in no language's but the invariant form.</summary>
    public static string Cell(object? value) => value switch
    {
        null => "",
        int or long => ((IFormattable)value).ToString("N0", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static bool IsNumber(string? cell) =>
        string.IsNullOrEmpty(cell) || cell is "-" or "–" || double.TryParse(cell.TrimStart('<', ' ').Split('±')[0].TrimEnd('%', ' '), CultureInfo.InvariantCulture, out _);
}
