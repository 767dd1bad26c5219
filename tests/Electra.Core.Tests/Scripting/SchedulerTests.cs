using System.Diagnostics;
using System.Globalization;

namespace Electra.Tests.Scripting;

/// <summary>A run as schedulers, terminals and other users start and end it: what each leaves behind, and its exit code.</summary>
public sealed class SchedulerTests : IDisposable
{
    private static readonly string Launcher = Path.Combine(TestData.Repository, "scripts", "run");

    private readonly TinyPretraining tiny = new();
    private readonly List<RunningScript> started = [];

    public SchedulerTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");

    public void Dispose()
    {
        // A test that failed leaves nothing that trains for hours.
        foreach (var run in started)
            run.Dispose();
        tiny.Dispose();
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("USR1", 75)]
    [InlineData("USR2", 75)]
    [InlineData("XCPU", 75)]
    public async Task A_signal_to_the_process_and_then_to_its_group_is_one_request_to_stop(string signal, int exitCode)
    {
        // As timeout(1) does it.
        var run = await Training("setsid", Launcher);
        run.Send(signal);
        await Task.Delay(20);
        Command.Send(signal, -run.Id);

        (await run.Finish()).Ended(exitCode).Said("resumes from here");
        Assert.True(IsSaved);
    }

    [Fact]
    public async Task Sighup_stays_ignored_under_nohup()
    {
        var run = await Training("sh", "-c", "trap '' HUP; exec \"$0\" \"$@\"", Launcher);
        run.Send("HUP");
        await run.WaitForLine("step");
        run.Send("TERM");

        Assert.DoesNotContain("129", (await run.Finish()).Ended(143).Output);
    }

    [Fact]
    public async Task A_second_signal_after_seconds_ends_at_once()
    {
        File.WriteAllText(tiny.File("obstinate.csx"), $$"""
            #load "{{ScriptRunner.Library}}"
            using Electra.Export;
            using Electra.Running;
            return await Experiment.RunOn<ExportConfig>(Args, operand: "models", run =>
            {
                run.Console.Line("ready");
                System.Threading.Thread.Sleep(System.Threading.Timeout.Infinite);
                return 0;
            });
            """);
        var run = Start(Launcher, "obstinate.csx", "--", "x");
        await run.WaitForLine("ready");
        run.Send("INT");
        await run.WaitForLine("stopping after saving; another signal after 5 seconds ends at once");
        await Task.Delay(TimeSpan.FromSeconds(5.2));
        Assert.False(run.HasExited);
        run.Send("TERM");
        (await run.Finish()).Ended(143);
    }

    [Theory]
    [InlineData("USR1", 138)]
    [InlineData("KILL", 137)]
    public async Task A_run_saves_when_dotnet_script_around_it_is_ended(string signal, int exitCode)
    {
        Assert.SkipUnless(ScriptRunner.IsLocalTool, "built without the bundled script runner");
        var outer = await Training("dotnet", "script");
        int inner = Inner();
        Assert.NotEqual(outer.Id, inner);

        outer.Send(signal);
        await EndOf(inner);
        Assert.True(IsSaved);
        (await outer.Finish()).Ended(exitCode);
    }

    [Fact]
    public async Task A_run_whose_dotnet_script_ended_before_it_began_ends_too()
    {
        Assert.SkipUnless(ScriptRunner.IsLocalTool && OperatingSystem.IsLinux(), "needs the bundled script runner, and reads /proc");
        var outer = Start("dotnet", ["script", .. Words]);
        string inner;
        while ((inner = File.ReadAllText($"/proc/{outer.Id}/task/{outer.Id}/children").Trim()) == "")
            await Task.Delay(1);
        outer.Send("KILL");
        await EndOf(int.Parse(inner.Split(' ')[0], CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_run_whose_terminal_is_closed_saves()
    {
        using var terminal = ScriptRunner.StartInTerminal(tiny.Folder.Path, [Launcher, .. Words]);
        await terminal.WaitForLine("lr ");
        int inner = Inner();
        terminal.Kill();
        await EndOf(inner);
        Assert.True(IsSaved);
    }

    [Fact]
    public async Task Another_user_runs_the_same_build_from_any_folder_also_by_a_link()
    {
        File.CreateSymbolicLink(tiny.File("electra"), Launcher);
        var another = new Dictionary<string, string> { ["HOME"] = tiny.File("home"), ["DOTNET_CLI_HOME"] = tiny.File("home") };
        foreach (var launcher in new[] { Launcher, tiny.File("electra") })
            foreach (var script in new[] { tiny.Script, "scripts/pretrain.csx", "pretrain.csx" })
            {
                string[] words = ["-p", ScriptRunner.KitCache, script, "--", "--help"];
                (await new RunningScript(launcher, words, tiny.Folder.Path, another).Finish()).Succeeded().Said("usage: ");
            }
    }

    [Fact]
    public async Task Before_the_first_build_it_says_what_to_do()
    {
        Directory.CreateDirectory(tiny.File("kit/scripts"));
        File.Copy(Launcher, tiny.File("kit/scripts/run"));
        var run = await Start(tiny.File("kit/scripts/run"), "pretrain.csx").Finish();
        Assert.Equal(1, run.ExitCode);
        Assert.Equal($"scripts/run: nothing is built yet. Build first: dotnet build -c Release, in {tiny.File("kit")}\n", run.Error);
    }

    private bool IsSaved => Directory.Exists(tiny.File($"{TinyPretraining.RunFolder}/states"));

    /// <summary>A run that would go on for hours.</summary>
    private string[] Words =>
        ["-p", ScriptRunner.KitCache, tiny.Script, "--", tiny.Config, "training.steps=10000000", "checkpoints.every=0"];

    private RunningScript Start(string program, params string[] words)
    {
        var run = new RunningScript(program, words, program == "dotnet" ? TestData.Repository : tiny.Folder.Path);
        started.Add(run);
        return run;
    }

    /// <summary>The process that trains, whoever started it: the one that has the run's lock.</summary>
    private int Inner()
    {
        var holder = File.ReadAllText(tiny.File($"{TinyPretraining.RunFolder}/.lock.process"));
        return int.Parse(holder.Split(' ').First(word => word.All(char.IsAsciiDigit)), CultureInfo.InvariantCulture);
    }

    /// <summary>Starts a run that would go on for hours, and waits for its first steps.</summary>
    private async Task<RunningScript> Training(string program, params string[] words)
    {
        var run = Start(program, [.. words, .. Words]);
        await run.WaitForLine("step         3 ");
        return run;
    }

    /// <summary>Waits for a process that is not a child of this one.</summary>
    private static async Task EndOf(int process)
    {
        for (var clock = Stopwatch.StartNew(); IsThere(); await Task.Delay(50))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"process {process} goes on");

        bool IsThere() =>
            Command.Run("kill", "-0", $"{process}") && !(OperatingSystem.IsLinux() && IsZombie($"/proc/{process}/stat"));

        // Where nobody collects orphans, in a container say, they stay on the list.
        static bool IsZombie(string file) => File.Exists(file) && File.ReadAllText(file).Contains(") Z ");
    }
}
