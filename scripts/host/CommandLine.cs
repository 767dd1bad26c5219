namespace Electra.Scripting;

/// <summary>What the command line asks for.</summary>
internal abstract record CommandLine
{
    public sealed record ShowHelp : CommandLine;

    public sealed record ShowVersion : CommandLine;

    /// <param name="Script">The script, as the user wrote it.</param>
    /// <param name="Arguments">What the script finds in <c>Args</c>.</param>
    /// <param name="Optimized">Whether the script is compiled as in a release build.</param>
    /// <param name="CacheFolder">Where compiled scripts are kept; null: nowhere.</param>
    public sealed record Run(string Script, IReadOnlyList<string> Arguments, bool Optimized, string? CacheFolder) : CommandLine;

    public const string Usage = """
        Usage: dotnet script [options] <script.csx> [[--] arguments]

        Options:
          -c, --configuration <Debug|Release>   how to compile the script; Debug unless given
          -p, --cache-path <folder>             where compiled scripts are kept
          --no-cache                            compile, whatever is kept, and keep nothing
          -v, --version                         which runner this is
          -h, -?, --help                        this text

        What follows -- goes to the script, as does everything else that is not an option.
        """;

    /// <summary>
    /// How to have what only the public tool does. It is then there beside this runner, which goes on being `dotnet script`.
    /// </summary>
    public const string PublicTool = """
        To have the public tool, dotnet tool install --global dotnet-script: then dotnet-script (with a hyphen) is the public one.
        For it to be `dotnet script` too, build with: dotnet build -c Release -p:ElectraUseBundledScript=false
        """;

    /// <summary>What only the public tool has: refused rather than handed to a script that does not expect it.</summary>
    private static readonly string[] PublicToolOnly =
    [
        "-d",
        "--debug",
        "-i",
        "--interactive",
        "-s",
        "--sources",
        "--verbosity",
        "--disable-isolated-load-context",
        "--isolated-load-context",
        "--info",
        "--runtime",
        "--no-restore",
    ];

    private static readonly string[] PublicToolCommands = ["eval", "init", "new", "publish", "exec"];

    /// <summary>Reads the command line by the rules of dotnet-script: its options may stand anywhere before <c>--</c>.</summary>
    /// <exception cref="ScriptErrorException">The command line makes no sense.</exception>
    public static CommandLine Parse(IReadOnlyList<string> words)
    {
        string? script = null;
        var arguments = new List<string>();
        var optimized = false;
        var cacheFolder = ScriptCache.DefaultFolder;

        for (var i = 0; i < words.Count; i++)
        {
            switch (words[i])
            {
                case "-h" or "-?" or "--help":
                    return new ShowHelp();
                case "-v" or "--version":
                    return new ShowVersion();
                case "--no-cache":
                    cacheFolder = null;
                    break;
                case "-c" or "--configuration":
                    optimized = ValueAfter(ref i).Equals("release", StringComparison.OrdinalIgnoreCase);
                    break;
                case "-p" or "--cache-path":
                    cacheFolder = Path.GetFullPath(ValueAfter(ref i));
                    break;
                case "--":
                    arguments.AddRange(words.Skip(i + 1));
                    i = words.Count;
                    break;
                case var option when PublicToolOnly.Contains(option):
                    throw new ScriptErrorException(
                        $"{option}: only the public dotnet-script has this, the bundled script runner does not.\n{PublicTool}"
                    );
                case var option when script is null && option.StartsWith('-'):
                    throw new ScriptErrorException($"{option}: the bundled script runner has no such option.\n\n{Usage}");
                case var command when script is null && PublicToolCommands.Contains(command) && !File.Exists(command):
                    throw new ScriptErrorException(
                        $"{command}: only the public dotnet-script has this command, the bundled script runner does not.\n{PublicTool}"
                    );
                case var address when script is null && address.Contains("://"):
                    throw new ScriptErrorException(
                        $"{address}: only the public dotnet-script runs scripts from the web, the bundled script runner does not.\n"
                            + $"{PublicTool}"
                    );
                case var word when script is null:
                    script = word;
                    break;
                case var word:
                    arguments.Add(word);
                    break;
            }
        }
        return script is null
            ? throw new ScriptErrorException(
                $"No script is named; the interactive mode is the public dotnet-script's alone.\n{PublicTool}\n\n{Usage}")
            : new Run(script, arguments, optimized, cacheFolder);

        string ValueAfter(ref int i) => ++i < words.Count
            ? words[i]
            : throw new ScriptErrorException($"{words[i - 1]} needs a value.\n\n{Usage}");
    }
}
