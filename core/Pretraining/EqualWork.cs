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

    /// <summary>What the configuration asks for.</summary>
    /// <exception cref="UserErrorException">There is no such generator, or it is of another vocabulary or too short.</exception>
    public static EqualWork Open(Run<PretrainConfig> run, PretrainData data, ElectraMethod method, Compute compute)
    {
        var (config, asked) = (run.Config, run.Config.Evaluation);
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
        // A run's own folder holds no model: its last one lies beside it.
        var last = $"{source.TrimEnd('/', '\\')}_100";
        if (File.Exists(Path.Combine(Paths.Find(source), Experiment.ConfigFile)) && Directory.Exists(Paths.Find(last)))
            source = last;
        using var weights = PretrainedModel.Open(source, ModelPart.Generator, run.Console, run.Stopping);
        if (weights.Head != ModelHead.Generator)
            throw new UserErrorException($"{Key}: {source} is not a generator: it has no weights generator_predictions.*");
        if (weights.Tokenizer.Fingerprint != data.Tokenizer.Fingerprint)
            throw new UserErrorException(
                $"{Key}: {source} has another vocabulary than this run: only a generator of the same tokens can write its text"
            );
        if (weights.Config.MaxPositions < run.Config.Examples.MaxLength)
            throw new UserErrorException(
                $"{Key}: {source} reads at most {weights.Config.MaxPositions} tokens, and examples have up to "
                    + $"{run.Config.Examples.MaxLength} (examples.max_length)"
            );
        return new TrainedEncoder(weights, compute);
    }
}
