using Electra.Running;
using SkiaSharp;

namespace Electra.Tests.Running;

public sealed class CurvesTests
{
    private static readonly CurvePanel[] Panels =
    [
        new("loss", ["generator_loss", "discriminator_loss", "loss"], IsLogarithmic: true),
        new("accuracy", ["masked_token_accuracy", "replaced_token_auc", "replaced_token_precision", "replaced_token_recall"]),
        new("learning rate", ["learning_rate"], IsSmoothed: false),
    ];

    [Fact]
    public void A_run_is_drawn_as_a_picture_with_lines_and_points_of_their_colours()
    {
        using var folder = TestData.Temporary();
        WriteRun(folder.Path);

        Curves.Draw(folder.Path, folder.File("curves.png"), "small_36", Panels);

        using var picture = SKBitmap.Decode(folder.File("curves.png"));
        Assert.Equal((1600, 1200), (picture.Width, picture.Height));
        var colors = picture.Pixels.GroupBy(p => p).ToDictionary(p => p.Key, p => p.Count());
        // Three panels begin with the first colour; the second appears in two, as line and as held-out points.
        Assert.InRange(colors[SKColor.Parse("#0072B2")], 2000, 100_000);
        Assert.InRange(colors[SKColor.Parse("#D55E00")], 1000, 100_000);
        // There is text: the title's ink in the strip above the panels.
        Assert.Contains(SKColor.Parse("#333333"), Enumerable.Range(0, 1600 * 70).Select(i => picture.GetPixel(i % 1600, i / 1600)));
    }

    [Fact]
    public void A_log_without_any_of_the_numbers_is_an_error()
    {
        using var folder = TestData.Temporary();
        using (var log = MetricsLog.Open(folder.Path))
            log.Write(1, ("loss", double.NaN));

        Assert.Contains(
            "holds nothing to draw: none of loss, accuracy",
            Assert
                .Throws<UserErrorException>(() =>
                    Curves.Draw(folder.Path, folder.File("c.png"), "x", new CurvePanel("a", ["loss", "accuracy"]))
                )
                .Message
        );
        Assert.False(File.Exists(folder.File("c.png")));
    }

    [Fact]
    public void Smoothing_keeps_a_straight_line_straight_to_its_ends()
    {
        double[] line = [.. Enumerable.Range(0, 20).Select(i => 3.0 * i + 1)];
        Assert.All(Curves.Smoothed(line, 4).Zip(line), pair => Assert.Equal(pair.Second, pair.First, 1e-9));
        Assert.Equal([3, 3, 3], Curves.Smoothed([0, 0, 9, 0, 0], 1)[1..4], (a, b) => Math.Abs(a - b) < 1e-12);
    }

    private static void WriteRun(string folder)
    {
        var random = new Random(1);
        double Noise(double size) => size * (random.NextDouble() + random.NextDouble() - 1);
        using var log = MetricsLog.Open(folder);
        for (var step = 100; step <= 100_000; step += 100)
        {
            var done = 1 - Math.Exp(-step / 12_000.0);
            var generator = 9.8 - 7.2 * done + Noise(0.35);
            var discriminator = 0.42 - 0.2 * done + Noise(0.02);
            log.Write(step, ("generator_loss", generator), ("discriminator_loss", discriminator), ("loss", generator + 50 * discriminator),
                ("masked_token_accuracy", 0.55 * done + Noise(0.03)), ("replaced_token_auc", 0.5 + 0.42 * done + Noise(0.02)),
                ("replaced_token_precision", 0.3 + 0.5 * done + Noise(0.04)), ("replaced_token_recall", 0.6 * done + Noise(0.04)),
                ("learning_rate", 5e-4 * Math.Min(step / 10_000.0, 1 - step / 100_000.0)));
            if (step % 10_000 == 0)
                log.Write(
                    step,
                    ("held_out/generator_loss", 9.9 - 7.1 * done),
                    ("held_out/discriminator_loss", 0.43 - 0.2 * done),
                    ("held_out/replaced_token_auc", 0.49 + 0.42 * done)
                );
        }
    }
}
