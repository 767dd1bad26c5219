using System.Text.Json.Nodes;

namespace Electra.Tests.Finetuning;

/// <summary>
/// scripts/finetune.csx, killed, stopped and damaged: no run is lost, none made twice, and each ends as one that was never stopped.
/// </summary>
public sealed class FinetuneCrashTests : IDisposable
{
    private static readonly string[] Runs = ["colour_0", "colour_1", "same_0", "same_1"];

    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact, Trait("Category", "Long")]
    public async Task Kills_at_random_moments_neither_lose_nor_repeat_a_run()
    {
        await Done("whole");
        var finished = new Dictionary<string, string>();
        // Data of its own, so that kills fall into its preparation too; a state after every epoch.
        var script = new KilledScript(() => Start("killed", $"datasets={tiny.File("killed-data")}"), new Random(3), reach: 18);
        await script.RunToEnd(kills: 12, CheckFinished);
        CheckFinished();
        Assert.Equal(Runs.Length, finished.Count);
        AssertSame("whole", "killed");
        TestContext.Current.TestOutputHelper?.WriteLine($"{script.Kills} kills");

        // What says that a run is finished stays as it is: the run is not made again.
        void CheckFinished()
        {
            Assert.All(finished, result => Assert.Equal(result.Value, File.ReadAllText(result.Key)));
            foreach (var result in Runs.Select(run => tiny.File($"runs/killed_{run}/result.json")).Where(File.Exists))
                finished[result] = File.ReadAllText(result);
        }
    }

    [Fact, Trait("Category", "Long")]
    public async Task Runs_that_were_stopped_end_as_if_they_had_not_been_also_with_a_damaged_state()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await Done("whole");
        using var stopping = Start("stopped", "save_minutes=0", "workers=2");
        await stopping.WaitForLine("epoch 1 of 4");
        stopping.Send("USR1");
        (await stopping.Finish()).Ended(75);

        string[] states = [.. Directory.EnumerateFiles(tiny.File("runs"), "state.json", SearchOption.AllDirectories)];
        Assert.InRange(states.Length, 1, 2);
        File.WriteAllText(states[0], File.ReadAllText(states[0])[..^9]);
        (await Done("stopped", "save_minutes=0", "workers=2")).Said("is damaged", "begins anew");
        AssertSame("whole", "stopped");
    }

    private RunningScript Start(string group, params string[] more) =>
        tiny.Start([$"group={group}", "save_minutes=0.00001", .. more]);

    private async Task<ScriptResult> Done(string group, params string[] more) => (await Start(group, more).Finish()).Succeeded();

    private void AssertSame(string expectedGroup, string actualGroup)
    {
        foreach (var run in Runs)
        {
            string expected = tiny.File($"runs/{expectedGroup}_{run}"), actual = tiny.File($"runs/{actualGroup}_{run}");
            Assert.Equal(Files(expected), Files(actual));
            foreach (var file in new[] { "model.safetensors", "dev_predictions.tsv", "config.json" })
                RunFolders.AssertSameBytes(Path.Combine(expected, file), Path.Combine(actual, file));
            RunFolders.AssertSameLogs(expected, actual);
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
