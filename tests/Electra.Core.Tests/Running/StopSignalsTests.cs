using System.Runtime.InteropServices;
using Electra.Running;

namespace Electra.Tests.Running;

public sealed class StopSignalsTests : IDisposable
{
    private readonly SetClock clock = new();
    private readonly List<int> exits = [];
    private readonly List<string> told = [];
    private readonly StopSignals signals;

    public StopSignalsTests() => signals = new StopSignals(told.Add, exits.Add, clock);

    public void Dispose() => signals.Dispose();

    [Fact]
    public void A_signal_seconds_after_the_first_ends_at_once()
    {
        signals.Receive(PosixSignal.SIGTERM);
        Assert.True(signals.Stopping.IsCancellationRequested);
        foreach (double seconds in new[] { 0, 0.002, 0.3, 4 })
        {
            clock.Now = TimeSpan.FromSeconds(seconds);
            signals.Receive(PosixSignal.SIGTERM);
            signals.Receive(PosixSignal.SIGINT);
        }
        Assert.Empty(exits);
        Assert.Single(told);

        clock.Now = TimeSpan.FromSeconds(5.1);
        signals.Receive(PosixSignal.SIGINT);
        signals.Receive(PosixSignal.SIGTERM);
        Assert.Equal([130, 143], exits);
    }

    [Fact]
    public void The_kernel_repeats_sigxcpu_every_second_and_means_the_same()
    {
        Assert.SkipWhen(StopSignals.CpuLimit is null, "Windows has no such signal");
        for (clock.Now = TimeSpan.Zero; clock.Now < TimeSpan.FromSeconds(60); clock.Now += TimeSpan.FromSeconds(1))
            signals.Receive(StopSignals.CpuLimit.Value);
        Assert.Empty(exits);
        Assert.Equal(75, signals.ExitCode);
    }

    [Theory]
    [InlineData(null, "stopping after saving; another signal after 5 seconds ends at once")]
    [InlineData(0.2, "stopping after saving, which takes about a second; another")]
    [InlineData(17.4, "stopping after saving, which takes about 17 seconds; another")]
    public void The_message_says_how_long_saving_takes(double? seconds, string message)
    {
        signals.SavingTime = () => seconds is { } known ? TimeSpan.FromSeconds(known) : null;
        signals.Receive(PosixSignal.SIGINT);
        Assert.StartsWith(message, Assert.Single(told));
    }

    [Theory]
    [InlineData(true, "dotnet", "script", "x.csx")]
    [InlineData(true, "/usr/bin/dotnet", "-d", "script", "x.csx")]
    [InlineData(true, "dotnet", "tool", "run", "dotnet-script", "x.csx")]
    [InlineData(false, "dotnet", "dotnet-script.dll", "script")]
    [InlineData(false, "bash", "script")]
    [InlineData(false, "dotnet")]
    public void Dotnet_script_is_known_by_its_command_line(bool isLauncher, params string[] words) =>
        Assert.Equal(isLauncher, ScriptLauncher.IsLauncher(words));
}
