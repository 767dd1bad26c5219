using System.Globalization;
using Electra.Running;
using Electra.Statistics.Inference;
using ScottPlot;

namespace Electra.Statistics;

/// <summary>The scores of fine-tuned checkpoints of one pre-training over its updates, and which of them is best.</summary>
internal static class CheckpointTables
{
    private const string Average = "mean of tasks";
    private const int Width = 1600, PlotHeight = 560, TitleHeight = 76;

    /// <summary>The runs of one checkpoint.</summary>
    private sealed record Milestone(string Group, double Percent, long? Updates)
    {
        public string Shown => Percent.ToString("0.####", CultureInfo.InvariantCulture) + "%";

    }

    /// <summary>A table for each pre-training whose checkpoints are among some scores.</summary>
    public static IEnumerable<ReportTable> Of(ScoreSet scores) => Sweeps(scores).Select(sweep => Table(scores, sweep));

    /// <summary>Draws the curves of each pre-training: the mean with its 95% interval, and every run as a point.</summary>
    /// <param name="scores">The scores.</param>
    /// <param name="sweep">The group that the configuration named.</param>
    /// <param name="picture">The PNG to write.</param>
    public static void Draw(ScoreSet scores, string sweep, string picture)
    {
        var milestones = Milestones(scores, sweep);
        List<Plot> plots = [.. Headings(scores, milestones).Select(task => Panel(scores, milestones, task))];
        int rows = (plots.Count + 1) / 2;
        Figure.Draw(
            picture,
            $"{sweep}: fine-tuned checkpoints over the updates of their pre-training",
            new FigureLayout(Width, TitleHeight + (rows * PlotHeight), TitleHeight, Columns: 2),
            plots
        );
    }

    /// <summary>The sweeps over checkpoints, by the group that the configuration named.</summary>
    public static IReadOnlyList<string> Sweeps(ScoreSet scores) =>
        [.. scores.All.Where(score => score.Swept?.Percent is not null).Select(score => score.Swept!.Sweep).Distinct()];

    private static IReadOnlyList<Milestone> Milestones(ScoreSet scores, string sweep) =>
        [
            .. scores
                .All.Where(score => score.Swept?.Percent is not null && score.Swept.Sweep == sweep)
                .Select(score => new Milestone(score.Group, score.Swept!.Percent!.Value, score.Swept.Updates))
                .Distinct()
                .OrderBy(one => one.Percent),
        ];

    private static IReadOnlyList<string> Headings(ScoreSet scores, IReadOnlyList<Milestone> milestones)
    {
        var tasks = TaskHeadings.Ordered(milestones.SelectMany(one => scores.TasksOf(one.Group)));
        return tasks.Count > 1 ? [.. tasks, Average] : tasks;
    }

    /// <summary>The scores of a checkpoint on a task, or the mean over tasks of runs that have all of them.</summary>
    private static IReadOnlyList<Score> Of(ScoreSet scores, Milestone one, string task, int tasks) =>
        task != Average
            ? scores.Of(one.Group, task)
            :
            [
                .. from score in scores.All
                where score.Group == one.Group
                group score by (score.PretrainSeed, score.Run, score.Seed) into run
                where run.Count() == tasks
                select run.First() with { Task = Average, Value = run.Average(score => score.Value) },
            ];

    private static ReportTable Table(ScoreSet scores, string sweep)
    {
        var milestones = Milestones(scores, sweep);
        var headings = Headings(scores, milestones);
        int tasks = headings.Count(task => task != Average);
        IReadOnlyList<Score> Values(Milestone one, string task) => Of(scores, one, task, tasks);
        return new ReportTable(
            $"Checkpoints of {sweep}",
            ["Checkpoint", "Updates", "Task", "n", "Mean", "Std", "95% low", "95% high"],
            [
                .. from task in headings
                from one in milestones
                let values = Values(one, task)
                where values.Count > 0
                select Row(one, task, values),
            ],
            [.. Lead(milestones, task => [.. milestones.Select(one => Values(one, task))], headings[^1])]
        );
    }

