namespace Electra.Tests.Pretraining;

/// <summary>
/// A tiny pre-training run that was never stopped, made once for all tests that compare with it, and others of the same words beside it.
/// </summary>
public sealed class WholeRun : IDisposable
{
    /// <summary>The updates of every run.</summary>
    public const int Steps = 60;

    private readonly Lazy<Task> whole;

    public WholeRun() => whole = new(async () => (await Run("whole")).Succeeded());

    internal TinyPretraining Tiny { get; } = new();

    public void Dispose() => Tiny.Dispose();

    /// <summary>Returns when the run that is compared with is there.</summary>
    public Task Ready() => whole.Value;

    /// <summary>What the script is called with, for a run of some name.</summary>
    internal string[] Words(string name, params string[] more) =>
        [
            Tiny.Script,
            "--",
            Tiny.Config,
            "workers=1",
            $"name={name}",
            $"training.steps={Steps}",
            "checkpoints.every=3",
            "evaluation.every=10",
            .. more,
        ];

    internal RunningScript Start(string name, params string[] more) => Start(name, null, more);

    internal RunningScript Start(string name, IReadOnlyDictionary<string, string>? environment, params string[] more) =>
        ScriptRunner.Start(Tiny.Folder, environment, Words(name, more));

    internal Task<ScriptResult> Run(string name, params string[] more) => Start(name, more).Finish();

    internal string StateOf(string name, int step) => Tiny.Of(name, $"states/step_{step}");

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
            RunFolders.AssertSameBytes(Tiny.File($"runs/whole{file}"), Tiny.File($"runs/{name}{file}"));
        RunFolders.AssertSameLogs(Tiny.Of("whole"), Tiny.Of(name));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Tiny.File("runs"), $".{name}*.partial"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Tiny.Of(name), ".*.partial", SearchOption.AllDirectories));
    }
}
