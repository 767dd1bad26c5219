using System.Globalization;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>Tables over the runs of groups: what is known of each task, the averages, and two groups against each other.</summary>
public static class ScoreTables
{
    /// <summary>
    /// Per group and task: n, mean, standard deviation, maximum, minimum, median and 95% interval; runs without a score are counted apart.
    /// </summary>
    public static ReportTable PerTask(ScoreSet scores)
    {
        string[] undefined = scores.Undefined.Count > 0 ? ["Undefined"] : [];
        bool isNested = scores.All.GroupBy(score => (score.Group, score.Task)).Any(runs => SeedRuns.Of([.. runs]).Count > 1);
        string[] seeds = isNested ? ["Seeds"] : [];
        return new(
            "Scores per task",
            ["Model", "Task", .. seeds, "n", .. undefined, "Mean", "Std", "Max", "Min", "Median", "95% low", "95% high", "Published"],
            [.. from @group in scores.Groups from task in scores.AllTasksOf(@group) select Row(@group, task)],
            [
                "Development sets, in per cent: CoLA Matthews correlation, STS Spearman correlation, all other GLUE tasks accuracy. "
                    + "Std with n − 1; the interval of the mean is Student's t. "
                    + "Published: the mean of 10 runs of ELECTRA-Small-OWT, table 1 of electra_pytorch.",
                .. isNested
                    ? ["Where runs start from several seeds of pre-training, mean and interval are those of the seeds' means."]
                    : Array.Empty<string>(),
                .. Protocols.Notes(scores),
                .. scores.Undefined.Count > 0
                    ? ["Undefined: runs without a score, which count in no mean. " + string.Join(". ", scores.Undefinedness()) + "."]
                    : Array.Empty<string>(),
            ]
        );

        IReadOnlyList<string> Row(string group, string task)
        {
            var values = scores.Values(group, task);
            var s = values.Length > 0 ? Sample.Of(values) : null;
            var mean = s is null ? null : Sample.Of(SeedTables.Units(scores, group, task));
            return
            [
                group,
                TaskHeadings.Heading(task),
                .. seeds.Select(_ => $"{SeedRuns.Of(scores.Of(group, task)).Count}"),
                $"{values.Length}",
                .. undefined.Select(_ => $"{scores.UndefinedOf(group, task).Count}"),
                Number(mean?.Mean),
                Number(s?.StandardDeviation),
                Number(s?.Maximum),
                Number(s?.Minimum),
                Number(s?.Median),
                Number(mean?.Confidence95?.Low),
                Number(mean?.Confidence95?.High),
                Number(Published.Mean(task)),
            ];
        }
    }

    /// <summary>Per group the average over tasks, by both ways to take several runs as one number.</summary>
    public static ReportTable Averages(ScoreSet scores)
    {
        var rows = scores.ScoredGroups.Select(group =>
        {
            var tasks = TaskHeadings.Averaged(scores.TasksOf(group));
            var counts = tasks.Select(task => scores.Of(group, task).Count).ToList();
            return (IReadOnlyList<string>)
                [
                    group,
                    $"{tasks.Count}",
                    counts.Min() == counts.Max() ? $"{counts[0]}" : $"{counts.Min()} to {counts.Max()}",
                    Number(MeanOfRuns(scores, group)),
                    Number(BestOfRuns(scores, group)),
                ];
        });
        return new ReportTable(
            "Average over tasks", ["Model", "Tasks", "Runs a task", "Mean of runs", "Best of n per task"], [.. rows],
            "Mean of runs: the mean of each task's runs, averaged over tasks (table 1). Best of n per task: "
                + "the best run of each task, averaged over tasks (table 4, and the paper); "
                + "it grows with n, and must not be compared with a mean. "
                + "Averages are over GLUE's eight tasks without WNLI, as far as they are there; in a group without any, over all."
        );
    }

