using Electra.Data.Tasks;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>
/// Runs that have not learned (Mosbach et al. 2021): at the end they are not above always answering the commonest class.
/// </summary>
/// <param name="Group">The group.</param>
/// <param name="Task">The task.</param>
/// <param name="Baseline">What that scores, in per cent.</param>
/// <param name="Failed">The failed runs.</param>
/// <param name="Which">Their names.</param>
/// <param name="All">Every score.</param>
/// <param name="Without">The scores of the others.</param>
internal sealed record FailedRuns(
    string Group,
    string Task,
    double Baseline,
    int Failed,
    string Which,
    double[] All,
    double[] Without
)
{
    /// <summary>How many of all: <c>2 of 10</c>.</summary>
    public string Share => $"{Failed} of {Failed + Without.Length}";

    /// <summary>The failed runs of each group and task; those without any are not among them.</summary>
    public static IReadOnlyList<FailedRuns> Of(ScoreSet scores) =>
        [
            .. from @group in scores.Groups
            from task in scores.AllTasksOf(@group)
            let failed = Of(scores, @group, task)
            where failed is not null
            select failed,
        ];

    /// <summary>A table of them.</summary>
    public static ReportTable? Table(IReadOnlyList<FailedRuns> all) =>
        all.Count == 0
            ? null
            : new(
                "Failed runs",
                ["Model", "Task", "Failed", "Commonest class", "Mean", "Std", "Mean without", "Std without", "Which"],
                [
                    .. all.Select(failed =>
                        (IReadOnlyList<string>)
                            [
                                failed.Group,
                                TaskHeadings.Heading(failed.Task),
                                failed.Share,
                                ScoreTables.Number(failed.Baseline),
                                .. Described(failed.All),
                                .. Described(failed.Without),
                                failed.Which,
                            ]
                    ),
                ],
                "Failed: not above always answering the commonest class (accuracy; MCC 0; F1 of the better constant answer; a correlation "
                    + "that is undefined or not above 0). Known to help: a longer warm-up (training.warmup_share), a lower "
                    + "training.learning_rate, more epochs, and optimizer.bias_correction, which the original does without."
            );

    private static FailedRuns? Of(ScoreSet scores, string group, string task)
    {
        var (runs, undefined) = (scores.Of(group, task), scores.UndefinedOf(group, task));
        string? metric = GlueTasks.Find(task)?.ReportedMetric ?? runs.FirstOrDefault()?.Metric ?? undefined.FirstOrDefault()?.Metric;
        var labels = runs.Select(run => run.Folder)
            .Where(folder => folder is not null && DevPredictions.AreIn(folder))
            .Select(folder => DevPredictions.Read(folder!).Labels)
            .FirstOrDefault();
        if (OfConstant(metric, labels) is not { } baseline)
            return null;
        bool HasFailed(Score run) => run.Value <= 100 * baseline + 1e-9;
        // A correlation without a value is a failure; another metric's absence is not known to be one.
        var unknown = metric is Metrics.Pearson or Metrics.Spearman ? undefined : [];
        List<(string? Seed, int Run)> failed =
            [.. runs.Where(HasFailed).Select(run => (run.PretrainSeed, run.Run)), .. unknown.Select(run => (run.PretrainSeed, run.Run))];
        bool areSeveral = runs.Select(run => run.PretrainSeed).Distinct().Count() > 1;
        return failed.Count == 0
            ? null
            : new FailedRuns(
                group,
                task,
                100 * baseline,
                failed.Count,
                failed.Count == runs.Count + unknown.Count ? "all" : Names(failed, areSeveral),
                [.. runs.Select(run => run.Value)],
                [.. runs.Where(run => !HasFailed(run)).Select(run => run.Value)]
            );
    }

    /// <summary>Runs by number: <c>runs 1, 4</c>, and <c>seed 1: run 0; seed 2: runs 0, 3</c> where there are several.</summary>
    private static string Names(IEnumerable<(string? Seed, int Run)> runs, bool areSeveral) =>
        string.Join(
            "; ",
            runs.GroupBy(run => areSeveral ? run.Seed : null)
                .Select(seed =>
                    (seed.Key is null ? "" : $"seed {seed.Key}: ")
                    + $"run{(seed.Count() == 1 ? "" : "s")} {string.Join(", ", seed.Select(run => run.Run).Order())}"
                )
        );

    /// <summary>What a constant answer scores, as a fraction; null where that is not known.</summary>
    internal static double? OfConstant(string? metric, double[]? labels) =>
        metric switch
        {
            Metrics.Mcc or Metrics.Pearson or Metrics.Spearman => 0,
            Metrics.Accuracy when labels is not null => labels.CountBy(label => label).Max(label => label.Value) / (double)labels.Length,
            // All of class 1: its share is the precision, and the recall is 1. All of class 0 scores 0.
            Metrics.F1 when labels is not null => labels.Count(label => label == 1) / (double)labels.Length is var share
                ? 2 * share / (1 + share)
                : null,
            _ => null,
        };

    private static IEnumerable<string> Described(double[] values)
    {
        var sample = values.Length > 0 ? Sample.Of(values) : null;
        return [ScoreTables.Number(sample?.Mean), ScoreTables.Number(sample?.StandardDeviation)];
    }
}
