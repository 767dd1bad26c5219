using System.Diagnostics;
using System.Globalization;
using Electra.Tests.Pretraining;

namespace Electra.Tests.Scripting;

/// <summary>A run as schedulers, terminals and other users start and end it: what each leaves behind, and its exit code.</summary>
public sealed class SchedulerTests : IDisposable
{
    private static readonly string Launcher = Path.Combine(TestData.Repository, "scripts", "run");

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly List<Process> started = [];

    public SchedulerTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        TinyExperiment.Write(folder);
    }

    public void Dispose()
    {
        // A test that failed leaves nothing that trains for hours.
        foreach (var process in started)
            using (process)
                if (IsRunning(process))
                    process.Kill(entireProcessTree: true);
        folder.Dispose();

        static bool IsRunning(Process process)
        {
            try
            {
                return !process.HasExited;
            }
            catch (InvalidOperationException)
            {
                return false; // It was waited for, and disposed.
            }
        }
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("USR1", 75)]
    [InlineData("USR2", 75)]
    [InlineData("XCPU", 75)]
    public async Task A_signal_to_the_process_and_then_to_its_group_saves_and_its_exit_code_comes_back(string signal, int exitCode)
    {
        // As timeout(1) does it.
        var run = await Training("setsid", Launcher);
        await Send(signal, run.Id);
        await Task.Delay(20);
        await Send(signal, -run.Id);

        var ended = await ScriptRunner.Finish(run);
        Assert.True(exitCode == ended.ExitCode, $"{ended.ExitCode}: {ended.Error}");
        Assert.Contains("goes on from here", ended.Output);
        Assert.True(IsSaved);
    }

    [Fact]
    public async Task Sighup_stays_ignored_under_nohup()
    {
        var run = await Training("sh", "-c", "trap '' HUP; exec \"$0\" \"$@\"", Launcher);
        await Send("HUP", run.Id);
        await ScriptRunner.WaitForLine(run, "step");
        await Send("TERM", run.Id);

        var ended = await ScriptRunner.Finish(run);
        Assert.Equal(143, ended.ExitCode);
        Assert.DoesNotContain("129", ended.Output);
    }

    [Fact]
    public async Task A_second_signal_after_seconds_ends_at_once()
    {
        File.WriteAllText(folder.File("obstinate.csx"), $$"""
            #load "{{Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")}}"
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
        await ScriptRunner.WaitForLine(run, "ready");
        await Send("INT", run.Id);
        await ScriptRunner.WaitForLine(run, "stopping after saving; another signal after 5 seconds ends at once");
        await Task.Delay(TimeSpan.FromSeconds(5.2));
        Assert.False(run.HasExited);
        await Send("TERM", run.Id);
        Assert.Equal(143, (await ScriptRunner.Finish(run)).ExitCode);
    }

    [Theory]
    [InlineData("USR1", 138)]
    [InlineData("KILL", 137)]
    public async Task When_dotnet_script_alone_is_ended_the_run_in_it_saves_and_ends(string signal, int exitCode)
    {
        Assert.SkipUnless(HasLocalTool, "built without the bundled script runner");
        var outer = await Training("dotnet", "script");
        int inner = Inner();
        Assert.NotEqual(outer.Id, inner);

        await Send(signal, outer.Id);
        await EndOf(inner);
        Assert.True(IsSaved);
        Assert.Equal(exitCode, (await ScriptRunner.Finish(outer)).ExitCode);
    }

    [Fact]
    public async Task A_run_whose_dotnet_script_ended_before_it_began_ends_too()
    {
        Assert.SkipUnless(HasLocalTool && OperatingSystem.IsLinux(), "needs the bundled script runner, and reads /proc");
        var outer = Start("dotnet", ["script", .. Words]);
        string inner;
        while ((inner = File.ReadAllText($"/proc/{outer.Id}/task/{outer.Id}/children").Trim()) == "")
            await Task.Delay(1);
        await Send("KILL", outer.Id);
        await EndOf(int.Parse(inner.Split(' ')[0], CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_run_whose_terminal_is_closed_saves()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "needs script(1), which makes a terminal");
        var terminal = Start("script", "-qec", $"exec '{Launcher}' {string.Join(' ', Words.Select(word => $"'{word}'"))}", "/dev/null");
        await ScriptRunner.WaitForLine(terminal, "lr ");
        int inner = Inner();
        terminal.Kill();
        await EndOf(inner);
        Assert.True(IsSaved);
    }

    [Fact]
    public async Task Another_user_runs_the_same_build_from_any_folder_also_by_a_link()
    {
        File.CreateSymbolicLink(folder.File("electra"), Launcher);
        var another = new Dictionary<string, string> { ["HOME"] = folder.File("home"), ["DOTNET_CLI_HOME"] = folder.File("home") };
        foreach (var launcher in new[] { Launcher, folder.File("electra") })
            foreach (var script in new[] { TinyExperiment.Script, "scripts/pretrain.csx", "pretrain.csx" })
            {
                var help = await ScriptRunner.Finish(
                    ScriptRunner.StartProgram(launcher, folder.Path, another, "-p", ScriptRunner.KitCache, script, "--", "--help")
                );
                Assert.True(help.ExitCode == 0, help.Error);
                Assert.Contains("usage: ", help.Output);
            }
    }

    [Fact]
    public async Task Before_the_first_build_it_says_what_to_do()
    {
        Directory.CreateDirectory(folder.File("kit/scripts"));
        File.Copy(Launcher, folder.File("kit/scripts/run"));
        var run = await ScriptRunner.Finish(Start(folder.File("kit/scripts/run"), "pretrain.csx"));
        Assert.Equal(1, run.ExitCode);
        Assert.Equal($"scripts/run: nothing is built yet. Build first: dotnet build -c Release, in {folder.File("kit")}\n", run.Error);
    }

    private static bool HasLocalTool => File.Exists(Path.Combine(TestData.Repository, ".config", "dotnet-tools.json"));

    private bool IsSaved => Directory.Exists(folder.File("runs/tiny_11081/states"));

    private string[] Words =>
        [
            "-p",
            ScriptRunner.KitCache,
            TinyExperiment.Script,
            "--",
            folder.File("tiny.yaml"),
            "compute.threads=1",
            "training.steps=10000000",
            "checkpoints.every=0",
        ];

    private Process Start(string program, params string[] words)
    {
        var process = ScriptRunner.StartProgram(
            program,
            program == "dotnet" ? TestData.Repository : folder.Path,
            new Dictionary<string, string>(),
            words
        );
        started.Add(process);
        return process;
    }

    /// <summary>The process that trains, whoever started it: the one that has the run's lock.</summary>
    private int Inner()
    {
        var holder = File.ReadAllText(folder.File("runs/tiny_11081/.lock.process"));
        return int.Parse(holder.Split(' ').First(word => word.All(char.IsAsciiDigit)), CultureInfo.InvariantCulture);
    }

    /// <summary>Starts a run that would go on for hours, and waits for its first steps.</summary>
    private async Task<Process> Training(string program, params string[] words)
    {
        var run = Start(program, [.. words, .. Words]);
        await ScriptRunner.WaitForLine(run, "step         3 ");
        return run;
    }

    /// <summary>Sends a signal to a process, or to a group where the number is negative.</summary>
    private static async Task Send(string signal, int process)
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", [$"-{signal}", "--", $"{process}"]) { RedirectStandardError = true })!;
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for a process that is not a child of this one.</summary>
    private static async Task EndOf(int process)
    {
        for (var clock = Stopwatch.StartNew(); await IsThere(); await Task.Delay(50))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"process {process} goes on");

        async Task<bool> IsThere()
        {
            using var kill = Process.Start(new ProcessStartInfo("kill", ["-0", $"{process}"]) { RedirectStandardError = true })!;
            await kill.WaitForExitAsync();
            return kill.ExitCode == 0 && !(OperatingSystem.IsLinux() && IsZombie($"/proc/{process}/stat"));
        }

        // Where nobody collects orphans, in a container say, they stay on the list.
        static bool IsZombie(string file) => File.Exists(file) && File.ReadAllText(file).Contains(") Z ");
    }
}
