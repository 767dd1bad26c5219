using Electra.Data.Tasks;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>The Multi-Bootstrap of two groups on a task, and what it would be were one source of chance fixed. Differences are
/// fractions.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Count">The development examples.</param>
/// <param name="Both">Units and examples are drawn.</param>
/// <param name="UnitsOnly">Only seeds or runs are drawn.</param>
/// <param name="ExamplesOnly">Only examples are drawn.</param>
internal sealed record ExampleBootstrap(
    string Metric,
    int Count,
    MultiBootstrap Both,
    MultiBootstrap UnitsOnly,
    MultiBootstrap ExamplesOnly
)
{
    /// <summary>How far a score from the predictions may be from the run's own, in points.</summary>
    private const double Rounding = 0.01;

    /// <summary>The 95% interval of the difference, in points.</summary>
    public Interval Interval => InPoints(Both.DifferenceInterval);

    /// <summary>An interval of fractions in points.</summary>
    public static Interval InPoints(Interval interval) => new(100 * interval.Low, 100 * interval.High);

    /// <summary>Draws by the metric that tables show.</summary>
    /// <param name="task">The task.</param>
    /// <param name="units">What is drawn beside the examples.</param>
    /// <param name="config">The number of resamples and their seed.</param>
    /// <param name="why">Why there is nothing to draw from, as a sentence's end; else null.</param>
    public static ExampleBootstrap? Of(string task, ConclusionUnits units, StatisticsConfig config, out string? why)
    {
        if (Matrix(units, out why) is not { } dev)
            return null;
        var runs = Runs(units).ToList();
        string metric = GlueTasks.Find(task)?.ReportedMetric ?? runs[0].Metric ?? (dev.IsRegression ? Metrics.Spearman : Metrics.Accuracy);
        if (!dev.Metrics.Contains(metric))
        {
            why = $"{metric} is not computed from predictions";
            return null;
        }
        var drawn = Of(metric, dev, units, config);
        double[] own = new double[runs.Count];
        ResampledMetric.Of(metric, dev.Labels, dev.Predictions).Score([.. dev.Labels.Select(_ => 1)], own);
        foreach (var (run, score) in runs.Zip(own))
            if (!(Math.Abs(100 * score - run.Value) <= Rounding))
            {
                why = $"the predictions of run {run.Run} of {run.Group} give {100 * score:F2}, and its result says {run.Value:F2}";
                return null;
            }
        return drawn;
    }

    /// <summary>Draws by every metric of the task.</summary>
    public static IEnumerable<ExampleBootstrap> All(ConclusionUnits units, StatisticsConfig config) =>
        Matrix(units, out _) is { } dev ? dev.Metrics.Select(metric => Of(metric, dev, units, config)) : [];

    private static DevMatrix? Matrix(ConclusionUnits units, out string? why) => DevMatrix.Read([.. Runs(units)], out why);

    private static IEnumerable<Score> Runs(ConclusionUnits units) => units.First.Concat(units.Second).SelectMany(unit => unit.Runs);

    private static ExampleBootstrap Of(string name, DevMatrix dev, ConclusionUnits units, StatisticsConfig config)
    {
        var metric = ResampledMetric.Of(name, dev.Labels, dev.Predictions);
        int place = 0;
        List<int[]> Places(IReadOnlyList<SeedRuns> side) => [.. side.Select(unit => unit.Runs.Select(_ => place++).ToArray())];
        var (first, second) = (Places(units.First), Places(units.Second));
        MultiBootstrap Draw(bool seeds, bool examples) =>
            MultiBootstrap.Of(metric, first, second, new(units.IsPaired, seeds, examples, config.Resamples, config.Seed));
        return new ExampleBootstrap(name, metric.Examples, Draw(true, true), Draw(true, false), Draw(false, true));
    }
}
