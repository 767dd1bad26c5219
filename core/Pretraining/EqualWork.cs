using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>
/// What held-out text is made with before the discriminator judges it: by default as in training. The figures of a discriminator hang on
/// its generator and on the share of masks; <see cref="EvaluationOptions.Generator"/> and <see cref="EvaluationOptions.Masking"/> give
/// several runs the same text to judge, with the same masks and draws whatever their seeds.
/// </summary>
internal sealed class EqualWork : IDisposable
{
    private readonly TrainedEncoder? generator;

    private EqualWork(ElectraMethod method, RandomKey key, Vocabulary vocabulary, TrainedEncoder? generator) =>
        (Method, Key, Vocabulary, this.generator) = (method, key, vocabulary, generator);

    /// <summary>The method of the run, with the masks and the generator of the measurement.</summary>
    public ElectraMethod Method { get; }

    /// <summary>Names the masks and draws.</summary>
    public RandomKey Key { get; }

    /// <summary>The tokens of the text.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>What a configuration asks for.</summary>
    /// <param name="config">The run that is measured: where nothing else is asked for, masks and draws follow its seed.</param>
    /// <param name="run">Where it is done.</param>
    /// <param name="data">The held-out text.</param>
    /// <param name="method">The run's method.</param>
    /// <param name="compute">Where to compute.</param>
    /// <exception cref="UserErrorException">There is no such generator, or it is of another vocabulary or too short.</exception>
    public static EqualWork Open(
        PretrainConfig config,
        Run<PretrainConfig> run,
        PretrainData data,
        ElectraMethod method,
        Compute compute
    )
    {
        var asked = config.Evaluation;
        var key = KeyOf(config);
        method = method with { Mask = MaskOf(config, data) ?? method.Mask };
        if (asked.Generator == "")
            return new EqualWork(method, key, data.Tokenizer.Vocabulary, null);
        var generator = OpenGenerator(asked.Generator, run, data, compute);
        return new EqualWork(
            method with
            {
                SampledFrom = generator.Logits,
                Sample = (logits, targets, keys) => Sampling.Draw(logits, targets, new ObjectiveOptions(), keys, compute),
            },
            key,
            data.Tokenizer.Vocabulary,
            generator
        );
    }

    /// <summary>Names the masks and draws of a run's measurements.</summary>
    public static RandomKey KeyOf(PretrainConfig config) =>
        RandomKey.FromSeed(config.Evaluation is { Generator: "", Masking: null } ? config.Seed : 0)[1];

    /// <summary>Masks held-out text where that is not to be done as in training; else null.</summary>
    public static Func<TokenBatch, RandomKey, MaskedTokens>? MaskOf(PretrainConfig config, PretrainData data)
    {
        if (config.Evaluation.Masking is not { } share)
            return null;
        var masking = new MaskingOptions { Probability = share };
        var tokens = data.MaskingTokens(masking);
        return (batch, draws) => Masking.Apply(batch, tokens, masking, draws);
    }

    /// <inheritdoc/>
    public void Dispose() => generator?.Dispose();

    private static TrainedEncoder OpenGenerator(string source, Run<PretrainConfig> run, PretrainData data, Compute compute)
    {
        const string Key = "evaluation.generator";
        source = LastModel(source);
        using var weights = PretrainedModel.Open(source, ModelPart.Generator, run.Console, run.Stopping);
        if (weights.Head != ModelHead.Generator)
            throw new UserErrorException($"{Key}: {source} is not a generator: it has no weights generator_predictions.*");
        RequireReads(weights, Key, run.Config, data);
        return new TrainedEncoder(weights, compute);
    }

    /// <summary>Refuses a model that cannot read the held-out text of a run.</summary>
    /// <exception cref="UserErrorException">It is of another vocabulary, or too short.</exception>
    public static void RequireReads(PretrainedModel model, string key, PretrainConfig config, PretrainData data)
    {
        if (model.Tokenizer.Fingerprint != data.Tokenizer.Fingerprint)
            throw new UserErrorException(
                $"{key}: {model.Source} has another vocabulary than this run: only models of the same tokens can be measured on its text"
            );
        if (model.Config.MaxPositions < config.Examples.MaxLength)
            throw new UserErrorException(
                $"{key}: {model.Source} reads at most {model.Config.MaxPositions} tokens, and examples have up to "
                    + $"{config.Examples.MaxLength} (examples.max_length)"
            );
    }

    /// <summary>One name for a model, from whatever directory it is named: below the root from there, elsewhere in full.</summary>
    public static string NameOf(string source)
    {
        source = LastModel(source);
        if (!Path.Exists(Paths.Find(source)))
            return source; // on the hub
        var path = Path.TrimEndingDirectorySeparator(Paths.Find(source));
        return Path.GetRelativePath(Paths.Root, path) is var below && !below.StartsWith("..", StringComparison.Ordinal)
            ? ModelPattern.Portable(below)
            : path;
    }

    /// <summary>A run's own folder holds no model: its last one lies beside it.</summary>
    private static string LastModel(string source)
    {
        var last = $"{source.TrimEnd('/', '\\')}_100";
        return File.Exists(Path.Combine(Paths.Find(source), Experiment.ConfigFile)) && Directory.Exists(Paths.Find(last)) ? last : source;
    }
}
