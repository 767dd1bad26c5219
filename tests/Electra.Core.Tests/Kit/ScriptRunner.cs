namespace Electra.Tests.Kit;

/// <summary>Starts scripts as processes, with the script runner that the build made.</summary>
internal static class ScriptRunner
{
    private static readonly string Configuration = Directory.GetParent(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))!.Name;

    /// <summary>The runner, made by the build of the solution.</summary>
    public static string Assembly { get; } =
        Path.Combine(TestData.Repository, "scripts", "host", "bin", Configuration, "net10.0", "dotnet-script.dll");

    /// <summary>
    /// Where the kit's own scripts are kept compiled: they are the same for all tests, and compiling one takes longer than a tiny run.
    /// </summary>
    public static string KitCache { get; } = Path.Combine(AppContext.BaseDirectory, "scripts");

    /// <summary>Whether <c>dotnet script</c> is the runner that the build made.</summary>
    public static bool IsLocalTool { get; } = File.Exists(Path.Combine(TestData.Repository, ".config", "dotnet-tools.json"));

    /// <summary>What <c>#load</c> names to have the library; skips the test where the kit's own scripts would not find it.</summary>
    public static string Library
    {
        get
        {
            var library = Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx");
            Assert.SkipUnless(File.Exists(library), "needs dotnet build -c Release");
            return library.Replace('\\', '/');
        }
    }

    /// <summary>The path of a script of the kit: <c>stats.csx</c>; skips the test where it has no library to load.</summary>
    public static string Kit(string name)
    {
        _ = Library;
        return Path.Combine(TestData.Repository, "scripts", name);
    }

    /// <summary>The text of a script in scripts/, so that it finds the library from another folder.</summary>
    public static string Movable(string text) => text.Replace("../core", Path.Combine(TestData.Repository, "core").Replace('\\', '/'));

    /// <summary>Runs a script to its end.</summary>
    public static Task<ScriptResult> Run(TemporaryFolder folder, params string[] words) => Start(folder, words).Finish();

    /// <summary>Starts a script in a folder, which keeps what is compiled of a test's own scripts.</summary>
    public static RunningScript Start(TemporaryFolder folder, params string[] words) => Start(folder, null, words);

    /// <summary>Starts a script with some variables of the environment set.</summary>
    public static RunningScript Start(
        TemporaryFolder folder,
        IReadOnlyDictionary<string, string>? environment,
        params string[] words
    ) => new("dotnet", [Assembly, "--cache-path", Cache(folder, words), .. words], folder.Path, environment);

    /// <summary>Starts a command line in a terminal of its own, in which <see cref="RunningScript.Type"/> types.</summary>
    public static RunningScript StartInTerminal(string folder, params string[] words)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "needs script(1), which makes a terminal");
        return new("script", ["-qec", $"exec {string.Join(' ', words.Select(word => $"'{word}'"))}", "/dev/null"], folder);
    }

    private static string Cache(TemporaryFolder folder, string[] words) =>
        words.Any(word => word.StartsWith(Path.Combine(TestData.Repository, "scripts"), StringComparison.Ordinal))
            ? KitCache
            : folder.File("cache");
}
