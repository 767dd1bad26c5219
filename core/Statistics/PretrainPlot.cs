using Electra.Running;
using Electra.Statistics.Inference;
using ScottPlot;

namespace Electra.Statistics;

/// <summary>
/// Draws the held-out figures of pre-training runs over updates: each seed a thin line, each group's mean a thick one in a band of one
/// standard deviation.
/// </summary>
internal static class PretrainPlot
{
    private const int Width = 1600, Height = 1200, TitleHeight = 76, Columns = 2;

    /// <summary>The figures that are drawn, where runs have them.</summary>
    private static readonly (string Name, string Title)[] Figures =
    [
        ("auc", "Replaced-token AUC (dashed: the token alone)"),
        ("masked_accuracy", "Masked-token accuracy"),
        ("discriminator_loss", "Discriminator loss"),
        ("generator_loss", "Generator loss"),
    ];

    /// <summary>Draws all runs.</summary>
    /// <param name="set">The runs.</param>
    /// <param name="picture">The PNG to write; an older one goes where there is nothing to draw.</param>
    /// <returns>Whether there was something to draw.</returns>
    public static bool Draw(PretrainSet set, string picture)
    {
        var plots = Figures.Select(figure => Plot(set, figure.Name, figure.Title)).OfType<Plot>().ToList();
        if (plots.Count == 0)
        {
            File.Delete(picture);
            return false;
        }
        Figure.Draw(
            picture,
            "On held-out text in training: every seed, the mean of each group and one standard deviation",
            new FigureLayout(Width, Height, TitleHeight, Columns),
            plots
        );
        return true;
    }

    private static Plot? Plot(PretrainSet set, string figure, string title)
    {
        var plot = new Plot();
        var drawn = false;
        foreach (var (i, group) in set.Groups.Index())
        {
            var runs = set.Of(group);
            var label = $"{group}, {Plural.Of(runs.Count, "seed")}";
            drawn |= AddGroup(plot, [.. runs.Select(run => Points(run, figure))], Figure.ColorOf(i), label);
            if (figure == "auc")
                AddTokenAlone(plot, Mean([.. runs.Select(run => Points(run, "token_auc"))]), Figure.ColorOf(i));
        }
        if (!drawn)
        {
            plot.Dispose();
            return null;
        }
        // Curves are of training, whatever the runs were measured with afterwards.
        bool isOwnText =
            FigureStyle.OfPretraining(figure).MeasuredBy != MeasuredBy.Itself
            && set.Runs.Select(run => run.Settings.GetValueOrDefault("objective.masking.probability")).Distinct().Count() > 1;
        Curves.Decorate(plot, new CurvePanel(isOwnText ? $"{title}; each group by its own share of masks" : title, [figure]));
        return plot;
    }

    private static bool AddGroup(Plot plot, IReadOnlyList<SortedDictionary<long, double>> runs, Color color, string label)
    {
        var mean = Mean(runs);
        if (mean.Count == 0)
            return false;
        double[] steps = [.. mean.Select(point => (double)point.Step)];
        if (mean.All(point => point.Sample.StandardDeviation is not null))
        {
            var band = plot.Add.FillY(
                steps,
                [.. mean.Select(point => point.Sample.Mean - point.Sample.StandardDeviation!.Value)],
                [.. mean.Select(point => point.Sample.Mean + point.Sample.StandardDeviation!.Value)]
            );
            band.FillColor = color.WithAlpha(0.16);
            band.LineWidth = 0;
        }
        foreach (var run in runs.Where(run => run.Count > 0))
        {
            double[] ownSteps = [.. run.Keys.Select(step => (double)step)], values = [.. run.Values];
            var thin = plot.Add.ScatterLine(ownSteps, values, color.WithAlpha(0.4));
            thin.LineWidth = 1;
        }
        double[] means = [.. mean.Select(point => point.Sample.Mean)];
        var line = plot.Add.ScatterLine(steps, means, color);
        line.LineWidth = 3;
        line.LegendText = label;
        return true;
    }

    private static void AddTokenAlone(Plot plot, List<(long Step, Sample Sample)> mean, Color color)
    {
        if (mean.Count == 0)
            return;
        double[] steps = [.. mean.Select(point => (double)point.Step)], means = [.. mean.Select(point => point.Sample.Mean)];
        var line = plot.Add.ScatterLine(steps, means, color);
        line.LineWidth = 1.5f;
        line.LinePattern = LinePattern.Dashed;
    }

    /// <summary>At each step that all seeds were measured at.</summary>
    private static List<(long Step, Sample Sample)> Mean(IReadOnlyList<SortedDictionary<long, double>> runs)
    {
        var measured = runs.Where(run => run.Count > 0).ToList();
        return measured.Count == 0
            ? []
            :
            [
                .. measured[0]
                    .Keys.Where(step => measured.All(run => run.ContainsKey(step)))
                    .Select(step => (step, Sample.Of([.. measured.Select(run => run[step])]))),
            ];
    }

    private static SortedDictionary<long, double> Points(PretrainRun run, string figure)
    {
        var points = new SortedDictionary<long, double>();
        foreach (var row in run.Curve)
            if (row.Values.TryGetValue(Curves.HeldOut + figure, out double value) && double.IsFinite(value))
                points[row.Step] = value;
        return points;
    }
}
