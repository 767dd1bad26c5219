using System.ComponentModel.DataAnnotations;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>How the generator's predictions are drawn.</summary>
public enum SamplingMethod
{
    /// <summary>argmax(logits + Gumbel noise) in float32.</summary>
    Gumbel,

    /// <summary>The same with the noise and the sum in float16: one of the original's options.</summary>
    HalfGumbel,

    /// <summary>One uniform number for each sample, looked up in the cumulative distribution: the same distribution as Gumbel's.</summary>
    Multinomial,
}

/// <summary>The pre-training objective: what is masked, how predictions are drawn, how losses are smoothed and weighed.</summary>
public sealed record ObjectiveOptions
{
    /// <summary>Which tokens the generator has to predict.</summary>
    public MaskingOptions Masking { get; init; } = new();

    /// <summary>How its predictions are drawn.</summary>
    public SamplingMethod Sampling { get; init; }

    /// <summary>What the logits are divided by before drawing.</summary>
    [Range(0.01, 100.0)]
    public double Temperature { get; init; } = 1;

    /// <summary>Added inside the logarithms of the Gumbel noise (Google's code: 1e-9).</summary>
    [Range(0.0, 0.1)]
    public double GumbelEpsilon { get; init; }

    /// <summary>Never draw the true token (an option of Google's code).</summary>
    public bool DisallowCorrect { get; init; }

    /// <summary>Weight of the generator's loss.</summary>
    [Range(0.0, 1e6)]
    public double GeneratorWeight { get; init; } = 1;

    /// <summary>Weight of the discriminator's loss (paper, section 3.2: 50).</summary>
    [Range(0.0, 1e6)]
    public double DiscriminatorWeight { get; init; } = 50;

    /// <summary>Share of the generator's target that is spread over the whole vocabulary.</summary>
    [Range(0.0, 0.99)]
    public double GeneratorLabelSmoothing { get; init; }

    /// <summary>What the label of an original token is raised to, from 0; the label of a replaced one stays 1.</summary>
    [Range(0.0, 0.99)]
    public double DiscriminatorLabelSmoothing { get; init; }

    /// <summary>Added to the number of tokens that each loss is divided by (Google's code: 1e-6).</summary>
    [Range(0.0, 1.0)]
    public double LossEpsilon { get; init; }

    /// <summary>Token type of padding: 1 in electra_pytorch, 0 in Google's code.</summary>
    [Range(0, 1)]
    public int PaddingTokenType { get; init; } = 1;

    /// <summary>Raises the zeros only: an original token may be wrong in its place, a replaced one is known to be.</summary>
    internal Tensor Smooth(Tensor replaced) =>
        DiscriminatorLabelSmoothing > 0 ? replaced.clamp_min(DiscriminatorLabelSmoothing) : replaced;
}

/// <summary>Draws the generator's samples.</summary>
public static class Sampling
{
    /// <summary>
    /// The k largest logits of each row, and −∞ in place of the rest, so that no other token is drawn. Of equal ones all are kept.
    /// </summary>
    /// <param name="logits"><c>[positions, vocabulary]</c>.</param>
    /// <param name="k">How many to keep; more than there are keeps all.</param>
    public static Tensor TopK(Tensor logits, int k)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(k);
        var (largest, _) = logits.topk((int)Math.Min(k, logits.shape[1]), dim: 1);
        return logits.masked_fill(logits.lt(largest.narrow(1, -1, 1)), float.NegativeInfinity);
    }

    /// <summary>Draws a token for each row of logits.</summary>
    /// <param name="logits"><c>[positions, vocabulary]</c> float32.</param>
    /// <param name="targets">The true tokens, <c>[positions]</c>.</param>
    /// <param name="options">How to draw.</param>
    /// <param name="keys">Names the draws of each position.</param>
    /// <param name="compute">Where the logits live.</param>
    /// <returns><c>[positions]</c> int64.</returns>
    public static Tensor Draw(Tensor logits, Tensor targets, ObjectiveOptions options, IReadOnlyList<RandomKey> keys, Compute compute) =>
        Draw(
            logits,
            targets,
            options,
            columns => DeviceRandom.Uniform(keys, columns, compute),
            tempered => CategoricalSampling.Gumbel(tempered, keys, compute)
        );

    /// <summary>Draws with the uniform numbers given: from how many of each row to them, <c>[positions, columns]</c>.</summary>
    internal static Tensor Draw(
        Tensor logits,
        Tensor targets,
        ObjectiveOptions options,
        Func<long, Tensor> uniform,
        Func<Tensor, Tensor> gumbel
    )
    {
        using var scope = NewDisposeScope();
        if (options.Temperature != 1)
            logits = logits / options.Temperature;
        if (options.DisallowCorrect)
            logits = logits.scatter(1, targets.unsqueeze(1), full([targets.shape[0], 1], float.NegativeInfinity, device: logits.device));
        var vocabulary = logits.shape[1];
        var drawn = options.Sampling switch
        {
            SamplingMethod.Multinomial => CategoricalSampling.Multinomial(logits, uniform(1).squeeze(1)),
            SamplingMethod.HalfGumbel => (logits.to(float16) - uniform(vocabulary).log_().neg_().log_().to(float16)).argmax(-1),
            _ when options.GumbelEpsilon > 0 => CategoricalSampling.Gumbel(logits, uniform(vocabulary), options.GumbelEpsilon),
            _ => gumbel(logits),
        };
        return drawn.MoveToOuterDisposeScope();
    }
}
