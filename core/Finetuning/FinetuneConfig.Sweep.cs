using System.ComponentModel.DataAnnotations;
using Electra.Running;

namespace Electra.Finetuning;

/// <content>The keys of a sweep.</content>
public sealed partial record FinetuneConfig : IManyRuns<FinetuneConfig>
{
    /// <summary>
    /// Values of keys that are held against each other: <c>{training.learning_rate: [1e-4, 3e-4], training.batch_size: [16, 32]}</c>. Each
    /// combination is a candidate; its runs have a group of their own, <c>group-learning_rate-0.0001-batch_size-16</c>.
    /// </summary>
    [ExecutionOnly]
    public IReadOnlyDictionary<string, SweepValues> Sweep { get; init; } = new Dictionary<string, SweepValues>();

    /// <summary>
    /// Candidates that are drawn, from lists and from ranges such as <c>{from: 1e-5, to: 1e-3, log: true}</c>, none twice; 0: all
    /// combinations.
    /// </summary>
    [ExecutionOnly, Range(0, 10_000)]
    public int SweepSamples { get; init; }

    /// <summary>
    /// Successive halving: the best part of the candidates that a round keeps, <c>3</c> for a third, each with as many times the epochs;
    /// the last ones have all. 0: all candidates have all epochs.
    /// </summary>
    [ExecutionOnly, Range(0, 100)]
    public int SweepHalving { get; init; }

    /// <summary>Runs with new seeds that the winner is trained again with: their score had no part in the choice.</summary>
    [ExecutionOnly, Range(0, 1000)]
    public int SweepConfirm { get; init; }

    /// <summary>Filled in by a sweep: what this candidate has in place of the configuration's own values.</summary>
    [ExecutionOnly]
    public SweptKeys? Swept { get; init; }

    bool IManyRuns<FinetuneConfig>.AreMany => Sweep.Count > 0 || StartModel.ByMilestone(this).Count > 0;

    Task<int> IManyRuns<FinetuneConfig>.Make(Run<FinetuneConfig> run, Func<Run<FinetuneConfig>, Task<int>> experiment)
    {
        using var sweep = new FinetuneSweep(run, experiment);
        sweep.Make();
        return Task.FromResult(0);
    }

    /// <summary>The configuration of runs that are not swept.</summary>
    internal FinetuneConfig WithoutSweep() =>
        this with
        {
            Sweep = new Dictionary<string, SweepValues>(),
            SweepSamples = 0,
            SweepHalving = 0,
            SweepConfirm = 0,
        };
}
