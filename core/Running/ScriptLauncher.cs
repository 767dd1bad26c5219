using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Electra.Running;

/// <summary>
/// The <c>dotnet script</c> that started this process, where one did. It waits for the script, and dies of signals that it does not
/// know, SIGUSR1 and SIGKILL among them: the script would go on training with nobody to see its exit code.
/// </summary>
/// <remarks>On Windows the SDK takes the script along when it ends.</remarks>
internal sealed partial class ScriptLauncher : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Timer timer;
    private readonly Action ended;
    private int isTold;

    private ScriptLauncher(int process, Action ended)
    {
        this.ended = ended;
        // prctl(PR_SET_PDEATHSIG) would take the end of the thread that started us for that of the process.
        timer = new Timer(_ => LookFor(process), null, TimeSpan.Zero, Interval);
    }

    /// <summary>Calls back once, on a thread of its own, when the launcher has ended.</summary>
    /// <returns>Null where no launcher started this process.</returns>
    public static ScriptLauncher? Watch(Action ended)
    {
        if (OperatingSystem.IsWindows())
            return null;
        int parent = getppid();
        if (IsLauncher(CommandLine(parent)))
            return new ScriptLauncher(parent, ended);
        // Only `dotnet script` runs the tool's package: it has ended since.
        return IsBundledTool(AppContext.BaseDirectory) ? new ScriptLauncher(process: -1, ended) : null;
    }

    public void Dispose() => timer.Dispose();

    private void LookFor(int process)
    {
        if (getppid() != process && Interlocked.Exchange(ref isTold, 1) == 0)
            ended();
    }

    /// <summary>Whether a command line is that of <c>dotnet script</c>, <c>dotnet tool run dotnet-script</c> and the like.</summary>
    internal static bool IsLauncher(IReadOnlyList<string> words) =>
        words.Count > 1 && Path.GetFileName(words[0]) == "dotnet"
        && words.Skip(1).FirstOrDefault(word => !word.StartsWith('-')) is "script" or "dotnet-script" or "tool" or "dnx";

    private static bool IsBundledTool(string folder) => folder.Split(Path.DirectorySeparatorChar) is var parts
        && parts.Contains("electra.script") && parts.Contains("tools");

    private static string[] CommandLine(int process)
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? File.ReadAllText($"/proc/{process}/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries)
                : CommandLineByPs(process).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return [];
        }
    }

    private static string CommandLineByPs(int process)
    {
        var start = new ProcessStartInfo("ps", ["-o", "args=", "-p", process.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        };
        using var ps = Process.Start(start)!;
        return ps.StandardOutput.ReadToEnd();
    }

    [LibraryImport("libc")]
    private static partial int getppid();
}
