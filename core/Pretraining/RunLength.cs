using System.Globalization;
using Electra.Distributed;
using Electra.Optimization;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>How far a run is, and where it ends: after a number of updates, or when the time of its budget is over.</summary>
internal sealed class RunLength
{
    private readonly Func<long, StepRates> schedule;
    private readonly double? budget;
    private readonly double[] percents;
    private readonly Dictionary<long, string> milestones;
    private readonly long start;
    private readonly double startShare;
    private readonly string warmup;
    private long? began;
    private long current = -1;
    private double updateShare;

    /// <param name="config">The experiment.</param>
    /// <param name="position">Where it stands.</param>
    /// <param name="schedule">The rates: <see cref="TrainingOptions.Rates"/>.</param>
    public RunLength(PretrainConfig config, PretrainPosition position, Func<long, StepRates> schedule)
    {
        this.schedule = schedule;
        (start, Share, startShare, warmup) = (position.Step, position.Share, position.Share, config.Training.Warmup);
        budget = config.DryRun ? null : config.Training.BudgetSeconds;
        percents = [.. config.Checkpoints.Percents.Append(100).Distinct().Order()];
        Steps = config.DryRun ? 2 : budget is null ? config.Training.Steps : Share >= 1 ? start : long.MaxValue;
        milestones = config.Training.Budget is null ? ByStep(config.Training.Steps) : [];
    }

    /// <summary>The processes that make the run: rank 0 has the clock.</summary>
    public ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>Tells the time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Updates of the whole run; with a budget they are known when it has ended.</summary>
    public long Steps { get; private set; }

    /// <summary>The share of the budget that is spent; 0 without one.</summary>
    public double Share { get; private set; }

    /// <summary>Whether the run has a budget of time.</summary>
    public bool HasBudget => budget is not null;

    /// <summary>Whether a run that stands somewhere is finished.</summary>
    public static bool IsReached(PretrainConfig config, PretrainPosition position) =>
        config.Training.Budget is null ? position.Step >= config.Training.Steps : position.Share >= 1;

    /// <summary>Whether the run ends after so many updates. With a budget, this is where the clock is read, once an update.</summary>
    public bool Ends(long at)
    {
        if (budget is { } seconds && at != current && Share < 1)
        {
            // From where the run stopped the clock goes on: the first update has the share that was saved.
            began ??= Clock.GetTimestamp();
            double before = Share;
            double spent = Clock.GetElapsedTime(began.Value).TotalSeconds / seconds;
            Share = at == start ? startShare : Math.Min(1, Ranks.OfFirst(startShare + spent));
            foreach (double percent in percents.Where(percent => before * 100 < percent && percent <= Share * 100))
                milestones[at] = Name(percent);
            if (Share >= 1)
                Steps = at;
        }
        current = at;
        return at == Steps;
    }

    /// <summary>The names of all milestones in folder names.</summary>
    public IEnumerable<string> Milestones => percents.Select(Name);

    /// <summary>The milestone that was reached with an update, as it stands in folder names; null: none.</summary>
    public string? Milestone(long at) => milestones.GetValueOrDefault(at);

    /// <summary>Whether the run begins or ends there, or reaches a milestone.</summary>
    public bool IsMarked(long at) => at == 0 || at == Steps || milestones.ContainsKey(at);

    /// <summary>The rates of the k-th update, from 0. With a budget they follow the clock.</summary>
    public StepRates Rates(long k)
    {
        updateShare = Share;
        return Latest = schedule(HasBudget ? (long)(Share * TrainingOptions.BudgetParts) : k);
    }

    /// <summary>The rates of the latest update.</summary>
    public StepRates Latest { get; private set; }

    /// <summary>What of the latest update's place the metrics need to say: with a budget it is no function of the update's
    /// number.</summary>
    public IEnumerable<(string Name, double Value)> Figures => HasBudget ? [("budget_share", updateShare)] : [];

    /// <summary>How far the run is.</summary>
    public ProgressReport Report(long at) =>
        budget is { } seconds
            ? new("training", (long)(Share * seconds), (long)seconds, "seconds")
            : new("training", at, Steps, "updates");

    /// <summary>The time that is left.</summary>
    public string Left(long at, double secondsPerUpdate)
    {
        var time = TimeSpan.FromSeconds(budget is { } seconds ? (1 - Share) * seconds : (Steps - at) * secondsPerUpdate);
        return time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
    }

    /// <summary>What a run with a budget says at its beginning; null: without one.</summary>
    public string? Notice =>
        HasBudget
            ? $"The rate follows the clock, with a warm-up of {warmup}. How many updates the budget has time for depends on the machine: "
                + "made again, the run is not the same bit for bit."
            : null;

    private Dictionary<long, string> ByStep(long steps) =>
        percents
            .GroupBy(percent => Math.Clamp((long)Math.Round(steps * percent / 100), 1, steps))
            .ToDictionary(group => group.Key, group => Name(group.Last()));

    private static string Name(double percent) => percent.ToString("0.####", CultureInfo.InvariantCulture);
}

/// <summary>How far a run has come, for its cards and states.</summary>
/// <param name="Step">Updates that are done.</param>
/// <param name="Share">The share of its budget that is spent.</param>
/// <param name="Spent">What the updates took.</param>
/// <param name="Branch">Where it left another; null: nowhere.</param>
internal sealed record PretrainProgress(long Step, double Share, ComputeSpent Spent, PretrainBranch? Branch)
{
    /// <summary>The milestone, as it stands in folder names.</summary>
    public string Percent { get; init; } = "100";

    /// <summary>Which weights a model has.</summary>
    public SavedWeights Weights { get; init; }
}
