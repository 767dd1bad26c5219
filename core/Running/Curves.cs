using System.Globalization;
using Electra.Storage;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Electra.Running;

/// <summary>One plot of a figure.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Series">The names of the numbers it shows. A series that a log does not have is left out, and a panel without any.</param>
/// <param name="IsSmoothed">Whether a smooth line is drawn over the faint numbers themselves.</param>
/// <param name="IsLogarithmic">Whether the vertical axis is logarithmic, for series of different sizes; zero and less are left out.</param>
internal sealed record CurvePanel(string Title, IReadOnlyList<string> Series, bool IsSmoothed = true, bool IsLogarithmic = false);

/// <summary>Draws the numbers of a run over its steps as one picture.</summary>
internal static class Curves
{
    /// <summary>
    /// The beginning of the names of numbers measured on held-out data: <c>held_out/loss</c> is drawn as points in the colour of
    /// <c>loss</c>.
    /// </summary>
    public const string HeldOut = "held_out/";

    /// <summary>What the log of a run says of held-out text at a step, by the names of the figures.</summary>
    public static IEnumerable<(string Name, double Value)> HeldOutAt(string run, long step) =>
        from row in MetricsLog.Read(run)
        where row.Step == step
        from figure in row.Values
        where figure.Key.StartsWith(HeldOut, StringComparison.Ordinal)
        select (figure.Key[HeldOut.Length..], figure.Value);

    private const int Width = 1600, Height = 1200, TitleHeight = 76, Columns = 2;

    /// <summary>Draws a log.</summary>
    /// <param name="metrics">The file <c>metrics.jsonl</c>, or the run folder.</param>
    /// <param name="picture">The PNG to write.</param>
    /// <param name="title">Stands above all panels: the run's name.</param>
    /// <param name="panels">The plots, two in a row; the last takes a whole row where it is alone in it.</param>
    /// <exception cref="UserErrorException">There is no such log, it is damaged, or it holds none of the panels' numbers.</exception>
    public static void Draw(string metrics, string picture, string title, params IReadOnlyList<CurvePanel> panels)
    {
        var rows = MetricsLog.Read(metrics);
        var plots = panels.Select(panel => Plot(panel, rows)).OfType<Plot>().ToList();
        if (plots.Count == 0)
            throw new UserErrorException(
                $"{Paths.Shown(metrics)} holds nothing to draw: none of {string.Join(", ", panels.SelectMany(panel => panel.Series))}"
            );

        Figure.Draw(picture, title, new FigureLayout(Width, Height, TitleHeight, Columns), plots);
    }

    private static Plot? Plot(CurvePanel panel, IReadOnlyList<MetricsRow> rows)
    {
        var plot = new Plot();
        var drawn = 0;
        foreach (var (name, color) in panel.Series.Select((name, i) => (name, Figure.ColorOf(i))))
        {
            var (steps, values) = Points(rows, name, panel.IsLogarithmic);
            var (heldOutSteps, heldOutValues) = Points(rows, HeldOut + name, panel.IsLogarithmic);
            if (steps.Length > 0)
                AddLine(plot, steps, values, color, Label(name), panel.IsSmoothed);
            if (heldOutSteps.Length > 0)
                AddMarkers(plot, heldOutSteps, heldOutValues, color, $"{Label(name)}, held out");
            drawn += steps.Length + heldOutSteps.Length;
        }
        if (drawn == 0)
        {
            plot.Dispose();
            return null;
        }
        Decorate(plot, panel);
        return plot;
    }

    /// <summary>The numbers of a name, or their logarithms; what is not finite is left out.</summary>
    private static (double[] Steps, double[] Values) Points(IReadOnlyList<MetricsRow> rows, string name, bool isLogarithmic)
    {
        var points = rows.Where(row => row.Values.ContainsKey(name))
            .Select(row => (row.Step, Value: isLogarithmic ? Math.Log10(row.Values[name]) : row.Values[name]))
            .Where(point => double.IsFinite(point.Value)).ToList();
        return ([.. points.Select(point => (double)point.Step)], [.. points.Select(point => point.Value)]);
    }

