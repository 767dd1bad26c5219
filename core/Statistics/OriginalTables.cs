using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>
/// The tables 1, 4 and 5 of richarddwang/electra_pytorch's README as they stand there, the groups' rows below the published ones.
/// Tasks that GLUE does not have follow in columns of their own.
/// </summary>
internal static class OriginalTables
{
    /// <summary>Table 1: the mean of each task's runs, and the average of these.</summary>
    public static ReportTable Table1(ScoreSet scores)
    {
        var others = Others(scores);
        return new ReportTable(
            "Table 1: GLUE dev set, mean of runs",
            ["Model", .. TaskHeadings.Glue.Select(column => column.Heading), .. others.Select(TaskHeadings.Heading), "Avg. of Avg."],
            [
                .. Published.Means.Select(row =>
                    (IReadOnlyList<string>)[row.Model, .. row.Cells.SkipLast(1), .. others.Select(_ => ""), row.Cells[^1]]
                ),
                .. scores.ScoredGroups.Select(group =>
                    (IReadOnlyList<string>)[group, .. Cells(scores, group, others, s => s.Mean), Average(scores, group)]
                ),
            ],
            $"Scores are the average scores fine-tuned from the same checkpoint. Published: "
                + $"{string.Join("; ", Published.Means.Select(row => $"{row.Model} in {row.Source}"))}."
                + (
                    scores.ScoredGroups.Any(IsPartial)
                        ? " An average over fewer than GLUE's eight tasks says over how many, and does not compare with one over other "
                            + "tasks."
                        : ""
                )
        );

        bool IsPartial(string group) => TaskHeadings.Averaged(scores.TasksOf(group)).Count != TaskHeadings.Glue.Count;
    }

    /// <summary>Table 4: over models, each pre-trained for itself, the average over tasks of each task's best run.</summary>
    public static ReportTable Table4(ScoreSet scores)
    {
        // An average over fewer tasks is another quantity: models are taken together where they have the tasks that most have.
        var byTasks = scores
            .ScoredGroups.GroupBy(group => string.Join(" ", TaskHeadings.Averaged(scores.TasksOf(group))))
            .OrderByDescending(groups => groups.Count())
            .First();
        var (models, left) = (byTasks.ToList(), scores.ScoredGroups.Except(byTasks).ToList());
        var tasks = TaskHeadings.Averaged(scores.TasksOf(models[0]));
        var counts = models.SelectMany(group => tasks.Select(task => scores.Of(group, task).Count)).ToList();
        var sample = Sample.Of([.. models.Select(group => ScoreTables.BestOfRuns(scores, group))]);
        return new ReportTable(
            "Table 4: stability of pre-training, best of n per task",
            ["Model", "Mean", "Std", "Max", "Min", "#models"],
            [
                [Published.Models.Model, .. Published.Models.Cells],
                [
                    models.Count == 1 ? models[0] : $"{models.Count} groups",
                    ScoreTables.Number(sample.Mean),
                    ScoreTables.Number(sample.StandardDeviation),
                    ScoreTables.Number(sample.Maximum),
                    ScoreTables.Number(sample.Minimum),
                    $"{sample.Count}",
                ],
            ],
            $"Every model (group) is meant to be pre-trained from scratch with a seed of its own. Score of a model: "
                + "the average of the best run of each task, here over "
                + $"{string.Join(", ", tasks.Select(TaskHeadings.Heading))}, with "
                + $"{(counts.Min() == counts.Max() ? "" : $"{counts.Min()} to ")}{Plural.Of(counts.Max(), "run")} a task. "
                + $"Published: {Published.Models.Source}."
                + (left.Count == 0 ? "" : $" Left out, for their tasks are others: {string.Join(", ", left)}.")
        );
    }

    /// <summary>Table 5: the standard deviation of each task's runs.</summary>
    public static ReportTable Table5(ScoreSet scores)
    {
        var others = Others(scores);
        return new ReportTable(
            "Table 5: stability of fine-tuning, standard deviation of runs",
            ["Model", .. TaskHeadings.Glue.Select(column => column.Heading), .. others.Select(TaskHeadings.Heading)],
            [
                [Published.Deviations.Model, .. Published.Deviations.Cells, .. others.Select(_ => "")],
                .. scores.ScoredGroups.Select(group =>
                    (IReadOnlyList<string>)[group, .. Cells(scores, group, others, s => s.StandardDeviation)]
                ),
            ],
            $"With n − 1, over the runs of one checkpoint. Published: {Published.Deviations.Source}."
        );
    }

    private static List<string> Others(ScoreSet scores) =>
        [.. scores.Tasks.Where(task => TaskHeadings.Glue.All(column => column.Task != task))];

    private static IEnumerable<string> Cells(ScoreSet scores, string group, IEnumerable<string> others, Func<Sample, double?> value) =>
        TaskHeadings
            .Glue.Select(column => column.Task)
            .Concat(others)
            .Select(task => scores.Values(group, task) is { Length: > 0 } values ? ScoreTables.Number(value(Sample.Of(values))) : "");

    private static string Average(ScoreSet scores, string group)
    {
        var count = TaskHeadings.Averaged(scores.TasksOf(group)).Count;
        var average = ScoreTables.Number(ScoreTables.MeanOfRuns(scores, group));
        return count == TaskHeadings.Glue.Count ? average : $"{average} ({Plural.Of(count, "task")})";
    }
}
