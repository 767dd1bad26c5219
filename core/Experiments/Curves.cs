using System.Globalization;
using Electra.Files;
using ScottPlot;
using SkiaSharp;

namespace Electra.Experiments;

/// <summary>One plot of a figure.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Series">The names of the numbers it shows. A series that a log does not have is left out, and a panel without any.</param>
/// <param name="IsSmoothed">Whether a smooth line is drawn over the faint numbers themselves.</param>
public sealed record CurvePanel(string Title, IReadOnlyList<string> Series, bool IsSmoothed = true);

/// <summary>Draws the numbers of a run over its steps as one picture.</summary>
public static class Curves
{
    /// <summary>
    /// The beginning of the names of numbers measured on held-out data: <c>held_out/loss</c> is drawn as points in the colour of
    /// <c>loss</c>.
    /// </summary>
    public const string HeldOut = "held_out/";

    private const int Width = 1600, Height = 1200, TitleHeight = 76;

    // Okabe and Ito's colours, which the colour-blind tell apart too (https://jfly.uni-koeln.de/color/), the darkest first.
    private static readonly Color[] Palette =
        [.. new[] { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9" }.Select(hex => Color.FromHex(hex))];

    private static readonly Color Ink = Color.FromHex("#333333");

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
            throw new UserErrorException($"{ProjectPath.Shown(metrics)} holds nothing to draw: none of {string.Join(", ", panels.SelectMany(panel => panel.Series))}");

        using var surface = SKSurface.Create(new SKImageInfo(Width, Height));
        surface.Canvas.Clear(SKColors.White);
        DrawTitle(surface.Canvas, title);
        foreach (var (plot, place) in plots.Zip(Places(plots.Count)))
        {
            plot.Render(surface.Canvas, place);
            plot.Dispose();
        }
        using var image = surface.Snapshot();
        using var png = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        AtomicFile.Write(picture, png.SaveTo);
    }

    private static Plot? Plot(CurvePanel panel, IReadOnlyList<MetricsRow> rows)
    {
        var plot = new Plot();
        var drawn = 0;
        foreach (var (name, color) in panel.Series.Select((name, i) => (name, Palette[i % Palette.Length])))
        {
            var (steps, values) = Points(rows, name);
            var (heldOutSteps, heldOutValues) = Points(rows, HeldOut + name);
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
        Decorate(plot, panel.Title);
        return plot;
    }

    /// <summary>The numbers of a name; those that are none leave a gap.</summary>
    private static (double[] Steps, double[] Values) Points(IReadOnlyList<MetricsRow> rows, string name)
    {
        var points = rows.Where(row => row.Values.TryGetValue(name, out var value) && double.IsFinite(value)).ToList();
        return ([.. points.Select(row => (double)row.Step)], [.. points.Select(row => row.Values[name])]);
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

    /// <summary>The mean over a window around each point, which unlike a running mean does not lag behind; the window shrinks at the ends.</summary>
    internal static double[] Smoothed(IReadOnlyList<double> values, int reach)
    {
        var sums = new double[values.Count + 1];
        for (var i = 0; i < values.Count; i++)
            sums[i + 1] = sums[i] + values[i];
        return [.. Enumerable.Range(0, values.Count).Select(i =>
        {
            var near = Math.Min(reach, Math.Min(i, values.Count - 1 - i));
            return (sums[i + near + 1] - sums[i - near]) / (2 * near + 1);
        })];
    }

    private static void Decorate(Plot plot, string title)
    {
        plot.Title(title, size: 20);
        plot.XLabel("step", size: 15);
        plot.Axes.Title.Label.ForeColor = Ink;
        plot.Axes.Color(Ink);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = StepLabel };
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = ValueLabel };
        plot.Axes.Bottom.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Grid.MajorLineColor = Ink.WithAlpha(0.1);
        plot.Axes.Margins(0.02, 0.06);

        var legend = plot.ShowLegend(Alignment.UpperRight);
        legend.FontSize = 15;
        legend.OutlineWidth = 0;
        legend.ShadowColor = Colors.Transparent;
        legend.BackgroundColor = Colors.White.WithAlpha(0.8);
    }

    private static void DrawTitle(SKCanvas canvas, string title)
    {
        using var font = new SKFont(Fonts.GetTypeface(Fonts.Default, bold: true, italic: false), 30);
        using var paint = new SKPaint { Color = new SKColor(Ink.ARGB), IsAntialias = true };
        canvas.DrawText(title, Width / 2f, 52, SKTextAlign.Center, font, paint);
    }

    private static IEnumerable<PixelRect> Places(int count)
    {
        var rows = (count + 1) / 2;
        var height = (float)(Height - TitleHeight) / rows;
        for (var i = 0; i < count; i++)
        {
            var top = TitleHeight + i / 2 * height;
            var isAlone = i == count - 1 && i % 2 == 0;
            var left = i % 2 * Width / 2f;
            yield return new PixelRect(left, isAlone ? Width : left + Width / 2f, top + height, top);
        }
    }

    private static string Label(string name) => name.Replace('_', ' ');

    private static string StepLabel(double step) => Math.Abs(step) switch
    {
        >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{step / 1e6:0.##}M"),
        >= 1e4 => string.Create(CultureInfo.InvariantCulture, $"{step / 1e3:0.#}k"),
        _ => step.ToString("0.##", CultureInfo.InvariantCulture),
    };

    private static string ValueLabel(double value) =>
        value != 0 && Math.Abs(value) < 1e-2 ? value.ToString("0.##e-0", CultureInfo.InvariantCulture) : value.ToString("0.####", CultureInfo.InvariantCulture);
}
