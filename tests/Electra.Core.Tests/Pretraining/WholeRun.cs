using System.Diagnostics;
using System.Text.Json.Nodes;
using Electra.Tests.Running;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>
/// A tiny pre-training run that was never stopped, made once for all tests that compare with it, and others of the same words beside it.
/// </summary>
public sealed class WholeRun : IDisposable
{
    /// <summary>The updates of every run.</summary>
    public const int Steps = 60;

    private readonly Lazy<Task> whole;

    public WholeRun() => whole = new(async () =>
    {
        TinyExperiment.Write(Folder);
        // The first call compiles the script, so that two at once do not.
        await ScriptRunner.Run(Folder, "-c", "release", TinyExperiment.Script, "--", "--help");
        var run = await Run("whole");
        Assert.True(run.ExitCode == 0, run.Error);
    });

    internal TemporaryFolder Folder { get; } = TestData.Temporary();

    public void Dispose() => Folder.Dispose();

    /// <summary>Returns when the run that is compared with is there.</summary>
    public Task Ready() => whole.Value;

    internal Process Start(string name, params string[] more) => Start(name, new Dictionary<string, string>(), more);

    internal Process Start(string name, IReadOnlyDictionary<string, string> environment, params string[] more) =>
        ScriptRunner.Start(
            Folder,
            environment,
            [
                "-c",
                "release",
                TinyExperiment.Script,
                "--",
                Folder.File("tiny.yaml"),
                "compute.threads=1",
                "workers=1",
                $"name={name}",
                $"training.steps={Steps}",
                "checkpoints.every=3",
                "logging.every=1",
                "evaluation.every=10",
                .. more,
            ]
        );

    internal Task<ScriptResult> Run(string name, params string[] more) => ScriptRunner.Finish(Start(name, more));

    internal string StateOf(string name, int step) => Folder.File($"runs/{name}_11081/states/step_{step}");

    internal string MetricsOf(string name) => Folder.File($"runs/{name}_11081/metrics.jsonl");

    /// <summary>Another run ended with the same weights and optimizer, logged the same, and left nothing behind.</summary>
    internal void AssertSame(string name)
    {
        foreach (
            var file in new[]
            {
                $"_11081/states/step_{Steps}/tensors.safetensors",
                "_11081_100/discriminator/model.safetensors",
                "_11081_50/generator/model.safetensors",
            }
        )
            AssertSameBytes(Folder.File($"runs/whole{file}"), Folder.File($"runs/{name}{file}"));
        AssertSameLogs(Folder.File("runs/whole_11081"), Folder.File($"runs/{name}_11081"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder.File("runs"), $".{name}*.partial"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder.File($"runs/{name}_11081"), ".*.partial", SearchOption.AllDirectories));
    }

    /// <summary>Two run folders have the same log and show TensorBoard the same, but for what the clock says.</summary>
    internal static void AssertSameLogs(string expected, string actual)
    {
        Assert.Equal(Lines(expected), Lines(actual));
        Assert.Equal(Shown(expected), Shown(actual));

        static List<string> Lines(string folder) =>
            [
                .. File.ReadLines(Path.Combine(folder, "metrics.jsonl"))
                    .Select(line =>
                    {
                        var row = JsonNode.Parse(line)!.AsObject();
                        row.Remove("seconds");
                        row.Remove("tokens_per_second");
                        return row.ToJsonString();
                    }),
            ];

        static List<(long, string, float)> Shown(string folder) =>
            [.. TensorBoardFiles.Shown(folder).Where(scalar => scalar.Tag is not ("seconds" or "tokens_per_second"))];
    }

    internal static void AssertSameBytes(string expected, string actual) =>
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(actual)), actual);
}
