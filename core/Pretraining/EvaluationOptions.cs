using System.ComponentModel.DataAnnotations;

namespace Electra.Pretraining;

/// <summary>Measuring on held-out text.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Steps between measurements; 0: only at the start and the end and when a milestone is saved.</summary>
    [Range(0, long.MaxValue)]
    public long Every { get; init; }

    /// <summary>Held-out examples to measure on, at most.</summary>
    [Range(1, 1 << 24)]
    public int Examples { get; init; } = 512;

    /// <summary>
    /// The share of tokens that is masked in held-out text, each by itself, where it is not to be the run's own
    /// (<c>objective.masking</c>): runs that mask different shares are compared at one. Null: as in training.
    /// </summary>
    [Range(0.001, 0.999)]
    public double? Masking { get; init; }

    /// <summary>
    /// The model that writes the replacements into held-out text, so that discriminators are compared on the same one: a run, a folder,
    /// a file of weights, or a model on the hub. Empty: the run's own generator. Where this or <c>masking</c> is given, masks and draws
    /// do not follow the seed.
    /// </summary>
    public string Generator { get; init; } = "";

    /// <summary>
    /// The models that <c>only=evaluation</c> measures: what runs left (<c>checkpoints/pretrain/demo_36_50</c>), others with discriminator
    /// and generator in one place, and patterns (<c>checkpoints/pretrain/demo_*_100</c>). A discriminator alone needs <c>generator</c>.
    /// None: every milestone of the run, or of each of <c>seeds</c>, whose results then say what they were measured with.
    /// </summary>
    public IReadOnlyList<string> Models { get; init; } = [];
}
