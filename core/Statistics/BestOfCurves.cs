using System.Globalization;
using Electra.Running;
using Electra.Statistics.Inference;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Electra.Statistics;

/// <summary>The expected best of n runs over n, for each task and group with two runs or more.</summary>
/// <param name="Group">The group.</param>
/// <param name="Task">The task.</param>
/// <param name="Points">At each n: without replacement, with it, and the standard deviation of the latter.</param>
internal sealed record BestOfCurves(string Group, string Task, IReadOnlyList<(int N, double Unbiased, double PlugIn, double Std)> Points)
{
    /// <summary>The curves of all groups, task by task.</summary>
    public static IReadOnlyList<BestOfCurves> Of(ScoreSet scores) =>
        [
            .. from task in scores.Tasks
            from @group in scores.ScoredGroups
            let values = scores.Values(@group, task)
            where values.Length > 1
            select new BestOfCurves(
                @group,
                task,
                [
                    .. Enumerable
                        .Range(1, values.Length)
                        .Select(n =>
                            (
                                n,
                                BestOfRuns.Unbiased(values, n)!.Value,
                                BestOfRuns.PlugIn(values, n),
                                BestOfRuns.StandardDeviation(values, n)
                            )
                        ),
                ]
            ),
        ];

    /// <summary>The figures, a line for each group, task and n.</summary>
    public static string Csv(IEnumerable<BestOfCurves> curves) =>
        ScoreCsv.Line(["model", "task", "n", "unbiased", "plug_in", "std"])
        + string.Concat(
            from curve in curves
            from point in curve.Points
            select ScoreCsv.Line(
                [curve.Group, curve.Task, $"{point.N}", Number(point.Unbiased), Number(point.PlugIn), Number(point.Std)]
            )
        );

    /// <summary>Draws them, a panel for each task.</summary>
    /// <param name="curves">The curves: at least one.</param>
    /// <param name="groups">All groups, in the order of their colours.</param>
    /// <param name="picture">The PNG to write.</param>
    public static void Draw(IReadOnlyList<BestOfCurves> curves, IReadOnlyList<string> groups, string picture)
    {
        var drawn = groups.Index().Where(group => curves.Any(curve => curve.Group == group.Item)).ToList();
        var tasks = curves.Select(curve => curve.Task).Distinct().ToList();
        ScorePanels.Draw(
            picture,
            "Expected best of n runs: a best of many compares with a best of as many only",
            [
                .. drawn.Select(group => new LegendEntry(group.Item, Figure.ColorOf(group.Index), IsDashed: false)),
                new LegendEntry("with replacement", Figure.Ink, IsDashed: true),
            ],
            tasks.Count,
            width =>
                [
                    .. tasks.Select(task =>
                        Panel(
                            [.. curves.Where(curve => curve.Task == task)],
                            group => Figure.ColorOf(drawn.First(one => one.Item == group).Index),
                            width
                        )
                    ),
                ]
        );
    }

    private static Plot Panel(IReadOnlyList<BestOfCurves> curves, Func<string, Color> colorOf, int width)
    {
        var plot = new Plot();
        foreach (var curve in curves)
        {
            double[] counts = [.. curve.Points.Select(point => (double)point.N)];
            var plugIn = plot.Add.ScatterLine(counts, [.. curve.Points.Select(point => point.PlugIn)], colorOf(curve.Group).WithAlpha(0.6));
            plugIn.LinePattern = LinePattern.Dashed;
            plugIn.LineWidth = 1.5f;
            var unbiased = plot.Add.Scatter(counts, [.. curve.Points.Select(point => point.Unbiased)], colorOf(curve.Group));
            unbiased.LineWidth = 2.5f;
            unbiased.MarkerSize = 6;
        }
        ScorePanels.Decorate(plot, TaskHeadings.Heading(curves[0].Task), width);
        plot.XLabel("runs", size: 14);
        plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.Margins(0.04, 0.08);
        plot.Axes.AutoScale();
        return plot;
    }

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
