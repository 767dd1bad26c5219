using System.Text;
using System.Text.RegularExpressions;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// What a model is and where it comes from: the <c>README.md</c> of its folder, Markdown under the header that the hub reads
/// (<c>library_name</c>, <c>pipeline_tag</c>, <c>tags</c>).
/// </summary>
/// <param name="title">The model's name.</param>
internal sealed partial class ModelCard(string title)
{
    /// <summary>The name of the file in a model's folder.</summary>
    public const string FileName = "README.md";

    private readonly StringBuilder header = new(), body = new();

    /// <summary>Adds a line to the header; none where there is no value.</summary>
    public ModelCard With(string key, string? value)
    {
        if (value is not null)
            header.Append($"{key}: {value}\n");
        return this;
    }

    /// <summary>Adds the tags that the hub finds it by.</summary>
    public ModelCard Tags(params IEnumerable<string> tags) => With("tags", $"[{string.Join(", ", tags)}]");

    public ModelCard Text(string paragraph) => Append(paragraph);

    public ModelCard Section(string heading) => Append($"## {heading}");

    /// <summary>Adds an example.</summary>
    /// <param name="language">Its language: <c>python</c>, <c>bash</c>.</param>
    /// <param name="code">The lines.</param>
    public ModelCard Code(string language, string code) => Append($"```{language}\n{code.Trim()}\n```");

    /// <summary>Adds names and values.</summary>
    public ModelCard Table(params IEnumerable<(string Name, object? Value)> rows) =>
        Table(
            ["", ""],
            rows.Where(row => row.Value is not null)
                .Select(IReadOnlyList<string> (row) => [row.Name, FormattableString.Invariant($"{row.Value}")])
        );

    public ModelCard Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows) =>
        Append(
            string.Join(
                '\n',
                rows.Prepend([.. columns.Select(_ => "---")])
                    .Prepend(columns)
                    .Select(cells => $"| {string.Join(" | ", cells.Select(Cell))} |")
            )
        );

    /// <summary>Adds what the card of another folder says below its title; nothing where there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="withCode">Whether its examples are added too.</param>
    public ModelCard Include(string folder, bool withCode = true)
    {
        var file = Path.Combine(folder, FileName);
        if (FileStatus.Of(file).Kind != FileKind.File)
            return this;
        var lines = File.ReadAllLines(file);
        int start = lines is ["---", ..] ? Array.IndexOf(lines, "---", 1) + 1 : 0;
        var rest = lines.Skip(start).SkipWhile(string.IsNullOrWhiteSpace);
        var text = string.Join('\n', rest.FirstOrDefault()?.StartsWith("# ", StringComparison.Ordinal) == true ? rest.Skip(1) : rest);
        return Append((withCode ? text : CodeBlock().Replace(text, "")).Trim());
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(header.Length > 0 ? $"---\n{header}---\n\n" : "")}# {title}\n{body}";

    [GeneratedRegex(@"^```.*?^```\n*", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    private ModelCard Append(string block)
    {
        body.Append($"\n{block}\n");
        return this;
    }

    private static string Cell(string text) => text.Replace("|", "\\|").ReplaceLineEndings(" ");
}
