using System.ComponentModel;
using System.Diagnostics;

namespace Electra.Tests.Kit;

/// <summary>Programs of the system that a test needs for a moment.</summary>
internal static class Command
{
    /// <summary>Runs a program to its end.</summary>
    /// <returns>Whether it is there and ended with exit code 0.</returns>
    public static bool Run(string program, params string[] words)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, words) { RedirectStandardError = true, RedirectStandardOutput = true }
            )!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    /// <summary>Runs a line of shell.</summary>
    public static bool Shell(string line) => Run("bash", "-c", line);

    /// <summary>Sends a signal (<c>INT</c>) to a process, which may have ended, or to a group where the number is negative.</summary>
    public static void Send(string signal, int process) => Run("kill", $"-{signal}", "--", $"{process}");
}
