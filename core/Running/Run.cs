
using Electra.Configuration;
using Electra.Data.Readers;
using Electra.Distributed;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>A run of an experiment: what a script's pipeline is handed.</summary>
/// <typeparam name="T">The experiment's configuration.</typeparam>
public sealed class Run<T>
    where T : class, IExperimentConfig<T>
{
    private readonly string? folder;
    private readonly Run<T>? outer;

    internal Run(T config, RunConsole console, ScriptText script, CancellationToken stopping, Run<T>? outer = null)
    {
        this.outer = outer;
        Script = script;
        Config = config;
        Console = console;
        Stopping = stopping;
        folder = config.RunFolder is { } path ? Paths.Output(path) : null;
    }

    /// <summary>The configuration, every default resolved.</summary>
    public T Config { get; }

    /// <summary>The configuration's seed.</summary>
    public int Seed => Config.Seed;

    /// <summary>The full path of the folder that holds what the run makes. It is there, and no other process uses it.</summary>
    /// <exception cref="InvalidOperationException">The configuration names no run folder.</exception>
    public string Folder => folder ?? throw new InvalidOperationException($"{typeof(T).Name} names no run folder");

    /// <summary>Where the run says what it does. Slow stages take it as their <c>IProgress&lt;ProgressReport&gt;</c>.</summary>
    public RunConsole Console { get; }

    /// <summary>
    /// Cancelled by the first Ctrl-C, SIGTERM or other request to end: save, and end with an <see cref="OperationCanceledException"/>.
    /// </summary>
    public CancellationToken Stopping { get; }

    /// <summary>The processes that make this run together.</summary>
    internal ICommunicator Ranks { get; private set; } = SingleProcess.Instance;

    private StopSignals? signals;

    /// <summary>Makes the run together with other processes.</summary>
    /// <exception cref="UserErrorException">They were asked for another run.</exception>
    internal void Share(ICommunicator ranks, StopSignals stopSignals)
    {
        (Ranks, signals) = (ranks, stopSignals);
        if (ranks.WorldSize == 1)
            return;
        Console.Line($"{ranks.WorldSize} ranks, connected by {ranks.Description}.");
        RunRanks.RequireSame(ranks, (ISharedRun)Config, Script);
    }

    /// <summary>
    /// Whether the run is to save and stop. With several ranks this is a call of all, and where one of them is asked, all are.
    /// </summary>
    internal bool IsStopping() => Ranks.WorldSize == 1 ? Stopping.IsCancellationRequested : signals!.IsAnyAsked(Ranks);

    /// <summary>Takes the run's folder for this process, or for rank 0 of several.</summary>
    internal IDisposable? TakeFolder()
    {
        IDisposable? taken = null;
        if (HasFolder)
            Ranks.First(() =>
            {
                taken = RunLock.Take(Folder);
                if (!Config.IsSavedByRun)
                    SaveConfig();
            });
        return taken;
    }

    /// <summary>How long saving takes, as far as is known: told to whoever asks the run to stop.</summary>
    internal TimeSpan? SavingTime
    {
        get;
        set
        {
            field = value;
            if (outer is not null)
                outer.SavingTime = value;
        }
    }

    /// <summary>The full path of a file or folder in the run folder.</summary>
    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Opens the run's metrics, to begin anew or to go on after a step.</summary>
    /// <param name="resumedStep">The step that the run goes on from: what was logged after it is dropped. Null begins anew.</param>
    internal MetricsLog OpenMetrics(long? resumedStep = null) => MetricsLog.Open(Folder, resumedStep);

    /// <summary>Writes the configuration, every default resolved, and the text of the script into the run folder.</summary>
    internal void SaveConfig() => Experiment.WriteConfig(Folder, Config, Script);

    /// <summary>
    /// Runs another experiment inside this one, in the folder that its own configuration names: a grid of many runs in one script.
    /// Like any run it is resumed, or called complete, where it was made before.
    /// </summary>
    /// <param name="config">Its configuration: <c>run.Config with { Name = …, Seed = … }</c>.</param>
    /// <param name="body">The experiment.</param>
    /// <param name="quiet">Whether it prints its warnings only.</param>
    /// <exception cref="UserErrorException">The configuration is not right, or another process uses the folder.</exception>
    public TResult With<TResult>(T config, Func<Run<T>, TResult> body, bool quiet = true)
    {
        config = Configuration.Config.Parse<T>(Configuration.Config.ResolvedYaml(config), "the configuration of a run in this script");
        var run = Inner(config, quiet ? Console.Quiet() : Console, Stopping);
        using var taken = run.folder != folder ? run.TakeFolder() : null;
        if (run.HasFolder && run.folder == folder && !config.IsSavedByRun)
            run.SaveConfig();
        return body(run);
    }

    /// <summary>A run inside this one.</summary>
    internal Run<T> Inner(T config, RunConsole console, CancellationToken stopping, QueueProgress? progress = null) =>
        new(config, console, Script, stopping, outer: this)
        {
            Arguments = Arguments,
            Progress = progress,
            Ranks = Ranks,
            signals = signals,
        };

    /// <summary>The lines of standard input, one by one as they come; white space alone is passed over.</summary>
    /// <param name="prompt">Shown before each where somebody types.</param>
    /// <exception cref="OperationCanceledException">The run is asked to stop.</exception>
    public IEnumerable<string> Lines(string prompt)
    {
        var lines = StandardInput.Lines(StandardStreams.Input(), most: 1, Stopping).GetEnumerator();
        while (true)
        {
            if (!System.Console.IsInputRedirected)
                Console.Write(prompt);
            if (!lines.MoveNext())
                yield break;
            if (lines.Current is [var line] && !string.IsNullOrWhiteSpace(line))
                yield return line.Trim();
        }
    }

    /// <summary>Told how far the run is, where it is one of many.</summary>
    internal QueueProgress? Progress { get; init; }

    /// <summary>What the script was called with.</summary>
    internal IReadOnlyList<string> Arguments { get; init; } = [];

    internal ScriptText Script { get; }

    internal bool HasFolder => folder is not null;
}
