using System.Diagnostics;

namespace Electra.Tests.Scripting;

/// <summary>What a run left behind.</summary>
internal sealed record ScriptResult(int ExitCode, string Output, string Error)
{
    public string[] Lines => Output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>Runs the script runner that the build made, as a process, with a cache of its own in the working folder.</summary>
internal static class ScriptRunner
{
    private static readonly string Configuration = Directory.GetParent(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))!.Name;

    /// <summary>Made by the build of the solution.</summary>
    public static string Assembly { get; } =
        Path.Combine(TestData.Repository, "scripts", "host", "bin", Configuration, "net10.0", "dotnet-script.dll");

    /// <summary>
    /// The kit's own scripts are the same for all tests, and compiling one takes longer than a tiny run of it: it is compiled once.
    /// </summary>
    public static string KitCache { get; } = Path.Combine(AppContext.BaseDirectory, "scripts");

    private static string Cache(TemporaryFolder folder, string[] words) =>
        words.Any(word => word.StartsWith(Path.Combine(TestData.Repository, "scripts"), StringComparison.Ordinal))
            ? KitCache
            : folder.File("cache");

    /// <summary>Runs a script to its end.</summary>
    public static Task<ScriptResult> Run(TemporaryFolder folder, params string[] words) =>
        Finish(Start(folder, words));

    /// <summary>Starts a script. The cache is given in the public tool's way.</summary>
    public static Process Start(TemporaryFolder folder, params string[] words) =>
        StartDotnet(folder.Path, [Assembly, "--cache-path", Cache(folder, words), .. words]);

    /// <summary>Starts a script with some variables of the environment set.</summary>
    public static Process Start(TemporaryFolder folder, IReadOnlyDictionary<string, string> environment, params string[] words) =>
        StartDotnet(folder.Path, environment, [Assembly, "--cache-path", Cache(folder, words), .. words]);

    /// <summary>Starts <c>dotnet</c> with its input and output redirected.</summary>
    public static Process StartDotnet(string workingFolder, params string[] words) =>
        StartDotnet(workingFolder, new Dictionary<string, string>(), words);

    private static Process StartDotnet(string workingFolder, IReadOnlyDictionary<string, string> environment, string[] words) =>
        StartProgram("dotnet", workingFolder, environment, words);

    /// <summary>Starts a program with its input and output redirected, and some variables of the environment set.</summary>
    public static Process StartProgram(
        string program,
        string workingFolder,
        IReadOnlyDictionary<string, string> environment,
        params string[] words
    )
    {
        var start = new ProcessStartInfo(program, words)
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Reads a process's output up to a line that contains a text, which has to come.</summary>
    public static async Task WaitForLine(Process process, string text)
    {
        var said = new List<string>();
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains(text))
                return;
            said.Add(line);
        }
        Assert.Fail(
            $"{text} was not said, but:\n{string.Join('\n', said)}\n"
                + $"{await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}"
        );
    }

    /// <summary>Waits for the end of a process, and reads what is left of its output.</summary>
    public static async Task<ScriptResult> Finish(Process started)
    {
        using var process = started;
        var cancellation = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var error = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return new ScriptResult(process.ExitCode, await output, await error);
    }
}
