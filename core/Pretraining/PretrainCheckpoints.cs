using System.Diagnostics;
using System.Globalization;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Where a run stands. Everything random follows from the seed and the step, so that no generators are part of it.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="First">The scores at step 0; null before they are measured.</param>
/// <param name="Unlogged">Sums over the updates that no line of the log tells of yet.</param>
/// <param name="BadInARow">The latest updates whose numbers were none.</param>
internal sealed record PretrainPosition(long Step, double Seconds, PretrainScores? First, UpdateSums Unlogged = default, int BadInARow = 0)
{
    /// <summary>At the beginning.</summary>
    public static PretrainPosition Start { get; } = new(0, 0, null);
}

/// <summary>Saves a run's states and models, and goes on from its newest state.</summary>
internal sealed class PretrainCheckpoints(Run<PretrainConfig> run, PretrainData data, ElectraPair model, Adam optimizer, OutlierGuard? guard = null)
{
    private const string OtherExperimentAdvice = "Give this one a name of its own (name=…), or start over and replace that run (resume=never).";
    private const string StatePrefix = "step_", Recent = "recent";

    private sealed record SavedRun(PretrainPosition Position, string Experiment, string Examples);

    private readonly PretrainConfig config = run.Config;

    /// <summary>Where states lie.</summary>
    public string StatesFolder => ProjectPath.Shown(StatesPath);

    private string StatesPath => run.PathOf("states");

    /// <summary>The folder of the models at a milestone: <c>checkpoints/pretrain/name_seed_percent</c>, as the original names it.</summary>
    public static string ModelFolder(PretrainConfig config, string percent) =>
        ProjectPath.Output(Path.Combine(config.Checkpoints.Folder, $"{config.RunName}_{percent}"));

    /// <summary>Saves both models for use elsewhere, each with a card that says how far it came, and on what.</summary>
    public void SaveModels(string percent) =>
        HuggingFaceFolder.SavePair(ModelFolder(config, percent), model, data.Tokenizer, part => PretrainCard.Of(run, data, model, part, percent));

    /// <summary>Saves all that is needed to go on, and removes the oldest such states.</summary>
    public void SaveState(PretrainPosition position)
    {
        long start = Stopwatch.GetTimestamp();
        // Older states go only when the new one is on the disk, whole.
        TrainingState.Save(Path.Combine(StatesPath, $"{StatePrefix}{position.Step}"), Tensors(), new SavedRun(position, WhatIsLearned(config), data.Examples.Train.Fingerprint));
        foreach (var (_, folder) in States().SkipLast(config.Checkpoints.KeepLast))
            Directory.Delete(folder, recursive: true);
        run.SavingTime = Stopwatch.GetElapsedTime(start);
    }

    /// <summary>
    /// Goes on from the newest state that is whole, where there is one and the configuration asks for it. A damaged one is named and
    /// set aside.
    /// </summary>
    /// <returns>Where the run stands: at step 0 where there is nothing to go on from.</returns>
    /// <exception cref="UserErrorException">Every state is damaged, or the newest belongs to another experiment.</exception>
    public PretrainPosition Resume()
    {
        if (config.DryRun)
            return PretrainPosition.Start;
        var position = Restore();
        run.SaveConfig();
        run.SavingTime = TrainingState.EstimatedTime(Tensors());
        return position;
    }

    private PretrainPosition Restore()
    {
        if (config.Resume == ResumeMode.Never && Directory.Exists(StatesPath))
            Directory.Delete(StatesPath, recursive: true);
        // The run is this process's alone, and so is what a killed one left of it.
        TemporaryName.RemoveLeft(StatesPath);
        TemporaryName.RemoveLeft(run.Folder);
        TemporaryName.RemoveLeft(Path.GetDirectoryName(run.Folder)!, $"{config.RunName}_");
        if (NewestWhole() is not { } newest)
            return PretrainPosition.Start;

        var (saved, tensors) = newest.State;
        using (tensors)
        {
            SameExperiment.Require(saved.Experiment, WhatIsLearned(config), run.Folder, OtherExperimentAdvice);
            run.Script.RequireSame(run.Folder, OtherExperimentAdvice);
            if (saved.Examples != data.Examples.Train.Fingerprint)
                throw new UserErrorException($"the run in {ProjectPath.Shown(run.Folder)} began with other examples: the text or the vocabulary has changed since. Put them back, give this run a name of its own (name=…), or start over and replace that run (resume=never).");
            foreach (var (name, destination) in Tensors())
                tensors.CopyTo(name, destination);
        }
        model.Store.PublishValues();
        run.Console.Line($"Going on from step {saved.Position.Step:N0} ({ProjectPath.Shown(newest.Folder)}).");
        return saved.Position;
    }

    private ((SavedRun Info, SafeTensorsFile Tensors) State, string Folder)? NewestWhole()
    {
        var damaged = new List<(string Folder, string Why)>();
        foreach (var (_, folder) in States().Reverse())
            try
            {
                var state = TrainingState.Load<SavedRun>(folder);
                foreach (var (path, why) in damaged)
                    run.Console.Warning($"{why} It is set aside as {TrainingState.SetAside(path)}, and the state before it is used.");
                return (state, folder);
            }
            catch (UserErrorException e)
            {
                damaged.Add((folder, e.Message));
            }
        return damaged.Count == 0 ? null
            : throw new UserErrorException($"no saved state of this run is whole:\n{string.Join('\n', damaged.Select(state => $"  {state.Why}"))}\nresume=never starts the run over.");
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors() =>
        guard is null ? optimizer.State() : optimizer.State().Append((Recent, guard.Recent));

    private IReadOnlyList<(long Step, string Folder)> States() =>
        !Directory.Exists(StatesPath) ? [] :
        [.. from folder in Directory.GetDirectories(StatesPath, StatePrefix + "*")
        let step = long.TryParse(Path.GetFileName(folder)[StatePrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : -1
        where step >= 0
        orderby step
        select (step, folder)];

    /// <summary>What the learned weights depend on, as YAML; where and how the run is computed and watched is left at its defaults.</summary>
    private static string WhatIsLearned(PretrainConfig config)
    {
        var elsewhere = new PretrainConfig();
        return Config.ResolvedYaml(config with
        {
            Evaluation = elsewhere.Evaluation,
            Checkpoints = elsewhere.Checkpoints,
            Logging = elsewhere.Logging,
            Compute = elsewhere.Compute,
            Workers = elsewhere.Workers,
            Datasets = elsewhere.Datasets,
            Resume = elsewhere.Resume,
            Training = config.Training with { MaxMinutes = 0, MicroBatchSize = 0, MaxBadSteps = elsewhere.Training.MaxBadSteps },
        });
    }
}
