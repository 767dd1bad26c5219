using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Configuration;
using Electra.Optimization;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>How long to train, on how much at once, at what rate.</summary>
public sealed record TrainingOptions
{
    /// <summary>How many millionths a budget has: what <see cref="Rates"/> counts where there is one.</summary>
    internal const long BudgetParts = 1_000_000;

    /// <summary>Thirty years, in seconds.</summary>
    private const double LongestBudget = 1e9;

    /// <summary>The warm-up of a run with a budget, where nothing says another.</summary>
    private const double BudgetWarmup = 0.1;

    /// <summary>Updates of the weights; 0 with a <c>budget</c>.</summary>
    [InsteadOf("budget"), Range(0, long.MaxValue)]
    public long Steps { get; init; } = 1_000_000;

    /// <summary>
    /// The time that training may take, in place of <c>steps</c>: <c>90m</c>, <c>8h</c>, <c>1d12h</c>. The rate follows the clock, so that
    /// the run ends annealed however fast the machine is, and is not the same twice. Measuring and saving count; what follows the last
    /// update does not. A run that was stopped goes on with the time that is left. On the command line it also replaces the numbers of
    /// updates that a file gives for the warm-up and the fall of the rate. Null: <c>steps</c> say where it ends.
    /// </summary>
    [
        InsteadOf("steps", "warmup_steps", "decay.steps"),
        RegularExpression(@"([0-9]+(\.[0-9]+)?[dhms])+", ErrorMessage = "a time such as 90m, 8h or 1d12h")
    ]
    public string? Budget { get; init; }

    /// <summary>Examples in one update; rows, where several share one (<c>examples.packing</c>).</summary>
    [Range(1, 1 << 20)]
    public int BatchSize { get; init; } = 128;

    /// <summary>Examples in one forward and backward pass, to need less memory; gradients are accumulated up to the batch size. 0: the
    /// whole batch. What is learned stays the same.</summary>
    [ExecutionOnly, Range(0, 1 << 20)]
    public int MicroBatchSize { get; init; }

    /// <summary>
    /// Whether the backward pass computes each layer once more, instead of keeping what it needs (activation checkpointing): much less
    /// memory, a step that takes about a third longer. What is learned stays the same.
    /// </summary>
    [ExecutionOnly]
    public bool Recompute { get; init; }

    /// <summary>The highest learning rate.</summary>
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>
    /// The highest learning rate of the discriminator under <c>objective.kind: gdes</c>; 0: the same.
    /// </summary>
    [Range(0.0, 10.0)]
    public double DiscriminatorLearningRate { get; init; }

    /// <summary>Updates of warmup; 0 where <c>warmup_share</c> or a <c>budget</c> is given.</summary>
    [InsteadOf("warmup_share"), Range(0, long.MaxValue)]
    public long WarmupSteps { get; init; } = 10_000;

    /// <summary>The warm-up as a share of the run, in place of <c>warmup_steps</c>; null: these, and with a <c>budget</c> 0.1.</summary>
    [InsteadOf("warmup_steps"), Range(0.0, 1.0)]
    public double? WarmupShare { get; init; }

    /// <summary>How the learning rate moves.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>How it falls, where the schedule leaves a choice.</summary>
    public DecayOptions Decay { get; init; } = new();

    /// <summary>
    /// Parts of the run with examples of their own length, in order, such as
    /// <c>[{max_length: 128, share: 0.9}, {max_length: 512, share: 0.1, batch_size: 32}]</c>. Weights, moments and the text go on. With
    /// phases, <c>examples.max_length</c> is that of the longest, and held-out text is measured with it. None: one part.
    /// </summary>
    public IReadOnlyList<PhaseOptions> Phases { get; init; } = [];

    /// <summary>Averages of the weights, measured and saved beside them.</summary>
    public AverageOptions Averages { get; init; } = new();

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

