namespace Electra.Tests.Kit;

/// <summary>A script that is killed, or asked to stop, at random moments, and started again each time until it ends by itself.</summary>
/// <param name="start">Starts it.</param>
/// <param name="random">Draws the moments.</param>
/// <param name="reach">The lines of output within which a kill falls: what starting takes, and some work more.</param>
/// <param name="signal">The signal that it gets.</param>
/// <param name="exitCode">The exit code that is expected then.</param>
internal sealed class KilledScript(Func<RunningScript> start, Random random, int reach, string signal = "KILL", int exitCode = 137)
{
    /// <summary>How often it has been killed.</summary>
    public int Kills { get; private set; }

    /// <summary>Runs it to its end, with so many kills at most on the way: it may be done before them.</summary>
    /// <param name="kills">The most kills.</param>
    /// <param name="killed">Looks at what a kill left.</param>
    public async Task RunToEnd(int kills, Action? killed = null)
    {
        while (true)
        {
            using var script = start();
            bool isToDie = kills > 0;
            for (int lines = isToDie ? random.Next(reach) : 0; lines > 0 && await script.ReadLine() is not null; lines--) { }
            if (isToDie)
            {
                // Between two lines too: within a step, a measurement, a file.
                await Task.Delay(TimeSpan.FromMilliseconds(30 * random.NextDouble()));
                if (signal == "KILL")
                    script.Kill();
                else
                    script.Send(signal);
            }
            var ended = await script.Finish();
            if (ended.ExitCode == 0)
                return;
            Assert.True(isToDie && (ended.ExitCode == exitCode || ended.ExitCode == -1), $"{ended.ExitCode}: {ended.Error}");
            (Kills, kills) = (Kills + 1, kills - 1);
            killed?.Invoke();
        }
    }
}
