namespace Electra.Tests.Kit;

/// <summary>
/// A tiny experiment in a folder of its own, for a script of the kit that is run as a process: what it reads, and <c>tiny.yaml</c>.
/// It computes on one thread, so that a seed gives the same bits, and leaves its runs in <c>runs/</c>.
/// </summary>
/// <param name="script">The script of the kit: <c>pretrain.csx</c>.</param>
internal abstract class TinyExperiment(string script) : IDisposable
{
    public TemporaryFolder Folder { get; } = TestData.Temporary();

    /// <summary>The path of the script.</summary>
    public string Script => ScriptRunner.Kit(script);

    /// <summary>The path of the configuration.</summary>
    public string Config => File("tiny.yaml");

    /// <summary>The path of a file or folder in the experiment's folder.</summary>
    public string File(string name) => Folder.File(name);

    /// <summary>Starts the script on the configuration, with some values of it set.</summary>
    public RunningScript Start(params string[] overrides) => Start(null, overrides);

    /// <summary>Starts the script with variables of the environment.</summary>
    public RunningScript Start(IReadOnlyDictionary<string, string>? environment, params string[] overrides) =>
        ScriptRunner.Start(Folder, environment, [Script, "--", Config, .. overrides]);

    /// <summary>Runs the script to its end.</summary>
    public Task<ScriptResult> Run(params string[] overrides) => Start(overrides).Finish();

    /// <summary>Runs the script, which has to succeed.</summary>
    public async Task<ScriptResult> Done(params string[] overrides) => (await Run(overrides)).Succeeded();

    /// <summary>Runs the script, which has to explain a mistake.</summary>
    public async Task<ScriptResult> Refused(string[] overrides, params string[] said) => (await Run(overrides)).Refused(said);

    public virtual void Dispose() => Folder.Dispose();
}
