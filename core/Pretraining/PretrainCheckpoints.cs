using System.Text.Json.Serialization;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Distributed;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Where a run stands.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="First">The figures on held-out text at step 0; null before they are measured.</param>
/// <param name="Unlogged">Sums over the updates that no line of the log tells of yet.</param>
/// <param name="NotFiniteInARow">The latest updates that were skipped because they were not finite.</param>
internal sealed record PretrainPosition(
    long Step,
    double Seconds,
    [property: JsonConverter(typeof(SavedFigures))] IReadOnlyDictionary<string, double>? First,
    UpdateSums Unlogged,
    int NotFiniteInARow
)
{
    /// <summary>At the beginning.</summary>
    public static PretrainPosition Start { get; } = new(0, 0, null, UpdateSums.None, 0) { Tokens = 0 };

    /// <summary>Tokens that the run has read; null: a state of an older version does not say.</summary>
    public long? Tokens { get; init; }

    /// <summary>Rows of examples that were read, counted in those of the phase.</summary>
    public long Rows { get; init; }

    /// <summary>The share of its budget that is spent; 0 without one.</summary>
    public double Share { get; init; }

    /// <summary>What the updates took.</summary>
    public ComputeSpent? Spent { get; init; }

    /// <summary>Where the run left another; null: nowhere.</summary>
    public PretrainBranch? Branch { get; init; }

    /// <summary>Names the tokenizer.</summary>
    public string? Tokenizer { get; init; }
}

