using System.Text;

namespace Electra.Statistics;

/// <summary>A table of a report.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Header">The names of its columns.</param>
/// <param name="Rows">Its rows, as text.</param>
/// <param name="Notes">What must be known to read it, a paragraph each.</param>
public sealed record ReportTable(
    string Title,
    IReadOnlyList<string> Header,
    IReadOnlyList<IReadOnlyList<string>> Rows,
    params IReadOnlyList<string> Notes
)
{
    /// <summary>Whether it is printed only where all is asked for (<c>detail=true</c>).</summary>
    public bool IsDetail { get; init; }

    /// <summary>The table in Markdown, under a heading; without columns the notes alone.</summary>
    public string Markdown()
    {
        var text = new StringBuilder(Header.Count > 0 ? $"## {Title}\n\n" : $"## {Title}\n");
        if (Header.Count > 0)
            text.Append(MarkdownLine(Header)).Append(MarkdownLine(Header.Select(_ => "---")));
        foreach (var row in Rows)
            text.Append(MarkdownLine(row));
        foreach (var note in Notes)
            text.Append($"\n{note}\n");
        return text.ToString();
    }

    /// <summary>The table as CSV, without title and notes.</summary>
    public string Csv() => string.Concat(Rows.Prepend(Header).Select(ScoreCsv.Line));

    private static string MarkdownLine(IEnumerable<string> cells) =>
        $"|{string.Join('|', cells.Select(cell => cell.Replace("|", "\\|")))}|\n";
}