    private static void AddLine(Plot plot, double[] steps, double[] values, Color color, string label, bool isSmoothed)
    {
        // Smoothing fewer points than these would only hide them.
        const int FewestToSmooth = 40;
        if (isSmoothed && values.Length >= FewestToSmooth)
        {
            var faint = plot.Add.ScatterLine(steps, values, color.WithAlpha(0.22));
            faint.LineWidth = 1;
            values = Smoothed(values, reach: Math.Max(2, values.Length / 60));
        }
        var line = plot.Add.ScatterLine(steps, values, color);
        line.LineWidth = 2.5f;
        line.LegendText = label;
        if (values.Length == 1)
            line.MarkerStyle = new MarkerStyle(MarkerShape.FilledCircle, 7, color);
    }

    private static void AddMarkers(Plot plot, double[] steps, double[] values, Color color, string label)
    {
        var markers = plot.Add.ScatterPoints(steps, values, color);
        markers.MarkerShape = MarkerShape.FilledCircle;
        markers.MarkerSize = 9;
        markers.MarkerLineColor = Colors.White;
        markers.MarkerLineWidth = 1.5f;
        markers.LegendText = label;
    }

    /// <summary>
    /// At each point the straight line that fits the points within reach best: unlike a running mean it lags behind no slope, and
    /// bends away at neither end.
    /// </summary>
    internal static double[] Smoothed(IReadOnlyList<double> values, int reach)
    {
        // Sums up to each point, so that a window costs the same however wide it is.
        var (sums, moments) = (new double[values.Count + 1], new double[values.Count + 1]);
        for (var i = 0; i < values.Count; i++)
            (sums[i + 1], moments[i + 1]) = (sums[i] + values[i], moments[i] + i * values[i]);

        return [.. Enumerable.Range(0, values.Count).Select(i =>
        {
            var (first, end) = (Math.Max(0, i - reach), Math.Min(values.Count, i + reach + 1));
            double count = end - first, middle = (first + end - 1) / 2.0;
            var (sum, moment) = (sums[end] - sums[first], moments[end] - moments[first]);
            var spread = count * (count * count - 1) / 12;
            var slope = spread == 0 ? 0 : (moment - middle * sum) / spread;
            return sum / count + slope * (i - middle);
        })];
    }

    /// <summary>The looks of a panel over steps.</summary>
    internal static void Decorate(Plot plot, CurvePanel panel)
    {
        plot.Font.Set(Figure.SansSerif);
        plot.Title(panel.Title, size: 20);
        plot.XLabel("step", size: 15);
        plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Color(Figure.Ink);
        plot.Axes.Title.Label.ForeColor = Figure.Ink;
        plot.Axes.Margins(0.02, 0.06);
        plot.Axes.AutoScale();
        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { LabelFormatter = StepLabel };
        plot.Axes.Left.TickGenerator = panel.IsLogarithmic
            ? LogarithmicTicks(plot.Axes.GetLimits())
            : new NumericAutomatic { LabelFormatter = ValueLabel };
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Grid.MajorLineColor = Figure.Ink.WithAlpha(0.1);

        plot.HideLegend();
        if (plot.GetPlottables<ScottPlot.Plottables.Scatter>().Count(scatter => scatter.LegendText != "") == 1)
            return;
        var legend = plot.ShowLegend(Edge.Bottom);
        legend.Legend.Orientation = Orientation.Horizontal;
        legend.Legend.FontName = Figure.SansSerif;
        legend.Legend.FontSize = 14;
        legend.Legend.OutlineWidth = 0;
        legend.Legend.ShadowColor = Colors.Transparent;
    }

    /// <summary>Ticks at 1, 2 and 5 times the powers of ten.</summary>
    private static NumericManual LogarithmicTicks(AxisLimits limits)
    {
        var ticks = new NumericManual();
        for (var power = (int)Math.Floor(limits.Bottom); power <= limits.Top; power++)
            foreach (var factor in new[] { 1, 2, 5 })
                if (Math.Log10(factor) + power is var tick && tick >= limits.Bottom && tick <= limits.Top)
                    ticks.AddMajor(tick, ValueLabel(factor * Math.Pow(10, power)));
        return ticks;
    }

    private static string Label(string name) => name.Replace('_', ' ');

    private static string StepLabel(double step) => Math.Abs(step) switch
    {
        >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{step / 1e6:0.##}M"),
        >= 1e4 => string.Create(CultureInfo.InvariantCulture, $"{step / 1e3:0.#}k"),
        _ => step.ToString("0.##", CultureInfo.InvariantCulture),
    };

    private static string ValueLabel(double value) =>
        value != 0 && Math.Abs(value) < 1e-2
            ? value.ToString("0.##e-0", CultureInfo.InvariantCulture)
            : value.ToString("0.####", CultureInfo.InvariantCulture);
}
