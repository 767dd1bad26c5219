using Electra.Native;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>How the generator's predictions are drawn.</summary>
public enum SamplingMethod
{
    /// <summary>argmax(logits + Gumbel noise) in float32; on CUDA as <see cref="Multinomial"/>, which is the same distribution.</summary>
    Gumbel,

    /// <summary>
    /// The same with the noise and the sum in float16: one of the original's options. On CUDA as <see cref="Multinomial"/>, which has the
    /// same distribution but for what float16 rounds, and is faster.
    /// </summary>
    HalfGumbel,

    /// <summary>One uniform number for each sample, looked up in the cumulative distribution: the same distribution as Gumbel's.</summary>
    Multinomial,
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
            compute.IsCuda && !options.NeedsNoiseForEachLogit ? options with { Sampling = SamplingMethod.Multinomial } : options,
            columns => DeviceRandom.Uniform(keys, columns, compute),
            tempered => CategoricalSampling.Gumbel(tempered, keys, compute),
            compute.IsCuda && DeterministicAlgorithms.AreUsed == true
        );

    /// <summary>Draws with the uniform numbers given: from how many of each row to them, <c>[positions, columns]</c>.</summary>
    internal static Tensor Draw(
        Tensor logits,
        Tensor targets,
        ObjectiveOptions options,
        Func<long, Tensor> uniform,
        Func<Tensor, Tensor> gumbel,
        bool isExact = false
    )
    {
        using var scope = NewDisposeScope();
        // One that moves has been applied: it hangs on the update.
        if (options.Temperature is { HalfLife: null, Start: not 1 } temperature)
            logits = logits / temperature.Start;
        if (options.DisallowCorrect)
            logits = logits.scatter(
                1,
                targets.clamp_min(0).unsqueeze(1), // those of places that fill up are negative
                full([targets.shape[0], 1], float.NegativeInfinity, device: logits.device)
            );
        var vocabulary = logits.shape[1];
        var drawn = options.Sampling switch
        {
            SamplingMethod.Multinomial => CategoricalSampling.Multinomial(logits, uniform(1).squeeze(1), isExact),
            SamplingMethod.HalfGumbel => (logits.to(float16) - uniform(vocabulary).log_().neg_().log_().to(float16)).argmax(-1),
            _ when options.GumbelEpsilon > 0 => CategoricalSampling.Gumbel(logits, uniform(vocabulary), options.GumbelEpsilon),
            _ => gumbel(logits),
        };
        return drawn.MoveToOuterDisposeScope();
    }
}
