using System.Diagnostics;
using System.Text.Json.Nodes;
using Electra.Tests.Pretraining;
using Electra.Tests.Scripting;

namespace Electra.Tests.Finetuning;

/// <summary>
/// scripts/finetune.csx, killed, stopped and damaged: no run is lost, none made twice, and each ends as one that was never stopped.
/// </summary>
public sealed class FinetuneCrashTests : IDisposable
{
    private static readonly string[] Runs = ["colour_0", "colour_1", "same_0", "same_1"];

    private readonly TemporaryFolder folder = TestData.Temporary();

    public FinetuneCrashTests() => TinyFinetuning.Write(folder);

    public void Dispose() => folder.Dispose();

    [Fact, Trait("Category", "Long")]
    public async Task A_batch_that_is_killed_goes_on_without_losing_or_repeating_a_run()
    {
        await Done("whole");
        var finished = new Dictionary<string, string>();
        // Data of its own, so that kills fall into its preparation too; a state after every epoch.
        var script = new KilledScript(() => Start("killed", $"datasets={folder.File("killed-data")}"), new Random(3), reach: 18);
        await script.RunToEnd(kills: 12, CheckFinished);
        CheckFinished();
        Assert.Equal(Runs.Length, finished.Count);
        AssertSame("whole", "killed");
        TestContext.Current.TestOutputHelper?.WriteLine($"{script.Kills} kills");

        // What says that a run is finished stays as it is: the run is not made again.
        void CheckFinished()
        {
            Assert.All(finished, result => Assert.Equal(result.Value, File.ReadAllText(result.Key)));
            foreach (var result in Runs.Select(run => folder.File($"runs/killed_{run}/result.json")).Where(File.Exists))
                finished[result] = File.ReadAllText(result);
        }
    }

    [Fact]
    public async Task A_signal_saves_all_runs_in_progress_and_a_damaged_state_costs_no_more_than_its_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await Done("whole");
        var process = Start("stopped", "save_minutes=0", "workers=2");
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.Contains("epoch 1 of 4"))
        {
        }
        using (var kill = Process.Start("kill", ["-USR1", process.Id.ToString()]))
            await kill.WaitForExitAsync();
        var stopped = await ScriptRunner.Finish(process);
        Assert.True(stopped.ExitCode == 75, stopped.Error);

        string[] states = [.. Directory.EnumerateFiles(folder.File("runs"), "state.json", SearchOption.AllDirectories)];
        Assert.InRange(states.Length, 1, 2);
        File.WriteAllText(states[0], File.ReadAllText(states[0])[..^9]);
        var again = await Done("stopped", "save_minutes=0", "workers=2");
        Assert.Contains("is damaged", again.Output);
        Assert.Contains("begins anew", again.Output);
        AssertSame("whole", "stopped");
    }

    private Process Start(string group, params string[] more) =>
        ScriptRunner.Start(
            folder,
            ["-c", "release", TinyFinetuning.Script, "--", folder.File("tiny.yaml"), $"group={group}", "save_minutes=0.00001", .. more]
        );

    private async Task<ScriptResult> Done(string group, params string[] more)
    {
        var run = await ScriptRunner.Finish(Start(group, more));
        Assert.True(run.ExitCode == 0, run.Error);
        return run;
    }

    private void AssertSame(string expectedGroup, string actualGroup)
    {
        foreach (var run in Runs)
        {
            string expected = folder.File($"runs/{expectedGroup}_{run}"), actual = folder.File($"runs/{actualGroup}_{run}");
            Assert.Equal(Files(expected), Files(actual));
            foreach (var file in new[] { "model.safetensors", "dev_predictions.tsv", "config.json" })
                WholeRun.AssertSameBytes(Path.Combine(expected, file), Path.Combine(actual, file));
            WholeRun.AssertSameLogs(expected, actual);
            Assert.Equal(Result(expected), Result(actual));
        }

        static IEnumerable<string> Files(string folder) =>
            Directory
                .EnumerateFileSystemEntries(folder)
                .Select(path => Path.GetFileName(path)!)
                .Where(name => !name.StartsWith("events", StringComparison.Ordinal))
                .Order();

        static string Result(string folder)
        {
            var result = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "result.json")))!.AsObject();
            result.Remove("seconds");
            result.Remove("group");
            return result.ToJsonString();
        }
    }
}
