using System.ComponentModel.DataAnnotations;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;

namespace Electra.Finetuning;

/// <summary>How a task is learned.</summary>
public sealed record FinetuneOptions
{
    /// <summary>Passes over the training rows; 0: the task's own number.</summary>
    [Range(0, 10_000)]
    public int Epochs { get; init; }

    /// <summary>Rows in one update.</summary>
    [Range(1, 1 << 16)]
    public int BatchSize { get; init; } = 32;

    /// <summary>
    /// Rows in one forward and backward pass, to need less memory; gradients are accumulated up to the batch size. 0: the whole batch. What
    /// is learned stays the same.
    /// </summary>
    [ExecutionOnly, Range(0, 1 << 16)]
    public int MicroBatchSize { get; init; }

    /// <summary>
    /// Whether the backward pass computes each layer once more, instead of keeping what it needs (activation checkpointing): much less
    /// memory, a step that takes about a third longer. What is learned stays the same.
    /// </summary>
    [ExecutionOnly]
    public bool Recompute { get; init; }

    /// <summary>The highest learning rate, the head's.</summary>
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>What the rate falls by from one layer to the one below it.</summary>
    [Range(0.0, 1.0)]
    public double LayerDecay { get; init; } = 0.8;

    /// <summary>
    /// Whether the decay leaves a step out below the head, as it does by mistake in google-research/electra and the re-implementation.
    /// </summary>
    public bool OriginalLayerDecay { get; init; } = true;

    /// <summary>How the learning rate moves.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>How it falls, where the schedule leaves a choice.</summary>
    public DecayOptions Decay { get; init; } = new();

    /// <summary>The share of the updates in which the rate rises.</summary>
    [Range(0.0, 1.0)]
    public double WarmupShare { get; init; } = 0.1;

    /// <summary>
    /// Whether the linear schedules take a whole number of updates for that, int(share · updates), as electra_pytorch does; Google's code
    /// does not round.
    /// </summary>
    public bool RoundWarmup { get; init; } = true;

    /// <summary>
    /// Whether the loss is the sum over a batch's rows, as in Google's code, and not their mean: clipping then acts on nearly every update.
    /// </summary>
    public bool SumLoss { get; init; }

    /// <summary>
    /// Whether the values of a regression are learned as shares of their range (STS-B's divided by 5), as in Google's code. What is
    /// measured, predicted and saved is in the task's own unit.
    /// </summary>
    public bool UnitRange { get; init; }

    /// <summary>The share of each label that the loss gives to all classes alike; of a regression nothing.</summary>
    [Range(0.0, 0.99)]
    public double LabelSmoothing { get; init; }

    /// <summary>Dropout before the head.</summary>
    [Range(0.0, 0.99)]
    public double HeadDropout { get; init; } = 0.1;

    /// <summary>Dropout of embeddings and hidden states; null: the checkpoint's.</summary>
    [Range(0.0, 0.99)]
    public double? HiddenDropout { get; init; }

    /// <summary>Dropout of attention probabilities; null: the checkpoint's.</summary>
    [Range(0.0, 0.99)]
    public double? AttentionDropout { get; init; }

    /// <summary>
    /// Which weights a run leaves, and its scores are of: those of the end, or of the evaluation that is best on the development set. Null:
    /// the best of tasks of one's own, and the last of all others, as GLUE is published.
    /// </summary>
    public KeptWeights? Keep { get; init; }

    /// <summary>
    /// The metric of the development set by which the best evaluation is found: one that the task is measured by, or <c>loss</c>, of which
    /// the lowest is best. Empty: the reported one.
    /// </summary>
    public string BestMetric { get; init; } = "";

    /// <summary>
    /// Ends a run after so many evaluations in a row that brought no better one; 0: never. The schedule stays that of all epochs.
    /// </summary>
    [Range(0, 10_000)]
    public int Patience { get; init; }

    /// <summary>By more than this an evaluation must be better than the best one before it: 0.01 is a point of a score.</summary>
    [Range(0.0, 10.0)]
    public double MinDelta { get; init; }

    /// <summary>
    /// How often a run is measured on the development set: after each <c>epoch</c>; also after so many updates, <c>500</c>; or after a
    /// share of an epoch, <c>0.25</c>.
    /// </summary>
    public EvaluationInterval EvaluateEvery { get; init; }

    /// <summary>Number format of matrix products and activations; float16 scales the loss.</summary>
    public Precision Precision { get; init; }

    internal static FinetuneOptions Published(ModelSize size) => size switch
    {
        ModelSize.Small => new() { LearningRate = 3e-4, LayerDecay = 0.8 },
        ModelSize.Base => new() { LearningRate = 1e-4, LayerDecay = 0.8 },
        ModelSize.Large => new() { LearningRate = 5e-5, LayerDecay = 0.9 },
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, "unknown size"),
    };

    internal static EncodingOptions PublishedEncoding(ModelSize size) => new() { MaxLength = size == ModelSize.Small ? 128 : 512 };
}
