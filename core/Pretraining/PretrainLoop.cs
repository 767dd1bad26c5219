using Electra.Distributed;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Pretraining;

/// <summary>Pre-training: from step 0, or from where the run stopped, to the last step, a signal, or the end of the budget.</summary>
public static class PretrainLoop
{
    /// <summary>
    /// The figures on held-out text that a finished run ended with, by their names in the metrics file: <c>auc</c>, <c>perplexity</c>.
    /// </summary>
    /// <exception cref="UserErrorException">The run is not finished, or it was asked not to train.</exception>
    public static IReadOnlyDictionary<string, double> HeldOutScores(this Run<PretrainConfig> run) =>
        run.HasFolder
            ? PretrainResult.Load(run.Folder).Scores
            : throw new UserErrorException("there are no scores of a run that does not train (dry_run, only)");

    /// <summary>
    /// Trains, measures, saves and reports; or, with <c>only=evaluation</c> and of a finished run whose states are gone, measures what is
    /// saved.
    /// </summary>
    /// <param name="run">The experiment.</param>
    /// <param name="data">Examples to train and to measure on.</param>
    /// <param name="model">Generator and discriminator with fresh weights; a resumed run replaces them.</param>
    /// <param name="method">The pre-training method.</param>
    /// <param name="schedule">The rates of the k-th update; by default what the configuration says.</param>
    /// <param name="metrics">
    /// Numbers of one's own at every evaluation, by name: they land in the metrics file, in TensorBoard and in the picture, as
    /// <c>held_out/name</c>.
    /// </param>
    /// <returns>The scores on held-out text at the end.</returns>
    /// <exception cref="OperationCanceledException">It was stopped by a signal: everything is saved.</exception>
    /// <exception cref="UserErrorException">Training diverged, or the folder holds another experiment's run.</exception>
    public static PretrainScores Train(Run<PretrainConfig> run, PretrainData data, ElectraPair model, ElectraMethod method,
        Func<long, StepRates>? schedule = null, Func<ElectraPair, IEnumerable<(string Name, double Value)>>? metrics = null)
    {
        var config = run.Config;
        if (!config.TrainGenerator)
            method = method.WithFrozenGenerator();
        if (config.Objective.Temperature is { HalfLife: not null } temperature)
            method = method with { Temperatures = k => temperature.At(k, config.Training.Steps) };
        method = method with { Ranks = run.Ranks };
        using var measurement = EqualWork.Open(config, run, data, method, model.Store.Compute);
        using var baseline = new TokenBaseline(model.Config.VocabularySize, model.Store.Compute, run.Ranks);
        var (generatorRate, ownRate) = (config.Training.LearningRate, config.Training.DiscriminatorLearningRate);
        var objective = config.Objective.Kind == ObjectiveKind.Gdes
            ? GdesObjective.Of(model, method, measurement, baseline, config.Objective.Decoupled, ownRate > 0 ? ownRate / generatorRate : 1)
            : ElectraObjective.Of(model, method, measurement, baseline);
        var saved = new SavedPairs(run, data, model, method);
        return Train<PretrainScores>(run, data, objective, schedule, metrics is null ? null : () => metrics(model), saved.Measure);
    }

    /// <summary>The same of a masked language model.</summary>
    /// <exception cref="OperationCanceledException">It was stopped by a signal: everything is saved.</exception>
    /// <exception cref="UserErrorException">Training diverged, or the folder holds another experiment's run.</exception>
    public static MlmScores Train(Run<PretrainConfig> run, PretrainData data, MaskedLanguageModel model, MlmMethod method,
        Func<long, StepRates>? schedule = null, Func<MaskedLanguageModel, IEnumerable<(string Name, double Value)>>? metrics = null)
    {
        var measured = method with { Mask = EqualWork.MaskOf(run.Config, data) ?? method.Mask };
        method = method with { Ranks = run.Ranks };
        var objective = MlmObjective.Of(model, method, measured, EqualWork.KeyOf(run.Config), data.Tokenizer.Vocabulary);
        var saved = new SavedLanguageModels(run, data, model, method);
        return Train<MlmScores>(run, data, objective, schedule, metrics is null ? null : () => metrics(model), saved.Measure);
    }

