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

    /// <summary>The kit's own scripts are the same for all tests, and compiling one takes longer than a tiny run of it: it is compiled once.</summary>
    private static string Cache(TemporaryFolder folder, string[] words) =>
        words.Any(word => word.StartsWith(Path.Combine(TestData.Repository, "scripts"), StringComparison.Ordinal)) ? Path.Combine(AppContext.BaseDirectory, "scripts") : folder.File("cache");

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

    private static Process StartDotnet(string workingFolder, IReadOnlyDictionary<string, string> environment, string[] words)
    {
        var start = new ProcessStartInfo("dotnet", words)
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
