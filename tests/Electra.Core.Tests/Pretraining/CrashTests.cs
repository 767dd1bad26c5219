using System.Diagnostics;
using System.Text.Json.Nodes;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>
/// scripts/pretrain.csx, killed, stopped and damaged: what is there at the end is what a run that was never stopped leaves.
/// </summary>
public sealed class CrashTests(WholeRun whole) : IClassFixture<WholeRun>
{
    [Fact, Trait("Category", "Long")]
    public async Task Kills_at_random_moments_lose_nothing()
    {
        const int Kills = 30;
        await whole.Ready();
        var clock = Stopwatch.StartNew();
        // Two at once, one for each processor of a small machine.
        await Task.WhenAll(
            Enumerable
                .Range(0, 2)
                .Select(async side =>
                {
                    var random = new Random(17 + side);
                    for (int round = 0, left = Kills / 2; left > 0; round++)
                    {
                        // Data of its own, so that kills fall into its preparation too.
                        var name = $"killed{side}-{round}";
                        var script = new KilledScript(
                            () => whole.Start(name, $"datasets={whole.Folder.File(name + "-data")}"),
                            random,
                            reach: 24
                        );
                        await script.RunToEnd(left, () => { });
                        left -= script.Kills;
                        whole.AssertSame(name);
                        TestContext.Current.TestOutputHelper?.WriteLine(
                            $"{name}: as if never stopped, after {script.Kills} kills; {clock.Elapsed.TotalSeconds:F0} s"
                        );
                    }
                })
        );
    }

    [Theory]
    [InlineData("USR1", 75)]
    [InlineData("INT", 130)]
    public async Task A_signal_saves_and_the_same_command_goes_on_to_the_same_end(string signal, int code)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await whole.Ready();

        var name = $"stopped-{signal}";
        var process = whole.Start(name);
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("step         7 "))
        {
        }
        using (var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString()]))
            await kill.WaitForExitAsync();
        Assert.Equal(code, (await ScriptRunner.Finish(process)).ExitCode);

        Assert.Equal(0, (await whole.Run(name)).ExitCode);
        whole.AssertSame(name);
        // A third call finds the run complete, and adds nothing.
        var metrics = File.ReadAllText(whole.MetricsOf(name));
        Assert.Contains("This run is complete", (await whole.Run(name)).Output);
        Assert.Equal(metrics, File.ReadAllText(whole.MetricsOf(name)));
    }

    [Fact]
    public async Task A_damaged_newest_state_is_named_and_the_one_before_is_used()
    {
        await whole.Ready();
        Assert.Equal(0, (await whole.Run("damaged")).ExitCode);
        Damage(60);
        var again = await whole.Run("damaged");
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Contains("step_60 is damaged", again.Output);
        Assert.Contains("Going on from step 57", again.Output);
        whole.AssertSame("damaged");

        Damage(60);
        Damage(57);
        var lost = await whole.Run("damaged");
        Assert.Equal(1, lost.ExitCode);
        Assert.Contains("no saved state of this run can be used", lost.Error);
        Assert.True(Directory.Exists(whole.StateOf("damaged", 57)), "nothing is thrown away");

        void Damage(int step)
        {
            using var file = File.OpenWrite(Path.Combine(whole.StateOf("damaged", step), "tensors.safetensors"));
            file.Seek(-20, SeekOrigin.End);
            file.WriteByte(0xA5);
        }
    }

    [Fact]
    public async Task A_run_whose_numbers_go_bad_stops_and_names_the_examples()
    {
        await whole.Ready();
        // A rate that no weights survive: a few updates later everything is infinite.
        var run = await whole.Run(
            "diverged",
            "training.learning_rate=10",
            "training.max_bad_steps=3",
            "optimizer.clip_norm=0",
            "optimizer.beta2=0",
            "optimizer.epsilon=0",
            "training.steps=400",
            "training.warmup_steps=0"
        );
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("training diverged: 4 updates in a row", run.Error);
        var skipped = File.ReadLines(whole.Folder.File("runs/diverged_11081/skipped_updates.jsonl"))
            .Select(line => JsonNode.Parse(line)!)
            .ToList();
        Assert.True(skipped.Count >= 4);
        Assert.Equal("not finite", skipped[^1]["reason"]!.GetValue<string>());
        Assert.Equal(8, skipped[^1]["examples"]!.AsArray().Count);
    }

    [Fact, Trait("Category", "Long")]
    public async Task Signals_in_every_phase_are_honoured_and_lose_nothing()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await whole.Ready();
        var script = new KilledScript(
            () => whole.Start("asked", $"datasets={whole.Folder.File("asked-data")}"),
            new Random(5),
            reach: 24,
            "TERM",
            143
        );
        await script.RunToEnd(10, () => { });
        whole.AssertSame("asked");
        TestContext.Current.TestOutputHelper?.WriteLine($"{script.Kills} signals");
    }

    [Fact]
    public async Task A_second_start_of_a_run_says_who_has_it()
    {
        await whole.Ready();
        var process = whole.Start("taken", "training.steps=100000");
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("step         1 "))
        {
        }
        var second = await whole.Run("taken", "training.steps=100000");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"in use by process {process.Id}", second.Error);
        process.Kill();
        await ScriptRunner.Finish(process);
    }

    [Fact]
    public async Task Other_text_under_a_run_that_began_is_refused()
    {
        await whole.Ready();
        File.WriteAllText(whole.Folder.File("changing.txt"), File.ReadAllText(whole.Folder.File("text.txt")));
        var corpus = $"corpus={whole.Folder.File("changing.txt")}";
        Assert.Equal(0, (await whole.Run("changing", corpus, "training.max_minutes=0.00001")).ExitCode);
        File.AppendAllText(whole.Folder.File("changing.txt"), "\nOne document more.\n");
        var run = await whole.Run("changing", corpus);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("began with other data", run.Error);
    }

    [Fact, Trait("Category", "Long")]
    public async Task Memory_and_file_handles_stay_level_over_hundreds_of_steps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        await whole.Ready();
        // A small first generation: otherwise the garbage collector lets its heap grow for thousands of steps before it collects.
        var process = whole.Start("long", new Dictionary<string, string> { ["DOTNET_GCgen0size"] = "0x400000" },
            "training.steps=2000", "checkpoints.every=100", "logging.every=5", "evaluation.every=100");
        (long Kilobytes, int Handles) early = default, late = default;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            if (line.StartsWith("step       795 ", StringComparison.Ordinal))
                early = Used();
            else if (line.StartsWith("step     1,995 ", StringComparison.Ordinal))
                late = Used();
        Assert.Equal(0, (await ScriptRunner.Finish(process)).ExitCode);
        Assert.True(early.Kilobytes > 0 && late.Kilobytes > 0, "both are measured");
        // The least that a step could leave behind, the hidden states of one layer, has 16 kB in bfloat16: 19 MB in 1,200 steps.
        Assert.True(
            late.Kilobytes - early.Kilobytes < 18 << 10,
            $"memory grew from {early.Kilobytes} to {late.Kilobytes} kB in 1,200 steps"
        );
        Assert.InRange(late.Handles, 1, early.Handles + 8);

        (long, int) Used() =>
            (
                long.Parse(
                    File.ReadLines($"/proc/{process.Id}/status")
                        .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
                        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]
                ),
                Directory.GetFiles($"/proc/{process.Id}/fd").Length
            );
    }
}
