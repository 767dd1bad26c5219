using System.Diagnostics;

namespace Electra.Tests.Scripting;

/// <summary>A script that is killed, or asked to stop, at random moments, and started again each time until it ends by itself.</summary>
/// <param name="start">Starts it.</param>
/// <param name="random">Draws the moments.</param>
/// <param name="reach">The lines of output within which a kill falls: what starting takes, and some work more.</param>
/// <param name="signal">The signal that it gets.</param>
/// <param name="exitCode">The exit code that is expected then.</param>
internal sealed class KilledScript(Func<Process> start, Random random, int reach, string signal = "KILL", int exitCode = 137)
{
    /// <summary>How often it has been killed.</summary>
    public int Kills { get; private set; }

    /// <summary>Sends a signal to a process.</summary>
    /// <param name="process">The process; it may have ended.</param>
    /// <param name="signal">The signal: <c>INT</c>.</param>
    public static async Task Send(Process process, string signal)
    {
        using var kill = Process.Start(
            new ProcessStartInfo("kill", [$"-{signal}", process.Id.ToString()]) { RedirectStandardError = true }
        )!;
        await kill.WaitForExitAsync();
    }

    /// <summary>Runs it to its end, with so many kills at most on the way: it may be done before them.</summary>
    /// <param name="kills">The most kills.</param>
    /// <param name="killed">Looks at what a kill left.</param>
    public async Task RunToEnd(int kills, Action killed)
    {
        while (true)
        {
            using var process = start();
            var error = process.StandardError.ReadToEndAsync();
            bool isToDie = kills > 0;
            for (
                int lines = isToDie ? random.Next(reach) : int.MaxValue;
                lines > 0 && await process.StandardOutput.ReadLineAsync() is not null;
                lines--
            ) { }
            if (isToDie)
            {
                // Between two lines too: within a step, a measurement, a file.
                await Task.Delay(TimeSpan.FromMilliseconds(30 * random.NextDouble()));
                if (signal == "KILL")
                    process.Kill();
                else
                    await Send(process, signal);
            }
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode == 0)
                return;
            Assert.True(isToDie && (process.ExitCode == exitCode || process.ExitCode == -1), $"{process.ExitCode}: {await error}");
            (Kills, kills) = (Kills + 1, kills - 1);
            killed();
        }
    }
}