    /// <summary>
    /// The rates of the k-th update, from 0, as these options say. With a <see cref="Budget"/> k is the millionth of it that is reached.
    /// </summary>
    public Func<long, StepRates> Rates() =>
        Phases.Count > 0 ? LengthPhases.Rates(this)
        : Budget is null ? RatesOver(Steps)
        : RatesOver(BudgetParts);

    private Func<long, StepRates> RatesOver(long steps) =>
        Optimization.Schedule.Of(Schedule, LearningRate, steps, WarmupOf(steps), Decay);

    /// <summary>The budget in seconds; null without one.</summary>
    internal double? BudgetSeconds =>
        Budget is null
            ? null
            : Regex
                .Matches(Budget, @"([0-9.]+)([dhms])")
                .Sum(part => double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture) * SecondsOf(part.Groups[2].Value));

    /// <summary>The warm-up, of a number of updates.</summary>
    internal double WarmupOf(long steps) =>
        WarmupShare is { } share ? share * steps
        : Budget is not null ? BudgetWarmup * steps
        : WarmupSteps;

    /// <summary>The warm-up in words.</summary>
    internal string Warmup =>
        WarmupShare is null && Budget is null
            ? FormattableString.Invariant($"{WarmupSteps:N0} updates")
            : FormattableString.Invariant($"{WarmupOf(1):0.##%} of the run");

    /// <summary>The defaults where these keys are given: one that stands in the place of another takes that one's default away.</summary>
    internal TrainingOptions For(ConfigNode given)
    {
        bool hasBudget = given.Read<string?>("training.budget", null) is not null;
        return this with
        {
            Steps = hasBudget ? 0 : Steps,
            WarmupSteps = hasBudget || given.Read<double?>("training.warmup_share", null) is not null ? 0 : WarmupSteps,
        };
    }

    /// <summary>What cannot be together, as (key, problem).</summary>
    internal IEnumerable<(string Key, string Problem)> Problems() =>
        [
            .. Decay.Problems(Schedule).Select(problem => ($"decay.{problem.Key}", problem.Problem)),
            .. Averages.Problems().Select(problem => ($"averages.{problem.Key}", problem.Problem)),
            .. Budget is null ? StepProblems() : BudgetProblems(),
            .. RootProblems(),
        ];

    /// <summary>Where k is no number of updates, √(w/k) has no scale without a warm-up.</summary>
    private IEnumerable<(string Key, string Problem)> RootProblems()
    {
        bool isScaled = Budget is not null || (Phases.Count > 0 && !LengthPhases.HaveOwnRates(this));
        if (isScaled && Schedule == ScheduleKind.InverseRoot && WarmupOf(1) <= 0)
            yield return ("schedule", "cannot be inverse_root without a warm-up here, which it is measured by: training.warmup_share");
    }

    private IEnumerable<(string Key, string Problem)> StepProblems()
    {
        if (Steps == 0)
            yield return ("steps", "cannot be 0: a value of at least 1 is expected, or a training.budget");
        if (WarmupShare is not null && WarmupSteps > 0)
            yield return ("warmup_share", $"says the same as warmup_steps ({WarmupSteps}) in another way: give one of the two");
    }

    private IEnumerable<(string Key, string Problem)> BudgetProblems()
    {
        if (BudgetSeconds is <= 0 or > LongestBudget)
            yield return ("budget", $"cannot be {Budget}: a time such as 90m, 8h or 1d12h is expected");
        if (Steps > 0)
            yield return (
                "budget",
                $"ends the run by the clock, and training.steps after {Steps:N0} updates: give one of the two"
            );
        if (WarmupSteps > 0)
            yield return (
                "warmup_steps",
                "counts updates, and a run with a budget has no known number of them: training.warmup_share says it as a share"
            );
        if (Phases.Count > 0)
            yield return ("phases", "are shares of a number of updates (training.steps), which a run with a budget does not have");
        if (Decay.Steps is not null)
            yield return (
                "decay.steps",
                "counts updates, and a run with a budget has no known number of them: decay.share is a share of it"
            );
    }

    private static double SecondsOf(string unit) => unit switch
    {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => 1,
    };
}
