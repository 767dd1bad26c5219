using System.ComponentModel.DataAnnotations;
using Electra.Optimization;
using Electra.Tensors;

namespace Electra.Pretraining;

/// <summary>How long to train, on how much at once, at what rate.</summary>
public sealed record TrainingOptions
{
    /// <summary>Updates of the weights.</summary>
    [Range(1, long.MaxValue)]
    public long Steps { get; init; } = 1_000_000;

    /// <summary>Examples in one update; rows, where several share one (<c>examples.packing</c>).</summary>
    [Range(1, 1 << 20)]
    public int BatchSize { get; init; } = 128;

    /// <summary>Examples in one forward and backward pass, to need less memory; gradients are accumulated up to the batch size. 0: the
    /// whole batch. What is learned stays the same.</summary>
    [ExecutionOnly, Range(0, 1 << 20)]
    public int MicroBatchSize { get; init; }

    /// <summary>The highest learning rate.</summary>
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>Updates of warmup.</summary>
    [Range(0, long.MaxValue)]
    public long WarmupSteps { get; init; } = 10_000;

    /// <summary>How the learning rate moves.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>How it falls, where the schedule leaves a choice.</summary>
    public DecayOptions Decay { get; init; } = new();

    /// <summary>Number format of matrix products and activations; float16 scales the loss.</summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// Updates in a row whose loss or gradients are not finite, at most: such an update is not applied, and one more than these stops
    /// the run. In float16, where overflows lower the loss scale at the beginning, 16 more are allowed. The examples of each are named in
    /// skipped_updates.jsonl.
    /// </summary>
    [ExecutionOnly, Range(0, 1_000_000)]
    public int MaxBadSteps { get; init; } = 10;

    /// <summary>
    /// Leave out updates whose loss or gradient norm lies more than this many standard deviations above the mean of the latest 128;
    /// 0: none, as the original has it.
    /// </summary>
    [Range(0.0, 1e6)]
    public double SkipSigmas { get; init; }

    /// <summary>Stop after this many minutes of training, with a checkpoint; 0: no limit.</summary>
    [ExecutionOnly, Range(0.0, 1e7)]
    public double MaxMinutes { get; init; }

    /// <summary>The rates of the k-th update, from 0, as these options say.</summary>
    public Func<long, StepRates> Rates() => Optimization.Schedule.Of(Schedule, LearningRate, Steps, WarmupSteps, Decay);

    /// <summary>What cannot be together, as (key, problem).</summary>
    internal IEnumerable<(string Key, string Problem)> Problems()
    {
        foreach (var (key, problem) in Decay.Problems(Schedule))
            yield return ($"decay.{key}", problem);
    }
}
