using System.Text.RegularExpressions;
using Electra.Storage;

namespace Electra.Running;

/// <summary>
/// The text of a script and of the scripts that it loads, read when it starts. The run folder keeps it: an edited script is another
/// experiment. Comments and white space do not count.
/// </summary>
internal sealed partial class ScriptText
{
    /// <summary>The file in a run's folder that keeps the text.</summary>
    private const string FileName = "script.csx";

    private const string Generated = "electra.csx";
    private const int ShownLines = 12;

    private readonly List<Line> lines = [];
    private readonly HashSet<string> files = [];

    /// <summary>A line, and where it stands.</summary>
    private sealed record Line(string Text, string File, int Number);

    private ScriptText(string file) => File = file;

    /// <summary>The script's path.</summary>
    public string File { get; }

    /// <summary>What the comment at the head of the script says; empty where there is none.</summary>
    public string Description => string.Join('\n', lines
        .SkipWhile(line => line.Text.StartsWith("#!", StringComparison.Ordinal) || line.Text.Trim() == "")
        .TakeWhile(line => line.Text.StartsWith("//", StringComparison.Ordinal))
        .Select(line => line.Text[2..].TrimEnd())
        .Select(text => text.StartsWith(' ') ? text[1..] : text)).TrimEnd();

    /// <summary>Reads a script, or the one that loads it where the process was started with another.</summary>
    /// <param name="caller">The script that calls the library. Where it is not a file (in a REPL), there is no text, and nothing is
    /// compared.</param>
    public static ScriptText Read(string caller)
    {
        var script = new ScriptText(caller);
        if (!Path.IsPathFullyQualified(caller) || !System.IO.File.Exists(caller))
            return script;
        var started = Environment
            .GetCommandLineArgs()
            .Skip(1)
            .FirstOrDefault(word => word.EndsWith(".csx", StringComparison.Ordinal) && System.IO.File.Exists(word));
        if (started is not null && Opened(Path.GetFullPath(started)) is var whole && whole.files.Contains(caller))
            return whole;
        return Opened(caller);
    }

    /// <summary>Reads a file and the files that it loads.</summary>
    private static ScriptText Opened(string path)
    {
        var script = new ScriptText(path);
        script.Add(path);
        return script;
    }

    /// <summary>Keeps the text in a run's folder.</summary>
    public void Save(string folder)
    {
        if (lines.Count > 0)
            AtomicFile.WriteAllText(Kept(folder), Joined);
    }

    /// <summary>
    /// Keeps a run from being continued, or called complete, by an edited script. A run that kept no text is not compared.
    /// </summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="advice">What the user can do.</param>
    /// <exception cref="UserErrorException">The script is another: the message lists the lines that differ.</exception>
    public void RequireSame(string folder, string advice)
    {
        var kept = Kept(folder);
        if (lines.Count == 0 || !System.IO.File.Exists(kept))
            return;
        var saved = Opened(kept);
        var (was, now) = (Tokens(saved), Tokens(this));
        if (was.Select(token => token.Text).SequenceEqual(now.Select(token => token.Text)))
            return;
        var (gone, come) = Difference(saved.Code(was), Code(now));
        throw new UserErrorException(
            $"the run in {Paths.Shown(folder)} was made with another script:\n{Shown("now ", come)}{Shown("then", gone)}"
                + $"{advice} To resume it with the edited script all the same, first remove {Paths.Shown(kept)}."
        );
    }

    /// <summary>The whole text.</summary>
    public string Joined => string.Join('\n', lines.Select(line => line.Text));

    private static string Kept(string folder) => Path.Combine(folder, FileName);

    private void Add(string file)
    {
        files.Add(file);
        var text = System.IO.File.ReadAllText(file).ReplaceLineEndings("\n");
        var loads = ScriptLexer
            .Read(text)
            .Select(token => (token.Line, Target: LoadedFile(token.Text, file)))
            .Where(load => load.Target is not null)
            .ToDictionary(load => load.Line, load => load.Target!);
        foreach (var (i, line) in text.Split('\n').Index())
        {
            if (!loads.TryGetValue(i + 1, out var loaded))
            {
                lines.Add(new Line(line, file, i + 1));
                continue;
            }
            // A file that is loaded twice is there once.
            lines.Add(new Line($"// {line.Trim()}", file, i + 1));
            if (!files.Contains(loaded))
            {
                Add(loaded);
                lines.Add(new Line($"// end of {Path.GetFileName(loaded)}", file, i + 1));
            }
        }
    }

    /// <summary>
    /// The full path of a file that a line loads, but for the one that the build generates, whose text changes with every build.
    /// </summary>
    private static string? LoadedFile(string token, string file) =>
        Load().Match(token) is { Success: true } load && Path.GetFileName(load.Groups[1].Value) != Generated
        && Path.GetFullPath(load.Groups[1].Value, Path.GetDirectoryName(file)!) is var path && System.IO.File.Exists(path) ? path : null;

    private static List<ScriptToken> Tokens(ScriptText script) =>
        [
            .. ScriptLexer
                .Read(script.Joined)
                .Where(token =>
                    Load().Match(token.Text) is not { Success: true } load || Path.GetFileName(load.Groups[1].Value) != Generated
                ),
        ];

    /// <summary>The lines that have tokens, each with these alone.</summary>
    private List<(string Code, Line Line)> Code(List<ScriptToken> tokens) =>
        [.. tokens.GroupBy(token => token.Line).Select(line => (string.Join(' ', line.Select(token => token.Text)), lines[line.Key - 1]))];

    /// <summary>The lines that only one of two texts has: those that are not in a longest common subsequence.</summary>
    private static (List<Line> Gone, List<Line> Come) Difference(List<(string Code, Line Line)> was, List<(string Code, Line Line)> now)
    {
        var common = new int[was.Count + 1, now.Count + 1];
        for (int i = was.Count - 1; i >= 0; i--)
            for (int j = now.Count - 1; j >= 0; j--)
                common[i, j] = was[i].Code == now[j].Code ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        var (gone, come) = (new List<Line>(), new List<Line>());
        for (int i = 0, j = 0; i < was.Count || j < now.Count;)
            if (i < was.Count && j < now.Count && was[i].Code == now[j].Code)
                (i, j) = (i + 1, j + 1);
            else if (j == now.Count || (i < was.Count && common[i + 1, j] >= common[i, j + 1]))
                gone.Add(was[i++].Line);
            else
                come.Add(now[j++].Line);
        return (gone, come);
    }

    private static string Shown(string when, List<Line> lines) => string.Concat(
        lines.Take(ShownLines).Select(line => $"  {when}  {Paths.Shown(line.File)}({line.Number}): {line.Text.Trim()}\n"))
        + (lines.Count > ShownLines ? $"  {when}  and {lines.Count - ShownLines} more lines\n" : "");

    [GeneratedRegex("""^#load "([^"]+)"$""")]
    private static partial Regex Load();
}