    /// <summary>The second group against the first, task by task; a row for the average ends it.</summary>
    /// <param name="scores">The scores.</param>
    /// <param name="first">The group that is compared with.</param>
    /// <param name="second">The group that is compared.</param>
    /// <param name="test">The test.</param>
    /// <exception cref="UserErrorException">A group is not there, or they have no task in common.</exception>
    public static ReportTable Compared(ScoreSet scores, string first, string second, ComparisonTest test = ComparisonTest.Auto)
    {
        scores.Require(first);
        scores.Require(second);
        var title = $"{second} against {first}";
        string[] header =
            ["Task", "Test", "n", first, second, "Difference", "95% low", "95% high", "t", "df", "p", "p (Holm)", "Cohen's d", "Hedges' g"];
        var tasks = scores.TasksOf(first).Intersect(scores.TasksOf(second)).ToList();
        if (!scores.AllTasksOf(first).Intersect(scores.AllTasksOf(second)).Any())
            throw new UserErrorException(
                $"{first} and {second} have no task in common: {Names(scores.AllTasksOf(first))} against {Names(scores.AllTasksOf(second))}"
            );
        if (tasks.Count == 0)
            return new ReportTable(
                title,
                header,
                [],
                $"Not compared: there is no task on which both have a score. "
                    + $"{string.Join(". ", scores.Only([first, second]).Undefinedness())}."
            );

        var compared = tasks.Select(task => Comparison.Of(scores.Of(first, task), scores.Of(second, task), test)).ToList();
        var corrected = Comparison.Holm([.. compared.Select(c => c.P)]);
        var rows = tasks.Zip(compared, corrected).Select(row => Row(row.First, row.Second, row.Third));
        var averaged = TaskHeadings.Averaged(tasks);
        double Average(Func<Comparison, double> value) => averaged.Average(task => value(compared[tasks.IndexOf(task)]));
        IReadOnlyList<string> average =
        [
            "average",
            "",
            "",
            Number(Average(c => c.First.Mean)),
            Number(Average(c => c.Second.Mean)),
            Signed(Average(c => c.Difference)),
            .. Enumerable.Repeat("", header.Length - 6),
        ];

        var untested = compared.Count(c => c.P is null);
        return new ReportTable(
            title, header, [.. rows, average],
            $"Difference: {second} minus {first}. p is two-sided. {tasks.Count} {(tasks.Count == 1 ? "task is" : "tasks are")} tested"
                + (
                    tasks.Count == 1
                        ? ""
                        : $": without a true difference anywhere, one of {tasks.Count} p values is below 5% in "
                            + $"{1 - Math.Pow(0.95, tasks.Count):0%} of such comparisons, so judge by p (Holm), which holds that at 5%"
                )
                + ". n: seeds of pre-training where there are several, else runs, which show what fine-tuning varies alone. d and g: "
                + "the difference in pooled standard deviations; 0.2 is small, 0.8 large."
                + (untested == 0 ? "" : $" {untested} without a test: a single run, or runs without any spread.")
        );
    }

    private static IReadOnlyList<string> Row(string task, Comparison comparison, double? corrected) =>
    [
        TaskHeadings.Heading(task),
        comparison.Test is ComparisonTest.Paired ? "paired" : "Welch",
        $"{comparison.First.Count}, {comparison.Second.Count}",
        Number(comparison.First.Mean),
        Number(comparison.Second.Mean),
        Signed(comparison.Difference),
        Signed(comparison.Confidence95?.Low),
        Signed(comparison.Confidence95?.High),
        Signed(comparison.T),
        Number(comparison.DegreesOfFreedom, "0.#"),
        Probability(comparison.P),
        Probability(corrected),
        Signed(comparison.CohenD),
        Signed(comparison.HedgesG),
    ];

    /// <summary>The average over tasks of the mean of runs.</summary>
    internal static double MeanOfRuns(ScoreSet scores, string group) =>
        TaskHeadings.Averaged(scores.TasksOf(group)).Average(task => scores.Values(group, task).Average());

    /// <summary>The average over tasks of the best run.</summary>
    internal static double BestOfRuns(ScoreSet scores, string group) =>
        TaskHeadings.Averaged(scores.TasksOf(group)).Average(task => scores.Values(group, task).Max());

    /// <summary>A number as a cell, – where there is none.</summary>
    internal static string Number(double? value, string format = "F2") => value?.ToString(format, CultureInfo.InvariantCulture) ?? "–";

    private static string Signed(double? value) => Number(value, "+0.00;-0.00;0.00");

    private static string Probability(double? value) => value is < 0.0001 ? "< 0.0001" : Number(value, "F4");

    private static string Names(IEnumerable<string> tasks) => string.Join(", ", tasks.Select(TaskHeadings.Heading));
}