/// <summary>Saves a run's states and models, and goes on from its newest state.</summary>
internal sealed class PretrainCheckpoints(
    Run<PretrainConfig> run,
    PretrainData data,
    Objective objective,
    IReadOnlyList<Adam> optimizers,
    WeightAverages averages,
    IReadOnlyList<OutlierGuard> guards
)
{
    private readonly PretrainConfig config = run.Config;

    /// <summary>What to do where the folder holds something else.</summary>
    public const string OtherExperimentAdvice =
        "Give this one a name of its own (name=…), or start over and replace that run (resume=never).";

    /// <summary>Makes sure that what a folder holds is the run that is asked for, by configuration and script.</summary>
    /// <exception cref="UserErrorException">It is another experiment, or its configuration cannot be read.</exception>
    public static void RequireSame(string folder, PretrainConfig wanted, ScriptText script)
    {
        var saved = Config.Load<PretrainConfig>(Path.Combine(folder, Experiment.ConfigFile));
        SameExperiment.Require(ConfigValues.Of(Config.LearnedYaml(saved)), Config.LearnedYaml(wanted), folder, OtherExperimentAdvice);
        script.RequireSame(folder, OtherExperimentAdvice);
    }

    /// <summary>Where states lie.</summary>
    public string StatesFolder => Paths.Shown(StateKeeper<PretrainPosition>.FolderOf(run.Folder));

    private StateKeeper<PretrainPosition> States =>
        field ??= new(
            new RunIdentity(
                run.Folder,
                run.Script,
                Config.LearnedYaml(config),
                saved => Config.LearnedValues(saved, config),
                data.ExamplesFingerprint,
                OtherExperimentAdvice
            ),
            objective.Store,
            Tensors,
            config.Checkpoints.KeepLast
        );

    private IEnumerable<(string Name, Tensor Value)> Tensors() =>
        [
            .. optimizers.SelectMany(optimizer => optimizer.State()),
            .. objective.State,
            .. averages.State,
            .. guards.Select((guard, i) => (NameOf(i), guard.Recent)),
        ];

    /// <summary>The name of the i-th guard's window in states.</summary>
    private static string NameOf(int guard) => guard == 0 ? "recent" : $"recent_{guard + 1}";

    /// <summary>The folder of the models at a milestone: <c>checkpoints/pretrain/name_seed_percent</c>, as the original names it.</summary>
    public static string ModelFolder(PretrainConfig config, string percent) =>
        Paths.Output(Path.Combine(config.Checkpoints.Folder, $"{config.RunName}_{percent}"));

    /// <summary>Saves the models of the chosen weights, and those of the others inside their folder, each with a card that says how far
    /// it came, and on what.</summary>
    public void SaveModels(PretrainProgress progress) => run.Ranks.First(() => WriteModels(progress));

    private void WriteModels(PretrainProgress progress)
    {
        foreach (var (which, folder) in averages.Models(ModelFolder(config, progress.Percent)))
            averages.With(
                which,
                () => HuggingFaceFolder.Save(
                    folder,
                    objective.Models(),
                    data.Tokenizer,
                    model => PretrainCard.Of(run, data, objective, model, progress with { Weights = which })
                )
            );
    }

    /// <summary>Saves all that is needed to go on, and removes the oldest such states.</summary>
    /// <exception cref="UserErrorException">The ranks have drifted apart.</exception>
    public void SaveState(PretrainPosition position, PretrainProgress progress)
    {
        if (!run.Ranks.AllHave(objective.Store.Values))
            throw new UserErrorException(
                $"at step {position.Step:N0} the ranks no longer have the same weights: a device errs, or they compute with different "
                    + "libraries or processors. Nothing was saved; the same command resumes from the newest state"
            );
        objective.Gather();
        run.Ranks.First(() => States.Save(
            position.Step,
            position with
            {
                Rows = data.RowsBefore(config, position.Step),
                Share = progress.Share,
                Spent = progress.Spent,
                Branch = progress.Branch,
                Tokenizer = data.Tokenizer.Fingerprint,
            }
        ));
        run.SavingTime = States.SavingTime;
    }

    /// <summary>
    /// Saves what came of the run, which says that it is finished. A result that was measured in the same way stays as it is.
    /// </summary>
    public void SaveResult(PretrainResult result)
    {
        if (!PretrainResult.IsIn(run.Folder) || PretrainResult.Load(run.Folder).MeasuredWith != result.MeasuredWith)
            result.Save(run.Folder);
    }

    /// <summary>
    /// Goes on from the newest state that is whole, where there is one and the configuration asks for it. Of several ranks, the first reads
    /// it, and hands it round.
    /// </summary>
    /// <returns>Where the run stands: at step 0 where there is nothing to go on from.</returns>
    /// <exception cref="UserErrorException">Every state is damaged, or the newest belongs to another experiment.</exception>
    public PretrainPosition Resume()
    {
        var position = run.Ranks.OfFirst(ResumeHere);
        if (run.Ranks.WorldSize == 1)
            return position;
        foreach (var (_, tensor) in Tensors())
            run.Ranks.Broadcast(tensor);
        objective.Store.PublishValues();
        return position;
    }

    private PretrainPosition ResumeHere()
    {
        if (config.DryRun)
        {
            if (config.BranchFrom != "")
                Branch();
            return PretrainPosition.Start;
        }
        bool startsOver = config.Resume == ResumeMode.Never;
        // Before anything of this run goes.
        var branch = startsOver && config.BranchFrom != "" ? Branch() : null;
        if (startsOver)
            States.Clear();
        TemporaryName.RemoveLeft(run.Folder);
        TemporaryName.RemoveLeft(Path.GetDirectoryName(run.Folder)!, $"{config.RunName}_");
        var resumed = States.Resume(run.Console.Warning);
        var position = resumed?.Position ?? branch ?? (config.BranchFrom != "" ? Branch() : PretrainPosition.Start);
        // A finished run without a state is measured, and does not come here: this one goes on from a state, or is done over.
        if (!RunLength.IsReached(config, position) && PretrainResult.IsIn(run.Folder))
            PretrainResult.Remove(run.Folder);
        if (resumed is { } state)
            run.Console.Line($"Resuming from step {state.Position.Step:N0} ({Paths.Shown(state.Folder)}).");
        run.SaveConfig();
        run.SavingTime = States.SavingTime;
        return position;
    }

    /// <summary>Begins with the state of another run.</summary>
    private PretrainPosition Branch()
    {
        var folder = BranchPoint.Find(config.BranchFrom);
        if (run.HasFolder && BranchPoint.IsIn(folder, StateKeeper<PretrainPosition>.FolderOf(run.Folder)))
            throw new UserErrorException(
                $"branch_from: {Paths.Shown(folder)} is of this run itself, which starts over: a branch has a name of its own (name=…)."
            );
        var (there, missing) = States.Branch(folder, "branch_from");
        BranchPoint.Check(there, config, data.Tokenizer.Fingerprint);
        averages.Restart(missing);
        foreach (var (i, guard) in guards.Index())
            if (missing.Contains(NameOf(i)))
                guard.Restart();
        run.Console.Line($"Branching at step {there.Step:N0} from {Paths.Shown(folder)}.");
        return PretrainPosition.Start with
        {
            Step = there.Step,
            First = there.First,
            Branch = new(config.BranchFrom, there.Step, there.Rows, there.Spent ?? new(0, 0)),
        };
    }
}
