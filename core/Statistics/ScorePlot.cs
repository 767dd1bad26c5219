using System.Globalization;
using Electra.Running;
using Electra.Statistics.Inference;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Electra.Statistics;

/// <summary>
/// Draws scores: a panel for each task, every run a dot, the mean with its 95% interval, and the published value as a line.
/// </summary>
internal static class ScorePlot
{
    /// <summary>Draws all scores.</summary>
    /// <param name="scores">The scores.</param>
    /// <param name="picture">The PNG to write.</param>
    public static void Draw(ScoreSet scores, string picture) =>
        ScorePanels.Draw(
            picture,
            "Scores on the development sets: every run, their mean, its 95% interval",
            [
                .. scores.Groups.Select((group, i) => new LegendEntry(group, Figure.ColorOf(i), IsDashed: false)),
                .. scores.Tasks.Any(task => Published.Mean(task) is not null)
                    ? [new LegendEntry("published: electra_pytorch's ELECTRA-Small-OWT, mean of 10 runs", Figure.Ink, IsDashed: true)]
                    : Array.Empty<LegendEntry>(),
            ],
            scores.Tasks.Count,
            width => [.. scores.Tasks.Select(task => Panel(scores, task, width))]
        );

    internal static Plot Panel(ScoreSet scores, string task, int width)
    {
        var plot = new Plot();
        var groups = scores.Groups.Where(group => scores.Of(group, task).Count > 0).ToList();
        foreach (var (place, group) in groups.Index())
            AddGroup(plot, place, scores.Values(group, task), Figure.ColorOf(scores.Groups.ToList().IndexOf(group)));
        if (Published.Mean(task) is { } published)
        {
            var line = plot.Add.HorizontalLine(published, 2, Figure.Ink, LinePattern.Dashed);
            line.EnableAutoscale = true;
        }
        Decorate(plot, TaskHeadings.Heading(task), width, groups.Count);
        Limit(plot, scores.All.Where(score => score.Task == task).Min(score => score.Value));
        return plot;
    }

    private static void AddGroup(Plot plot, int place, double[] values, Color color)
    {
        var sample = Sample.Of(values);
        if (sample.Confidence95 is { } interval)
        {
            var band = plot.Add.Rectangle(place - 0.34, place + 0.34, interval.Low, interval.High);
            band.FillColor = color.WithAlpha(0.16);
            band.LineWidth = 0;
        }
        var mean = plot.Add.Line(place - 0.34, sample.Mean, place + 0.34, sample.Mean);
        mean.LineColor = color;
        mean.LineWidth = 3;

        // Runs side by side in their order, so that equal scores do not hide one another.
        var dots = plot.Add.ScatterPoints(
            [.. values.Select((_, i) => place + (values.Length == 1 ? 0 : 0.5 * i / (values.Length - 1) - 0.25))],
            values,
            color
        );
        dots.MarkerShape = MarkerShape.FilledCircle;
        dots.MarkerSize = 10;
        dots.MarkerFillColor = color.WithAlpha(0.85);
        dots.MarkerLineColor = Colors.White;
        dots.MarkerLineWidth = 1.5f;
    }

    private static void Decorate(Plot plot, string title, int width, int groups)
    {
        ScorePanels.Decorate(plot, title, width);
        plot.Axes.SetLimitsX(-0.6, groups - 0.4);
        plot.Axes.Bottom.TickGenerator = new NumericManual();
        plot.Axes.Bottom.FrameLineStyle.Width = 0;
        plot.Axes.Bottom.MinimumSize = 24;
        plot.Grid.XAxisStyle.IsVisible = false;
    }

    /// <summary>
    /// Room above and below what is drawn, and ticks within what can be: a score is not above 100, and below 0 only where a
    /// correlation is.
    /// </summary>
    private static void Limit(Plot plot, double least)
    {
        var drawn = plot.GetPlottables().Select(plottable => plottable.GetAxisLimits()).ToList();
        // A single run has no height: a point of per cent gives it one.
        var (bottom, top) = (drawn.Min(limits => limits.Bottom), drawn.Max(limits => limits.Top));
        var margin = Math.Max(0.5, 0.1 * (top - bottom)) * 0.6;
        var (lowest, highest) = (least < 0 ? -100 : 0, 100);
        plot.Axes.SetLimitsY(Math.Max(bottom, lowest) - margin, Math.Min(top, highest) + margin);
        var ticks = new NumericAutomatic();
        ticks.Regenerate(
            new CoordinateRange(Math.Max(bottom - margin, lowest), Math.Min(top + margin, highest)),
            Edge.Left,
            ScorePanels.PanelHeight - 80,
            Paint.NewDisposablePaint(),
            plot.Axes.Left.TickLabelStyle
        );
        plot.Axes.Left.TickGenerator = new NumericManual([
            .. ticks
                .Ticks.Where(tick => tick.IsMajor && tick.Position >= lowest && tick.Position <= highest)
                .Select(tick => new Tick(tick.Position, tick.Position.ToString("0.##", CultureInfo.InvariantCulture))),
        ]);
    }
}