    /// <summary>The same of Electric's networks.</summary>
    /// <exception cref="OperationCanceledException">It was stopped by a signal: everything is saved.</exception>
    /// <exception cref="UserErrorException">Training diverged, or the folder holds another experiment's run.</exception>
    public static ElectricScores Train(Run<PretrainConfig> run, PretrainData data, ElectricPair model, ElectricMethod method,
        Func<long, StepRates>? schedule = null, Func<ElectricPair, IEnumerable<(string Name, double Value)>>? metrics = null)
    {
        var measured = EqualWork.MaskOf(run.Config, data) is { } mask
            ? method with
            {
                Mask = mask,
                Options = method.Options with { Masking = new() { Probability = run.Config.Evaluation.Masking!.Value } },
            }
            : method;
        method = method with { Ranks = run.Ranks };
        var objective = ElectricObjective.Of(model, method, measured, EqualWork.KeyOf(run.Config), data.Tokenizer.Vocabulary);
        return Train<ElectricScores>(run, data, objective, schedule, metrics is null ? null : () => metrics(model), (source, _) =>
            throw new UserErrorException(
                $"{source} is not measured: a model of objective.kind: electric is measured while it trains, and where its states are kept"
            ));
    }

    /// <summary>Makes sure that all ranks learn from the same text with the same numbers: each has prepared its own.</summary>
    private static void RequireSame(ICommunicator ranks, PretrainData data, Compute compute) =>
        RunRanks.RequireSame(
            ranks,
            new Dictionary<string, string>
            {
                ["text"] = data.Identity,
                ["tokenizer"] = $"{data.Tokenizer.Vocabulary.Count:N0} tokens, {data.Tokenizer.Fingerprint}",
                ["compute.device"] = compute.IsCuda ? "cuda" : "cpu",
                ["training.precision"] = compute.PrecisionName,
            },
            "all ranks of a run must learn from the same text in the same way, and this one does not",
            "The corpus and the vocabulary must be the same files on every machine, and what is `auto` may have to be said"
        );

    /// <summary>Each rank must have a row of each batch.</summary>
    private static void RequireRows(PretrainConfig config, ICommunicator ranks)
    {
        int rows = LengthPhases.Of(config.Training, config.Examples.MaxLength).All.Min(phase => phase.BatchSize);
        if (rows < ranks.WorldSize)
            throw new UserErrorException(
                $"training.batch_size: a batch is cut over the ranks, and one of {rows} has too few rows for {ranks.WorldSize} ranks"
            );
    }

    private static T Train<T>(Run<PretrainConfig> run, PretrainData data, Objective objective,
        Func<long, StepRates>? schedule, Func<IEnumerable<(string Name, double Value)>>? metrics,
        Func<string, PretrainConfig, MeasuredModel> measureSaved)
        where T : IHeldOutScores
    {
        var saved = new CheckpointEvaluation(run, measureSaved);
        if (run.Config is { Only: RunPart.Evaluation, DryRun: false })
            return (T)saved.MeasureAll();
        RunRanks.AwaitPreparation(run.Ranks, run.Console);
        RequireSame(run.Ranks, data, objective.Store.Compute);
        if (run.HasFolder && run.Ranks.OfFirst(() => CheckpointEvaluation.IsToMeasureLast(run)))
            return run.Ranks.OfFirst(() => (T)saved.MeasureLast(), takesLong: true);
        RequireRows(run.Config, run.Ranks);
        using var session = new PretrainSession(run, data, objective, schedule ?? run.Config.Training.Rates(), metrics);
        return (T)session.Train();
    }
}
