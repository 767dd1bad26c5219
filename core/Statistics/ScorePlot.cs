using System.Globalization;
using Electra.Running;
using Electra.Statistics.Inference;
using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace Electra.Statistics;

/// <summary>
/// Draws scores: a panel for each task, every run a dot, the mean with its 95% interval, and the published value as a line.
/// </summary>
internal static class ScorePlot
{
    private const int PanelWidth = 420, PanelHeight = 380, LegendRow = 30, FewestWidth = 1000, TitleSize = 20;

    /// <summary>Draws all scores.</summary>
    /// <param name="scores">The scores.</param>
    /// <param name="picture">The PNG to write.</param>
    public static void Draw(ScoreSet scores, string picture)
    {
        var columns = Math.Min(4, scores.Tasks.Count);
        var rows = (scores.Tasks.Count + columns - 1) / columns;
        var width = Math.Max(Math.Max(FewestWidth, columns * PanelWidth), Legend.FewestWidth(scores));
        var legend = Legend.Of(scores, width);
        var titleHeight = 84 + legend.Rows * LegendRow;
        Figure.Draw(
            picture,
            "Scores on the development sets: every run, their mean, its 95% interval",
            new FigureLayout(width, titleHeight + rows * PanelHeight, titleHeight, columns),
            [.. scores.Tasks.Select(task => Panel(scores, task, width / columns))],
            legend.Draw
        );
    }

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
        plot.Font.Set(Figure.SansSerif);
        using (var font = new SKFont(Fonts.GetTypeface(Figure.SansSerif, bold: true, italic: false), TitleSize))
            plot.Title(title, size: Figure.Fitting(font, title, width - 30));
        plot.Axes.Color(Figure.Ink);
        plot.Axes.Title.Label.ForeColor = Figure.Ink;
        plot.Axes.SetLimitsX(-0.6, groups - 0.4);
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.MinorTickStyle.Length = 0;
        plot.Axes.Bottom.TickGenerator = new NumericManual();
        plot.Axes.Bottom.FrameLineStyle.Width = 0;
        plot.Axes.Bottom.MinimumSize = 24;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Grid.XAxisStyle.IsVisible = false;
        plot.Grid.MajorLineColor = Figure.Ink.WithAlpha(0.1);
        plot.HideLegend();
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
            PanelHeight - 80,
            Paint.NewDisposablePaint(),
            plot.Axes.Left.TickLabelStyle
        );
        plot.Axes.Left.TickGenerator = new NumericManual([
            .. ticks
                .Ticks.Where(tick => tick.IsMajor && tick.Position >= lowest && tick.Position <= highest)
                .Select(tick => new Tick(tick.Position, tick.Position.ToString("0.##", CultureInfo.InvariantCulture))),
        ]);
    }

    /// <summary>One legend for all panels, below the title.</summary>
    private sealed record Legend(IReadOnlyList<IReadOnlyList<(string Text, Color Color, bool IsDashed)>> Lines, int Width)
    {
        private const float Mark = 34, Gap = 34;
        private const int Margin = 80;

        public int Rows => Lines.Count;

        /// <summary>The width in which the longest entry has room.</summary>
        public static int FewestWidth(ScoreSet scores)
        {
            using var font = Font();
            return (int)Entries(scores).Max(entry => Mark + font.MeasureText(entry.Text) + Gap) + Margin;
        }

        public static Legend Of(ScoreSet scores, int width)
        {
            using var font = Font();
            var entries = Entries(scores);
            var lines = new List<List<(string, Color, bool)>> { new() };
            var used = 0f;
            foreach (var entry in entries)
            {
                var needed = Mark + font.MeasureText(entry.Text) + Gap;
                if (used + needed > width - Margin && lines[^1].Count > 0)
                {
                    lines.Add([]);
                    used = 0;
                }
                lines[^1].Add(entry);
                used += needed;
            }
            return new Legend(lines, width);
        }

        public void Draw(SKCanvas canvas)
        {
            using var font = Font();
            foreach (var (row, line) in Lines.Index())
            {
                var y = 92f + row * LegendRow;
                var x = (Width - line.Sum(entry => Mark + font.MeasureText(entry.Text) + Gap) + Gap) / 2;
                foreach (var (text, color, isDashed) in line)
                {
                    using var paint = new SKPaint { Color = new SKColor(color.ARGB), IsAntialias = true, StrokeWidth = isDashed ? 2 : 3 };
                    using var dash = isDashed ? SKPathEffect.CreateDash([7, 5], 0) : null;
                    paint.PathEffect = dash;
                    canvas.DrawLine(x, y, x + Mark - 10, y, paint);
                    if (!isDashed)
                        canvas.DrawCircle(x + (Mark - 10) / 2, y, 5.5f, paint);
                    using var ink = new SKPaint { Color = new SKColor(Figure.Ink.ARGB), IsAntialias = true };
                    canvas.DrawText(text, x + Mark, y + 6, SKTextAlign.Left, font, ink);
                    x += Mark + font.MeasureText(text) + Gap;
                }
            }
        }

        private static List<(string Text, Color Color, bool IsDashed)> Entries(ScoreSet scores)
        {
            var entries = scores.Groups.Select((group, i) => (group, Figure.ColorOf(i), false)).ToList();
            if (scores.Tasks.Any(task => Published.Mean(task) is not null))
                entries.Add(("published: electra_pytorch's ELECTRA-Small-OWT, mean of 10 runs", Figure.Ink, true));
            return entries;
        }

        private static SKFont Font() => new(Fonts.GetTypeface(Figure.SansSerif, bold: false, italic: false), 17);
    }
}
