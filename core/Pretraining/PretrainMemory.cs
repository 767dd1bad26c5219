using Electra.Model;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>What an update of pre-training takes of a GPU's memory.</summary>
internal static class PretrainMemory
{
    /// <summary>The estimate of a run, in the part of it that takes the most.</summary>
    /// <param name="config">The experiment.</param>
    /// <param name="vocabulary">Tokens in the vocabulary.</param>
    /// <param name="store">The parameters.</param>
    /// <param name="processes">How many share a batch.</param>
    public static TrainingMemory Of(PretrainConfig config, int vocabulary, ParameterStore store, int processes = 1) =>
        Of(config, vocabulary, store.ParameterCount, store.Compute.Precision, processes);

    /// <summary>The same of a run that is not there yet.</summary>
    public static TrainingMemory Of(PretrainConfig config, int vocabulary, long parameters, Precision precision, int processes = 1)
    {
        var model = config.Model;
        var (training, objective, averages) = (config.Training, config.Objective, config.Training.Averages);
        bool isMlm = objective.Kind == ObjectiveKind.Mlm;
        return LengthPhases
            .Of(training, config.Examples.MaxLength)
            .All.Select(phase => new TrainingMemory
            {
                Parameters = parameters,
                WeightCopies = (averages.Ema is null ? 0 : 1) + averages.Last,
                Predicting = isMlm ? [model.WithoutGenerator] : Generators(config, model),
                Judging = isMlm ? [] : [model],
                Examples = AtOnce(training, phase.BatchSize, processes),
                Length = phase.MaxLength,
                Logits = phase.MaxLength * objective.Masking.Probability * vocabulary,
                DrawsForEachLogit = objective.NeedsNoiseForEachLogit,
                Precision = precision,
                Recomputes = training.Recompute,
            })
            .MaxBy(memory => memory.Bytes)!;
    }

    /// <summary>The encoders of the generator that keep what their backward pass needs.</summary>
    private static ElectraConfig[] Generators(PretrainConfig config, ElectraConfig model) =>
        !config.TrainGenerator || model.Generator.Kind == GeneratorKind.Uniform ? []
        : config.Objective.Kind == ObjectiveKind.Electric || model.Generator.Kind == GeneratorKind.TwoTower
            ? [model.GeneratorShape, model.GeneratorShape]
        : [model.GeneratorShape];

    /// <summary>Examples in one forward and backward pass of a process.</summary>
    private static int AtOnce(TrainingOptions training, int batchSize, int processes)
    {
        int own = (batchSize + processes - 1) / processes;
        return training.MicroBatchSize > 0 ? Math.Min(training.MicroBatchSize, own) : own;
    }
}
