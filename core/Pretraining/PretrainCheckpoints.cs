using System.Globalization;
using Electra.Checkpoints;
using Electra.Experiments;
using Electra.Files;
using Electra.Model;
using Electra.Optimization;
using Electra.Text;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Where a run stands. Everything random follows from the seed and the step, so that no generators are part of it.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="First">The scores at step 0; null before they are measured.</param>
internal sealed record PretrainPosition(long Step, double Seconds, PretrainScores? First);

/// <summary>Saves a run's states and models, and goes on from its newest state.</summary>
internal sealed class PretrainCheckpoints(Run<PretrainConfig> run, ElectraTokenizer tokenizer, ElectraPair model, Adam optimizer)
{
    private const string Values = "values", Means = "means", Squares = "squares";
    private const string StatePrefix = "step_";

    private sealed record SavedRun(PretrainPosition Position, string Experiment);

    private readonly PretrainConfig config = run.Config;

    /// <summary>Where states lie.</summary>
    public string StatesFolder => ProjectPath.Shown(StatesPath);

    private string StatesPath => run.PathOf("states");

    /// <summary>The folder of the models at a milestone: <c>checkpoints/pretrain/name_seed_percent</c>, as the original names it.</summary>
    public static string ModelFolder(PretrainConfig config, string percent) =>
        ProjectPath.Output(Path.Combine(config.Checkpoints.Folder, $"{config.RunName}_{percent}"));

    /// <summary>Saves both models for use elsewhere.</summary>
    public void SaveModels(string percent) => HuggingFaceFolder.SavePair(ModelFolder(config, percent), model, tokenizer);

    /// <summary>Saves all that is needed to go on, and removes the oldest such states.</summary>
    public void SaveState(PretrainPosition position)
    {
        TrainingState.Save(Path.Combine(StatesPath, $"{StatePrefix}{position.Step}"), Tensors(), new SavedRun(position, WhatIsLearned(config)));
        foreach (var (_, folder) in States().SkipLast(config.Checkpoints.KeepLast))
            Directory.Delete(folder, recursive: true);
    }

    /// <summary>Goes on from the newest state, where there is one and the configuration asks for it.</summary>
    /// <returns>Where the run stands: at step 0 where there is nothing to go on from.</returns>
    /// <exception cref="UserErrorException">The newest state is damaged, or belongs to another experiment.</exception>
    public PretrainPosition Resume()
    {
        if (config.DryRun)
            return new PretrainPosition(0, 0, null);
        if (config.Resume == ResumeMode.Never && Directory.Exists(StatesPath))
            Directory.Delete(StatesPath, recursive: true);
        if (States().LastOrDefault() is not { Folder: not null } newest)
            return new PretrainPosition(0, 0, null);

        var (saved, tensors) = TrainingState.Load<SavedRun>(newest.Folder);
        using (tensors)
        {
            RequireSameExperiment(saved.Experiment);
            foreach (var (name, destination) in Tensors())
                tensors.CopyTo(name, destination);
        }
        model.Store.PublishValues();
        run.Console.Line($"Going on from step {saved.Position.Step:N0} ({ProjectPath.Shown(newest.Folder)}).");
        return saved.Position;
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors() =>
        [(Values, model.Store.Values), (Means, optimizer.Means), (Squares, optimizer.Squares)];

    private IEnumerable<(long Step, string Folder)> States() =>
        !Directory.Exists(StatesPath) ? [] :
        from folder in Directory.GetDirectories(StatesPath, StatePrefix + "*")
        let step = long.TryParse(Path.GetFileName(folder)[StatePrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : -1
        where step >= 0
        orderby step
        select (step, folder);

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
            Training = config.Training with { MaxMinutes = 0, MicroBatchSize = 0 },
        });
    }

    private void RequireSameExperiment(string saved)
    {
        string[] was = Lines(saved), now = Lines(WhatIsLearned(config));
        if (was.SequenceEqual(now))
            return;
        var differences = now.Except(was).Select(line => $"  now   {line.Trim()}").Concat(was.Except(now).Select(line => $"  then  {line.Trim()}"));
        throw new UserErrorException($"the run in {ProjectPath.Shown(run.Folder)} is another experiment:\n{string.Join('\n', differences)}\nGive this one a name of its own (name=…), or start over and replace that run (resume=never).");

        static string[] Lines(string yaml) => [.. yaml.Split('\n').Where(line => !line.TrimStart().StartsWith('#') && line.Trim().Length > 0)];
    }
}
