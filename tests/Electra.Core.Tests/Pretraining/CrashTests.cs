using System.Diagnostics;
using System.Text.Json.Nodes;

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
                            () => whole.Start(name, $"datasets={whole.Tiny.File(name + "-data")}"),
                            random,
                            reach: 24
                        );
                        await script.RunToEnd(left);
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
    public async Task A_run_stopped_by_a_signal_resumes_to_the_same_end(string signal, int code)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await whole.Ready();

        var name = $"stopped-{signal}";
        using var run = whole.Start(name);
        await run.WaitForLine("step         7 ");
        run.Send(signal);
        (await run.Finish()).Ended(code);

        (await whole.Run(name)).Succeeded();
        whole.AssertSame(name);
    }

    /// <summary>Under dotnet script the terminal sends the signal to two processes, that of the SDK and the run in it.</summary>
    [Theory]
    [InlineData("scripts/run")]
    [InlineData("dotnet script")]
    public async Task A_run_stopped_by_ctrl_c_in_its_terminal_resumes_to_the_same_end(string launcher)
    {
        Assert.SkipUnless(launcher != "dotnet script" || ScriptRunner.IsLocalTool, "built without the bundled script runner");
        await whole.Ready();

        var name = launcher.Replace('/', '-').Replace(' ', '-');
        using var run = ScriptRunner.StartInTerminal(
            TestData.Repository,
            [.. launcher.Split(' '), "-p", ScriptRunner.KitCache, .. whole.Words(name)]
        );
        await run.WaitForLine("step         7");
        await run.Type("\u0003");
        (await run.Finish()).Ended(130).Said("The same command resumes from here");

        (await whole.Run(name)).Succeeded().Said("Resuming from step");
        whole.AssertSame(name);
    }

    [Fact]
    public async Task A_complete_run_is_left_as_it_is()
    {
        await whole.Ready();
        var metrics = File.ReadAllText(whole.Tiny.Of("whole", "metrics.jsonl"));
        (await whole.Run("whole")).Succeeded().Said("This run is complete");
        Assert.Equal(metrics, File.ReadAllText(whole.Tiny.Of("whole", "metrics.jsonl")));
    }

    [Fact]
    public async Task A_damaged_state_is_passed_over_for_the_one_before()
    {
        await whole.Ready();
        (await whole.Run("damaged")).Succeeded();
        Damage(60);
        (await whole.Run("damaged")).Succeeded().Said("step_60 is damaged", "Resuming from step 57");
        whole.AssertSame("damaged");

        Damage(60);
        Damage(57);
        (await whole.Run("damaged")).Refused("no saved state of this run can be used");
        Assert.True(Directory.Exists(whole.StateOf("damaged", 57)), "nothing is thrown away");

        void Damage(int step)
        {
            using var file = File.OpenWrite(Path.Combine(whole.StateOf("damaged", step), "tensors.safetensors"));
            file.Seek(-20, SeekOrigin.End);
            file.WriteByte(0xA5);
        }
    }

    [Fact]
    public async Task A_run_that_diverges_names_the_examples_of_its_last_updates()
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
        run.Refused("training diverged: 4 updates in a row");
        var skipped = File.ReadLines(whole.Tiny.Of("diverged", "skipped_updates.jsonl"))
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
            () => whole.Start("asked", $"datasets={whole.Tiny.File("asked-data")}"),
            new Random(5),
            reach: 24,
            "TERM",
            143
        );
        await script.RunToEnd(10);
        whole.AssertSame("asked");
        TestContext.Current.TestOutputHelper?.WriteLine($"{script.Kills} signals");
    }

    [Fact]
    public async Task A_second_start_of_a_run_says_who_has_it()
    {
        await whole.Ready();
        using var first = whole.Start("taken", "training.steps=100000");
        await first.WaitForLine("step         1 ");
        (await whole.Run("taken", "training.steps=100000")).Refused($"in use by process {first.Id}");
    }

    [Fact]
    public async Task Other_text_under_a_run_that_began_is_refused()
    {
        await whole.Ready();
        var text = whole.Tiny.File("changing.txt");
        File.Copy(whole.Tiny.File("text.txt"), text);
        (await whole.Run("changing", $"corpus={text}", "training.max_minutes=0.00001")).Succeeded();
        File.AppendAllText(text, "\nOne document more.\n");
        (await whole.Run("changing", $"corpus={text}")).Refused("began with other data");
    }

    [Fact, Trait("Category", "Long")]
    public async Task Memory_and_file_handles_stay_level_over_hundreds_of_steps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        await whole.Ready();
        // A small first generation: otherwise the garbage collector lets its heap grow for thousands of steps before it collects.
        // Large blocks of libtorch's go back to the system: otherwise the heap of C takes thousands of steps to find its size.
        var environment = new Dictionary<string, string> { ["DOTNET_GCgen0size"] = "0x400000", ["MALLOC_MMAP_THRESHOLD_"] = "65536" };
        using var run = whole.Start(
            "long",
            environment,
            "training.steps=2600",
            "checkpoints.every=100",
            "logging.every=5",
            "evaluation.every=100"
        );
        var used = new List<(long Kilobytes, int Handles)>();
        for (int step = 795; step < 2600; step += 600)
        {
            await run.WaitForLine($"step {step,9:N0} ");
            used.Add(Used());
        }
        (await run.Finish()).Succeeded();
        // The least that a step could leave behind, the hidden states of one layer, has 16 kB in bfloat16: 9.6 MB in every 600 steps.
        var growth = used.Zip(used.Skip(1), (before, after) => after.Kilobytes - before.Kilobytes);
        Assert.True(growth.Min() < 8 << 10, $"memory grew all the time: {string.Join(", ", used.Select(at => at.Kilobytes))} kB");
        Assert.InRange(used[^1].Handles, 1, used[0].Handles + 8);

        (long Kilobytes, int Handles) Used() =>
            (
                long.Parse(
                    File.ReadLines($"/proc/{run.Id}/status")
                        .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
                        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]
                ),
                Directory.GetFiles($"/proc/{run.Id}/fd").Length
            );
    }
}
