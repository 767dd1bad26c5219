using Electra.Configuration;
using Electra.Model;

namespace Electra.Pretraining;

/// <summary>What is wrong between the generator, where it comes from, and the objective.</summary>
internal static class GeneratorProblems
{
    /// <summary>The problems of a configuration.</summary>
    public static IEnumerable<ConfigProblem> Of(PretrainConfig config)
    {
        var (generator, kind) = (config.Model.Generator, config.Objective.Kind);
        var (embeddings, spelled) = (generator.Embeddings, KeyName.Of(generator.Embeddings));
        bool isNetwork = generator.Kind == GeneratorKind.Masked;
        if (kind == ObjectiveKind.Gdes && (embeddings != GeneratorEmbeddings.Disentangled || !isNetwork))
            yield return new(
                isNetwork ? "model.generator.embeddings" : "model.generator.kind",
                "cannot be so under objective.kind: gdes: there a masked generator has disentangled embeddings"
            );
        if (config.InitGenerator != "" && kind != ObjectiveKind.Mlm && !isNetwork)
            yield return new(
                "init_generator",
                $"names a masked language model, which model.generator.kind: {KeyName.Of(generator.Kind)} has not"
            );
        else if (config.InitGenerator != "" && config.Init == "" && embeddings == GeneratorEmbeddings.Shared)
            yield return new(
                "init_generator",
                "names a generator to go on from without a discriminator (init), whose embeddings it shares"
            );
        if (generator.Kind == GeneratorKind.TwoTower && kind == ObjectiveKind.Electra)
            foreach (var problem in OfTowers(config))
                yield return problem;
        if (config.Training is { DiscriminatorLearningRate: > 0, LearningRate: 0 })
            yield return new("training.discriminator_learning_rate", "cannot be above 0 where training.learning_rate is 0");
        if (config.TrainGenerator || kind != ObjectiveKind.Electra)
            yield break;
        if (!isNetwork)
            yield return new(
                "train_generator",
                "cannot be false where the generator is no masked language model of its own (model.generator.kind)"
            );
        else if (embeddings is not (GeneratorEmbeddings.Own or GeneratorEmbeddings.Copied))
            yield return new(
                "model.generator.embeddings",
                $"cannot be {spelled} with train_generator: false: a generator that does not learn keeps tables of its own (copied, own)"
            );
        if (config.InitGenerator == "" && config.Init == "")
            yield return new("train_generator", "cannot be false without a generator that was trained: init_generator names one");
    }

    /// <summary>Keys of what two towers do not do: they read no masks, and their losses are not smoothed.</summary>
    private static IEnumerable<ConfigProblem> OfTowers(PretrainConfig config)
    {
        var defaults = Recipes.Defaults(config.Recipe, config.Size);
        (string Key, Func<ObjectiveOptions, double> Value)[] others =
        [
            ("objective.masking.mask_share", options => options.Masking.MaskShare),
            ("objective.masking.random_share", options => options.Masking.RandomShare),
            ("objective.generator_label_smoothing", options => options.GeneratorLabelSmoothing),
        ];
        return
            from key in others
            where key.Value(config.Objective) != key.Value(defaults.Objective)
            select new ConfigProblem(key.Key, "has no meaning under model.generator.kind: two_tower");
    }
}
