using Electra.Storage;

namespace Electra.Running;

/// <summary>Commands that are printed to be pasted: right in the working directory, and quoted for the shell.</summary>
internal static class ScriptCommand
{
    private const string SafeMarks = "_@%+=:,./-";

    /// <summary>A command that runs one of the kit's scripts, or another.</summary>
    /// <param name="script">The name of a file in scripts/, or a path.</param>
    /// <param name="words">Its arguments.</param>
    public static string Of(string script, params IEnumerable<string> words)
    {
        var path = Path.GetFileName(script) == script ? Path.Combine(Paths.Root, "scripts", script) : script;
        string[] command = [Launcher, Word(Paths.Shown(path))];
        string[] quoted = [.. words.Select(Word)];
        return string.Join(' ', quoted.Length == 0 ? command : [.. command, "--", .. quoted]);
    }

    /// <summary>A word as the shell has to be given it.</summary>
    internal static string Word(string word) =>
        word != "" && word.All(c => char.IsAsciiLetterOrDigit(c) || SafeMarks.Contains(c)) ? word
        : OperatingSystem.IsWindows() ? $"\"{word.Replace("\"", "\\\"")}\""
        : $"'{word.Replace("'", "'\\''")}'";

    /// <summary>
    /// <c>dotnet script</c> is a command of the checkout's folders. Outside, and where the runner was started without it (by scripts/run,
    /// which a user without the tool has to), it is scripts/run.
    /// </summary>
    private static string Launcher
    {
        get
        {
            var run = Path.Combine(Paths.Root, "scripts", "run");
            bool isInside = IsBelow(Directory.GetCurrentDirectory(), Paths.Root);
            if (
                OperatingSystem.IsWindows()
                || !File.Exists(run)
                || (isInside && !IsBelow(AppContext.BaseDirectory, Path.Combine(Paths.Root, "scripts", "host")))
            )
                return "dotnet script";
            var shown = Paths.Shown(run);
            return Word(shown.Contains('/') ? shown : $"./{shown}");
        }
    }

    private static bool IsBelow(string path, string folder) =>
        Path.TrimEndingDirectorySeparator(path) is var trimmed
        && (trimmed == folder || trimmed.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal));
}
