using Electra.Storage;
using ScottPlot;
using SkiaSharp;

namespace Electra.Running;

/// <summary>How a picture is divided, in pixels.</summary>
/// <param name="Width">The width of the picture.</param>
/// <param name="Height">Its height.</param>
/// <param name="TitleHeight">The height of the strip above the plots.</param>
/// <param name="Columns">Plots in a row. The last plot takes a whole row where it is alone in it and the figure has two columns.</param>
internal readonly record struct FigureLayout(int Width, int Height, int TitleHeight, int Columns);

/// <summary>Several plots as one picture, and the looks that all pictures of the kit share.</summary>
internal static class Figure
{
    // Okabe and Ito's colours, which the colour-blind tell apart too (https://jfly.uni-koeln.de/color/), the darkest first.
    private static readonly Color[] Palette =
        [.. new[] { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9" }.Select(hex => Color.FromHex(hex))];

    /// <summary>The colour of text and axes.</summary>
    public static readonly Color Ink = Color.FromHex("#333333");

    // Skia's default on Linux may have serifs, which read badly at this size.
    public static readonly string SansSerif =
        new[] { "Segoe UI", "Helvetica Neue", "Inter", "Noto Sans", "Open Sans", "DejaVu Sans", "Liberation Sans", "Arial" }
            .FirstOrDefault(SKFontManager.Default.FontFamilies.Contains, Fonts.Default);

    /// <summary>The colour of the i-th series; they come round again.</summary>
    public static Color ColorOf(int index) => Palette[index % Palette.Length];

    /// <summary>Draws plots, and disposes of them.</summary>
    /// <param name="picture">The PNG to write.</param>
    /// <param name="title">Stands above all plots.</param>
    /// <param name="layout">The size, and how it is divided.</param>
    /// <param name="plots">The plots, row by row.</param>
    /// <param name="drawLegend">Draws into the strip of the title, below it.</param>
    public static void Draw(
        string picture,
        string title,
        FigureLayout layout,
        IReadOnlyList<Plot> plots,
        Action<SKCanvas>? drawLegend = null
    )
    {
        using var surface = SKSurface.Create(new SKImageInfo(layout.Width, layout.Height));
        surface.Canvas.Clear(SKColors.White);
        using (var font = new SKFont(Fonts.GetTypeface(SansSerif, bold: true, italic: false), 30))
        using (var paint = new SKPaint { Color = new SKColor(Ink.ARGB), IsAntialias = true })
        {
            font.Size = Fitting(font, title, layout.Width - 40);
            surface.Canvas.DrawText(title, layout.Width / 2f, 52, SKTextAlign.Center, font, paint);
        }
        drawLegend?.Invoke(surface.Canvas);

        foreach (var (plot, place) in plots.Zip(Places(layout, plots.Count)))
        {
            // A plot clears all that it may draw on.
            surface.Canvas.Save();
            surface.Canvas.ClipRect(place.ToSKRect());
            plot.Render(surface.Canvas, place);
            surface.Canvas.Restore();
            plot.Dispose();
        }
        using var image = surface.Snapshot();
        using var png = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        AtomicFile.Write(picture, png.SaveTo);
    }

    /// <summary>The font's size, or the smaller one in which a text fits into a width.</summary>
    public static float Fitting(SKFont font, string text, float width) => font.Size * Math.Min(1, width / font.MeasureText(text));

    private static IEnumerable<PixelRect> Places(FigureLayout layout, int count)
    {
        var height = (float)(layout.Height - layout.TitleHeight) / ((count + layout.Columns - 1) / layout.Columns);
        var width = (float)layout.Width / layout.Columns;
        for (var i = 0; i < count; i++)
        {
            var (top, left) = (layout.TitleHeight + i / layout.Columns * height, i % layout.Columns * width);
            var takesRow = layout.Columns == 2 && i == count - 1 && i % 2 == 0;
            yield return new PixelRect(left, takesRow ? layout.Width : left + width, top + height, top);
        }
    }
}
