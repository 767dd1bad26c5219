using System.Diagnostics;
using System.Text.Json.Nodes;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx, killed, stopped and damaged: what is there at the end is what a run that was never stopped leaves.</summary>
public sealed class CrashTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public CrashTests() => TinyExperiment.Write(folder);

    public void Dispose() => folder.Dispose();

    private string[] Words(string name, params string[] more) =>
        ["-c", "release", TinyExperiment.Script, "--", folder.File("tiny.yaml"), "compute.threads=1", $"name={name}", "training.steps=60",
         "checkpoints.every=3", "logging.every=5", "evaluation.every=10", $"datasets={folder.File(name + "-data")}", .. more];

    private Task<ScriptResult> Run(string name, params string[] more) => ScriptRunner.Run(folder, Words(name, more));

    [Fact, Trait("Category", "Long")]
    public async Task Forty_kills_at_random_moments_lose_nothing()
    {
        const int Kills = 40;
        // The first call compiles the script: how long a run takes is measured without that.
        await ScriptRunner.Run(folder, "-c", "release", TinyExperiment.Script, "--", "--help");
        var clock = Stopwatch.StartNew();
        var whole = await Run("whole");
        Assert.True(whole.ExitCode == 0, whole.Error);
        var length = clock.Elapsed;

        var random = new Random(17);
        for (int kills = 0, round = 0; kills < Kills; round++)
        {
            var name = $"killed{round}";
            for (var isDone = false; !isDone;)
            {
                using var process = ScriptRunner.Start(folder, Words(name));
                // Read, so that a full pipe never holds the process up; the text of a killed one does not matter.
                var output = process.StandardOutput.ReadToEndAsync();
                var error = process.StandardError.ReadToEndAsync();
                // Most time goes into starting: kills from the first file written to the last.
                var moment = kills < Kills ? length * (0.2 + 0.7 * random.NextDouble()) : Timeout.InfiniteTimeSpan;
                isDone = await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(moment)) is var first && process.HasExited;
                if (!isDone)
                {
                    process.Kill();
                    kills++;
                }
                await process.WaitForExitAsync();
                _ = await output;
                if (isDone)
                    Assert.True(process.ExitCode == 0, await error);
            }
            AssertSame("whole", name);
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: as if never stopped; {kills} kills so far, {clock.Elapsed.TotalSeconds:F0} s");
        }
    }

    [Theory]
    [InlineData("USR1", 75)]
    [InlineData("INT", 130)]
    public async Task A_signal_saves_and_the_same_command_goes_on_to_the_same_end(string signal, int code)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        Assert.Equal(0, (await Run("whole")).ExitCode);

        var process = ScriptRunner.Start(folder, Words("stopped", "logging.every=1"));
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("step         7 "))
        {
        }
        using (var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString()]))
            await kill.WaitForExitAsync();
        Assert.Equal(code, (await ScriptRunner.Finish(process)).ExitCode);

        Assert.Equal(0, (await Run("stopped")).ExitCode);
        AssertSameState("whole", "stopped");
        // A third call finds the run complete, and adds nothing.
        var metrics = File.ReadAllText(folder.File("runs/stopped_11081/metrics.jsonl"));
        Assert.Contains("This run is complete", (await Run("stopped")).Output);
        Assert.Equal(metrics, File.ReadAllText(folder.File("runs/stopped_11081/metrics.jsonl")));
    }

    [Fact]
    public async Task A_damaged_newest_state_is_named_and_the_one_before_is_used()
    {
        Assert.Equal(0, (await Run("whole")).ExitCode);
        Assert.Equal(0, (await Run("damaged")).ExitCode);
        Damage("step_60");
        var again = await Run("damaged");
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Contains("step_60 is damaged", again.Output);
        Assert.Contains("Going on from step 57", again.Output);
        AssertSame("whole", "damaged");

        Damage("step_60");
        Damage("step_57");
        var lost = await Run("damaged");
        Assert.Equal(1, lost.ExitCode);
        Assert.Contains("no saved state of this run is whole", lost.Error);
        Assert.True(Directory.Exists(folder.File("runs/damaged_11081/states/step_57")), "nothing is thrown away");

        void Damage(string state)
        {
            using var file = File.OpenWrite(folder.File($"runs/damaged_11081/states/{state}/tensors.safetensors"));
            file.Seek(-20, SeekOrigin.End);
            file.WriteByte(0xA5);
        }
    }

    [Fact]
    public async Task A_run_whose_numbers_go_bad_stops_and_names_the_examples()
    {
        // A rate that no weights survive: a few updates later everything is infinite.
        var run = await Run("diverged", "training.learning_rate=10", "training.max_bad_steps=3", "optimizer.clip_norm=0", "optimizer.beta2=0", "optimizer.epsilon=0", "training.steps=400", "training.warmup_steps=0");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("training diverged: 4 updates in a row", run.Error);
        var skipped = File.ReadLines(folder.File("runs/diverged_11081/skipped_updates.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.True(skipped.Count >= 4);
        Assert.Equal("not finite", skipped[^1]["reason"]!.GetValue<string>());
        Assert.Equal(8, skipped[^1]["examples"]!.AsArray().Count);
    }

    private void AssertSame(string expected, string actual)
    {
        AssertSameState(expected, actual);
        Assert.Equal(Metrics(expected), Metrics(actual));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.File("runs"), ".*.partial", SearchOption.AllDirectories));
    }

    private void AssertSameState(string expected, string actual)
    {
        foreach (var file in new[] { "_11081/states/step_60/tensors.safetensors", "_11081_100/discriminator/model.safetensors", "_11081_50/generator/model.safetensors" })
            Assert.True(File.ReadAllBytes(folder.File($"runs/{expected}{file}")).AsSpan().SequenceEqual(File.ReadAllBytes(folder.File($"runs/{actual}{file}"))), file);
    }

    /// <summary>The lines of a log without what the clock says.</summary>
    private List<string> Metrics(string name) =>
    [
        .. File.ReadLines(folder.File($"runs/{name}_11081/metrics.jsonl")).Select(line =>
        {
            var row = JsonNode.Parse(line)!.AsObject();
            row.Remove("seconds");
            row.Remove("tokens_per_second");
            return row.ToJsonString();
        }),
    ];
}
