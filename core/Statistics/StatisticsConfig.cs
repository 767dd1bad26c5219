
using System.ComponentModel.DataAnnotations;
using Electra.Configuration;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>How two groups are tested against each other.</summary>
public enum ComparisonTest
{
    /// <summary>Paired where both groups have the same runs with the same seeds, else Welch's.</summary>
    Auto,

    /// <summary>Student's t test of the differences between runs of the same number; runs that only one group has are left out.</summary>
    Paired,

    /// <summary>Welch's t test, which asks neither for equal variances nor for equal numbers of runs.</summary>
    Welch,
}

/// <summary>What scripts/stats.csx is asked for.</summary>
public sealed record StatisticsConfig : IExperimentConfig<StatisticsConfig>
{
    /// <summary>
    /// Folders of fine-tuning runs (checkpoints/glue) or of pre-training runs (checkpoints/pretrain), and CSV files with the columns
    /// model, task, run, score (score in per cent).
    /// </summary>
    public IReadOnlyList<string> Scores { get; init; } = [];

    /// <summary>The groups to look at, in this order; none: all.</summary>
    public IReadOnlyList<string> Group { get; init; } = [];

    /// <summary>Two groups to compare task by task; none: where there are exactly two groups, those.</summary>
    public IReadOnlyList<string> Compare { get; init; } = [];

    /// <summary>How they are tested: auto is paired where both have the same runs with the same seeds, else welch.</summary>
    public ComparisonTest Test { get; init; } = ComparisonTest.Auto;

    /// <summary>Whether to print every table; otherwise the conclusion and what it rests on. The files hold all.</summary>
    public bool Detail { get; init; }

    /// <summary>Samples that the Multi-Bootstrap draws.</summary>
    [Range(100, 10_000_000)]
    public int Resamples { get; init; } = MultiBootstrapOptions.UsualResamples;

    /// <summary>What those draws follow from.</summary>
    public int Seed { get; init; }

    /// <summary>Differences in points whose share of the samples is shown.</summary>
    public IReadOnlyList<double> Thresholds { get; init; } = [0, 0.5, 1];

    /// <summary>What a pre-training costs, in fine-tunings: the best split of a budget between the two follows from it.</summary>
    [Range(1e-6, 1e9)]
    public double PretrainCost { get; init; } = 10;

    /// <summary>
    /// The folder for statistics.md, statistics.csv, comparison.csv, scores.csv, scores.png, best_of_n.csv and best_of_n.png, from the
    /// project's root where it is relative.
    /// </summary>
    public string Out { get; init; } = "test_outputs/statistics";

    /// <summary>The groups that are read: those to look at and those to compare; none: all.</summary>
    public IReadOnlyList<string> Groups => Group.Count == 0 ? [] : [.. Group.Union(Compare)];

    string IExperimentConfig<StatisticsConfig>.Name => "statistics";

    int IExperimentConfig<StatisticsConfig>.Seed => Seed;

    string? IExperimentConfig<StatisticsConfig>.RunFolder => null;

    static StatisticsConfig IExperimentConfig<StatisticsConfig>.Defaults(ConfigNode given) => new();

    IEnumerable<ConfigProblem> IExperimentConfig<StatisticsConfig>.Check()
    {
        if (Compare.Count is not (0 or 2) || Compare.Distinct().Count() != Compare.Count)
            yield return new ConfigProblem("compare", "must name two different groups: compare=[small, small-lr]");
    }
}
