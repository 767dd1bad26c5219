using System.Diagnostics;

namespace Electra.Tests.Scripting;

/// <summary>A script that is killed at random moments, and started again each time until it ends by itself.</summary>
/// <param name="start">Starts it.</param>
/// <param name="random">Draws the moments.</param>
/// <param name="reach">The lines of output within which a kill falls: what starting takes, and some work more.</param>
internal sealed class KilledScript(Func<Process> start, Random random, int reach)
{
    /// <summary>How often it has been killed.</summary>
    public int Kills { get; private set; }

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
            for (int lines = isToDie ? random.Next(reach) : int.MaxValue; lines > 0 && await process.StandardOutput.ReadLineAsync() is not null; lines--)
            {
            }
            if (isToDie)
            {
                // Between two lines too: within a step, a measurement, a file.
                await Task.Delay(TimeSpan.FromMilliseconds(30 * random.NextDouble()));
                process.Kill();
            }
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode == 0)
                return;
            Assert.True(isToDie && process.ExitCode is 137 or -1, await error);
            (Kills, kills) = (Kills + 1, kills - 1);
            killed();
        }
    }
}
