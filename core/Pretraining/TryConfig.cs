using System.ComponentModel.DataAnnotations;
using Electra.Configuration;
using Electra.Tensors;

namespace Electra.Pretraining;

/// <summary>What scripts/try.csx is asked for.</summary>
public sealed record TryConfig : IExperimentConfig<TryConfig>
{
    /// <summary>
    /// The model: a run of this kit (checkpoints/pretrain/small_11081_100), a folder of Hugging Face's form, an archive
    /// of one model (electra_small.zip), or a name on the hub. Where generator and discriminator lie in two places, both.
    /// </summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>How many of the generator's predictions are shown for a token.</summary>
    [Range(1, 100)]
    public int Best { get; init; } = 5;

    /// <summary>From which probability on the discriminator suspects a token.</summary>
    [Range(0.0, 1.0)]
    public double Threshold { get; init; } = 0.5;

    /// <summary>Device and threads.</summary>
    public ComputeOptions Compute { get; init; } = new();

    string IExperimentConfig<TryConfig>.Name => "try";

    int IExperimentConfig<TryConfig>.Seed => 0;

    string? IExperimentConfig<TryConfig>.RunFolder => null;

    static TryConfig IExperimentConfig<TryConfig>.Defaults(ConfigNode given) => new();

    IEnumerable<string> IExperimentConfig<TryConfig>.Warnings() => Compute.Warnings();

    IEnumerable<ConfigProblem> IExperimentConfig<TryConfig>.Check()
    {
        if (Models.Count > 2)
            yield return new ConfigProblem("models",
                $"has {Models.Count} names: one that holds both models, or a discriminator and a generator");
    }
}
