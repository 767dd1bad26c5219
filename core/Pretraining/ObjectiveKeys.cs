using Electra.Configuration;

namespace Electra.Pretraining;

/// <summary>Keys that have a meaning under some objectives only: under the others, another value than the default is an error.</summary>
internal static class ObjectiveKeys
{
    /// <summary>Keys that every objective reads, though they stand beside those that some do not.</summary>
    internal static readonly string[] OfAll =
        ["objective.kind", "objective.masking", "objective.loss_epsilon", "objective.padding_token_type"];

    private static readonly ObjectiveKind[] WithGenerator = [ObjectiveKind.Electra, ObjectiveKind.Gdes];

    private static readonly ObjectiveKind[] WithNoise = [.. WithGenerator, ObjectiveKind.Electric],
        WithMasks = [.. WithGenerator, ObjectiveKind.Mlm];

    /// <summary>Each key with its value and the objectives that read it.</summary>
    internal static readonly (string Key, Func<PretrainConfig, object> Value, ObjectiveKind[] Kinds)[] OfSome =
    [
        ("objective.sampling", config => config.Objective.Sampling, WithNoise),
        ("objective.temperature", config => config.Objective.Temperature, WithGenerator),
        ("objective.gumbel_epsilon", config => config.Objective.GumbelEpsilon, WithNoise),
        ("objective.disallow_correct", config => config.Objective.DisallowCorrect, WithGenerator),
        ("objective.prior", config => config.Objective.Prior, [ObjectiveKind.Electric]),
        ("objective.masking.mask_share", config => config.Objective.Masking.MaskShare, WithMasks),
        ("objective.masking.random_share", config => config.Objective.Masking.RandomShare, WithMasks),
        ("objective.generator_weight", config => config.Objective.GeneratorWeight, WithNoise),
        ("objective.discriminator_weight", config => config.Objective.DiscriminatorWeight, WithNoise),
        ("objective.generator_label_smoothing", config => config.Objective.GeneratorLabelSmoothing, WithGenerator),
        ("objective.discriminator_label_smoothing", config => config.Objective.DiscriminatorLabelSmoothing, WithGenerator),
        ("objective.decoupled", config => config.Objective.Decoupled, [ObjectiveKind.Gdes]),
        ("training.discriminator_learning_rate", config => config.Training.DiscriminatorLearningRate, [ObjectiveKind.Gdes]),
        ("train_generator", config => config.TrainGenerator, [ObjectiveKind.Electra]),
        ("model.generator.kind", config => config.Model.Generator.Kind, WithGenerator),
        ("model.generator.embeddings", config => config.Model.Generator.Embeddings, WithGenerator),
        ("model.generator", config => config.Model.Generator, WithNoise),
        ("model.generator_divisor", config => config.Model.GeneratorDivisor, WithNoise),
        ("init_generator", config => config.InitGenerator, WithGenerator),
        ("evaluation.generator", config => config.Evaluation.Generator, WithGenerator),
    ];

    /// <summary>The keys that were set without a meaning.</summary>
    public static IEnumerable<ConfigProblem> Problems(PretrainConfig config)
    {
        var kind = config.Objective.Kind;
        var defaults = Recipes.Defaults(config.Recipe, config.Size);
        return
            from key in OfSome
            where !key.Kinds.Contains(kind) && !Equals(key.Value(config), key.Value(defaults))
            select new ConfigProblem(
                key.Key,
                $"has no meaning under objective.kind: {KeyName.Of(kind)}; it has one under "
                    + string.Join(", ", key.Kinds.Select(one => KeyName.Of(one)))
            );
    }
}