    private static IReadOnlyList<string> Row(Milestone one, string task, IReadOnlyList<Score> values)
    {
        var sample = Sample.Of(Units(values));
        return
        [
            one.Shown,
            one.Updates?.ToString(CultureInfo.InvariantCulture) ?? "–",
            TaskHeadings.Heading(task),
            $"{sample.Count}",
            ScoreTables.Number(sample.Mean),
            ScoreTables.Number(sample.StandardDeviation),
            ScoreTables.Number(sample.Confidence95?.Low),
            ScoreTables.Number(sample.Confidence95?.High),
        ];
    }

    /// <summary>The best checkpoint against the last one.</summary>
    private static IEnumerable<string> Lead(
        IReadOnlyList<Milestone> milestones,
        Func<string, IReadOnlyList<IReadOnlyList<Score>>> valuesOf,
        string task
    )
    {
        var all = valuesOf(task);
        var made = milestones.Zip(all).Where(pair => pair.Second.Count > 0).ToList();
        if (made.Count < 2)
            yield break;
        string heading = TaskHeadings.Heading(task);
        var (best, bestScores) = made.MaxBy(pair => Units(pair.Second).Average());
        var (last, lastScores) = made[^1];
        if (best == last)
            yield return $"{heading}: the last checkpoint, {last.Shown}, is the best of {made.Count}.";
        else
        {
            var test = Comparison.Of(lastScores, bestScores);
            yield return $"{heading}: the best of {made.Count} checkpoints is {best.Shown}, {ScoreTables.Number(test.Difference)} above "
                + $"the last one, {last.Shown}"
                + (
                    test.Confidence95 is { } interval
                        ? $" (95%: {ScoreTables.Number(interval.Low)} to {ScoreTables.Number(interval.High)}; p = "
                            + $"{ConclusionText.P(test.P)}, as if it had not been chosen)."
                        : "; with so few runs there is no test."
                );
        }
        yield return SelectionBias.OfLargest([.. made.Select(pair => (IReadOnlyList<double>)Units(pair.Second))]) is { } bias
            ? $"The mean of a chosen checkpoint is too high by about {ScoreTables.Number(bias)} points (empirical Bayes): report its score "
                + "with other seeds (runs=10..19)."
            : "The mean of a chosen checkpoint is too high because it was chosen: report its score with other seeds (runs=10..19).";
    }

    private static double[] Units(IReadOnlyList<Score> values) =>
        SeedRuns.Of(values) is { Count: > 1 } seeds ? [.. seeds.Select(seed => seed.Mean)] : [.. values.Select(score => score.Value)];

    private static Plot Panel(ScoreSet scores, IReadOnlyList<Milestone> milestones, string task)
    {
        int tasks = Headings(scores, milestones).Count(heading => heading != Average);
        bool hasUpdates = milestones.All(one => one.Updates is not null);
        var points = milestones
            .Select(one => (At: hasUpdates ? one.Updates!.Value : one.Percent, Values: Of(scores, one, task, tasks)))
            .Where(point => point.Values.Count > 0)
            .ToList();
        var plot = new Plot();
        double[] at = [.. points.Select(point => point.At)];
        Sample[] samples = [.. points.Select(point => Sample.Of(Units(point.Values)))];
        double[] means = [.. samples.Select(sample => sample.Mean)];
        if (samples.All(sample => sample.Confidence95 is not null))
        {
            var band = plot.Add.FillY(
                at,
                [.. samples.Select(sample => sample.Confidence95!.Value.Low)],
                [.. samples.Select(sample => sample.Confidence95!.Value.High)]
            );
            band.FillColor = Figure.ColorOf(0).WithAlpha(0.16);
            band.LineWidth = 0;
        }
        foreach (var point in points)
        {
            double[] places = [.. point.Values.Select(_ => point.At)], values = [.. point.Values.Select(score => score.Value)];
            plot.Add.ScatterPoints(places, values, Figure.ColorOf(0).WithAlpha(0.4));
        }
        var line = plot.Add.ScatterLine(at, means, Figure.ColorOf(0));
        line.LineWidth = 3;
        line.LegendText = task;
        Curves.Decorate(plot, new CurvePanel(TaskHeadings.Heading(task), [task]));
        plot.XLabel(hasUpdates ? "updates of pre-training" : "per cent of pre-training", size: 15);
        return plot;
    }
}
