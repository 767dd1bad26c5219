using Electra.Running;
using ScottPlot;
using SkiaSharp;

namespace Electra.Statistics;

/// <summary>What a colour stands for in a picture of scores.</summary>
/// <param name="Text">Its name.</param>
/// <param name="Color">The colour.</param>
/// <param name="IsDashed">Whether it is a dashed line without dots.</param>
internal readonly record struct LegendEntry(string Text, Color Color, bool IsDashed);

/// <summary>A picture of scores: a panel for each task, and one legend for all below the title.</summary>
internal static class ScorePanels
{
    /// <summary>The height of a panel in pixels.</summary>
    public const int PanelHeight = 380;

    private const int PanelWidth = 420, LegendRow = 30, FewestWidth = 1000, TitleSize = 20, Margin = 80;
    private const float Mark = 34, Gap = 34;

    /// <summary>Draws a picture.</summary>
    /// <param name="picture">The PNG to write.</param>
    /// <param name="title">Its title.</param>
    /// <param name="entries">The legend.</param>
    /// <param name="count">How many panels there are.</param>
    /// <param name="panels">Makes them, of a width.</param>
    public static void Draw(
        string picture,
        string title,
        IReadOnlyList<LegendEntry> entries,
        int count,
        Func<int, IReadOnlyList<Plot>> panels
    )
    {
        using var font = new SKFont(Fonts.GetTypeface(Figure.SansSerif, bold: false, italic: false), 17);
        int columns = Math.Min(4, count), rows = (count + columns - 1) / columns;
        // The longest entry has room.
        int width = Math.Max(Math.Max(FewestWidth, columns * PanelWidth), (int)entries.Max(entry => Width(font, entry)) + Margin);
        var lines = Lines(font, entries, width);
        int titleHeight = 84 + lines.Count * LegendRow;
        Figure.Draw(
            picture,
            title,
            new FigureLayout(width, titleHeight + rows * PanelHeight, titleHeight, columns),
            panels(width / columns),
            canvas => DrawLegend(canvas, font, lines, width)
        );
    }

    /// <summary>The looks of a panel.</summary>
    public static void Decorate(Plot plot, string title, int width)
    {
        plot.Font.Set(Figure.SansSerif);
        using (var font = new SKFont(Fonts.GetTypeface(Figure.SansSerif, bold: true, italic: false), TitleSize))
            plot.Title(title, size: Figure.Fitting(font, title, width - 30));
        plot.Axes.Color(Figure.Ink);
        plot.Axes.Title.Label.ForeColor = Figure.Ink;
        plot.Axes.Left.TickLabelStyle.FontSize = 14;
        plot.Axes.Left.MinorTickStyle.Length = 0;
        plot.Axes.Right.FrameLineStyle.Width = 0;
        plot.Axes.Top.FrameLineStyle.Width = 0;
        plot.Grid.MajorLineColor = Figure.Ink.WithAlpha(0.1);
        plot.HideLegend();
    }

    private static List<List<LegendEntry>> Lines(SKFont font, IReadOnlyList<LegendEntry> entries, int width)
    {
        var lines = new List<List<LegendEntry>> { new() };
        var used = 0f;
        foreach (var entry in entries)
        {
            if (used + Width(font, entry) > width - Margin && lines[^1].Count > 0)
            {
                lines.Add([]);
                used = 0;
            }
            lines[^1].Add(entry);
            used += Width(font, entry);
        }
        return lines;
    }

    private static void DrawLegend(SKCanvas canvas, SKFont font, List<List<LegendEntry>> lines, int width)
    {
        foreach (var (row, line) in lines.Index())
        {
            var y = 92f + row * LegendRow;
            var x = (width - line.Sum(entry => Width(font, entry)) + Gap) / 2;
            foreach (var entry in line)
            {
                using var paint = new SKPaint
                {
                    Color = new SKColor(entry.Color.ARGB),
                    IsAntialias = true,
                    StrokeWidth = entry.IsDashed ? 2 : 3,
                };
                using var dash = entry.IsDashed ? SKPathEffect.CreateDash([7, 5], 0) : null;
                paint.PathEffect = dash;
                canvas.DrawLine(x, y, x + Mark - 10, y, paint);
                if (!entry.IsDashed)
                    canvas.DrawCircle(x + (Mark - 10) / 2, y, 5.5f, paint);
                using var ink = new SKPaint { Color = new SKColor(Figure.Ink.ARGB), IsAntialias = true };
                canvas.DrawText(entry.Text, x + Mark, y + 6, SKTextAlign.Left, font, ink);
                x += Width(font, entry);
            }
        }
    }

    private static float Width(SKFont font, LegendEntry entry) => Mark + font.MeasureText(entry.Text) + Gap;
}
