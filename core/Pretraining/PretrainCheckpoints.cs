using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Training;

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
    IReadOnlyDictionary<string, double>? First,
    UpdateSums Unlogged,
    int NotFiniteInARow
)
{
    /// <summary>At the beginning.</summary>
    public static PretrainPosition Start { get; } = new(0, 0, null, UpdateSums.None, 0);
}

/// <summary>Saves a run's states and models, and goes on from its newest state.</summary>
internal sealed class PretrainCheckpoints(
    Run<PretrainConfig> run,
    PretrainData data,
    Objective objective,
    IReadOnlyList<Adam> optimizers,
    IReadOnlyList<OutlierGuard> guards
)
{
    private readonly PretrainConfig config = run.Config;

    /// <summary>What to do where the folder holds something else.</summary>
    public const string OtherExperimentAdvice =
        "Give this one a name of its own (name=…), or start over and replace that run (resume=never).";

    /// <summary>Where states lie.</summary>
    public string StatesFolder => Paths.Shown(StateKeeper<PretrainPosition>.FolderOf(run.Folder));

    private StateKeeper<PretrainPosition> States =>
        field ??= new(
            new RunIdentity(
                run.Folder,
                run.Script,
                Config.LearnedYaml(config),
                data.Examples.Train.Fingerprint,
                OtherExperimentAdvice
            ),
            objective.Store,
            () =>
            [
                .. optimizers.SelectMany(optimizer => optimizer.State()),
                .. objective.State,
                .. guards.Select((guard, i) => (i == 0 ? "recent" : $"recent_{i + 1}", guard.Recent)),
            ],
            config.Checkpoints.KeepLast
        );

    /// <summary>The folder of the models at a milestone: <c>checkpoints/pretrain/name_seed_percent</c>, as the original names it.</summary>
    public static string ModelFolder(PretrainConfig config, string percent) =>
        Paths.Output(Path.Combine(config.Checkpoints.Folder, $"{config.RunName}_{percent}"));

    /// <summary>The step at which each percentage of the run is reached, with the percentage as it stands in folder names.</summary>
    public static Dictionary<long, string> Milestones(PretrainConfig config) =>
        config.Checkpoints.Percents.Append(100)
            .GroupBy(percent => Math.Clamp((long)Math.Round(config.Training.Steps * percent / 100), 1, config.Training.Steps))
            .ToDictionary(group => group.Key, group => group.Max().ToString("0.####", System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Saves the models for use elsewhere, each with a card that says how far it came, and on what.</summary>
    public void SaveModels(string percent) =>
        HuggingFaceFolder.Save(
            ModelFolder(config, percent),
            objective.Models(),
            data.Tokenizer,
            model => PretrainCard.Of(run, data, objective, model, percent)
        );

    /// <summary>Saves all that is needed to go on, and removes the oldest such states.</summary>
    public void SaveState(PretrainPosition position)
    {
        States.Save(position.Step, position);
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

    /// <summary>Goes on from the newest state that is whole, where there is one and the configuration asks for it.</summary>
    /// <returns>Where the run stands: at step 0 where there is nothing to go on from.</returns>
    /// <exception cref="UserErrorException">Every state is damaged, or the newest belongs to another experiment.</exception>
    public PretrainPosition Resume()
    {
        if (config.DryRun)
            return PretrainPosition.Start;
        if (config.Resume == ResumeMode.Never)
            States.Clear();
        TemporaryName.RemoveLeft(run.Folder);
        TemporaryName.RemoveLeft(Path.GetDirectoryName(run.Folder)!, $"{config.RunName}_");
        var resumed = States.Resume(run.Console.Warning);
        if ((resumed?.Position.Step ?? 0) < config.Training.Steps)
            PretrainResult.Remove(run.Folder); // of a run that is done over
        if (resumed is { } state)
            run.Console.Line($"Resuming from step {state.Position.Step:N0} ({Paths.Shown(state.Folder)}).");
        run.SaveConfig();
        run.SavingTime = States.SavingTime;
        return resumed?.Position ?? PretrainPosition.Start;
    }
}
