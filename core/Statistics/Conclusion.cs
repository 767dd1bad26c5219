using Electra.Statistics.Inference;
using Electra.Tensors;

namespace Electra.Statistics;

/// <summary>The second group against the first on one task, over seeds of pre-training where there are several, else over runs.</summary>
/// <param name="Task">The task.</param>
/// <param name="Units">What the conclusion is drawn over.</param>
/// <param name="Test">Student's t test of the units' means, in points.</param>
/// <param name="Exact">The exact test of the same: sign flips where paired, else permutations.</param>
/// <param name="EpsilonMin">ε_min of almost stochastic order: the second above the first, and the first above the second.</param>
/// <param name="Examples">What the development examples add.</param>
/// <param name="WhyNoExamples">Why they add nothing, as a sentence's end; else null.</param>
internal sealed record Conclusion(
    string Task,
    ConclusionUnits Units,
    Comparison Test,
    ExactTest Exact,
    (double Second, double First) EpsilonMin,
    ExampleBootstrap? Examples,
    string? WhyNoExamples
)
{
    /// <summary>The fewest units on a side.</summary>
    public int Fewest => Math.Min(Units.First.Count, Units.Second.Count);

    /// <summary>The second minus the first, in points.</summary>
    public double Difference => Test.Difference;

    /// <summary>The 95% interval of the difference, in points: of units and examples, or of units alone. A single unit has none.</summary>
    public Interval? Interval =>
        Fewest < 2 ? null
        : Examples is { } examples ? examples.Interval
        : Test.Confidence95;

    /// <summary>The two-sided p value that goes with the interval.</summary>
    public double? P => Fewest < 2 ? null : Examples?.Both.TwoSidedP ?? Test.P;

    /// <summary>The difference in standard deviations, of the pairs' differences or of the units.</summary>
    public double? EffectSize =>
        Test.T is not { } t ? null
        : Units.IsPaired ? t / Math.Sqrt(Fewest)
        : Test.CohenD;

    /// <summary>Units on each side that would show this difference in 80% of experiments.</summary>
    public double? Needed =>
        EffectSize is { } d && Math.Abs(d) > 1e-6 ? StatisticalPower.SeedsFor(Math.Abs(d), Units.IsPaired) : null;

    /// <summary>The difference in points that these units would show in 80% of experiments.</summary>
    public double? Detectable =>
        EffectSize is { } d && Fewest > 1 && Math.Abs(d) > 1e-9
            ? StatisticalPower.DetectableBy(Fewest, Units.IsPaired) * Math.Abs(Difference / d)
            : null;

    /// <summary>Draws the conclusion.</summary>
    /// <param name="first">The first group's scores on the task.</param>
    /// <param name="second">The second group's.</param>
    /// <param name="task">The task.</param>
    /// <param name="config">The test, the number of resamples, their seed.</param>
    /// <param name="comparisons">How many conclusions are drawn together.</param>
    /// <exception cref="UserErrorException">A paired test has nothing to pair, or the runs were measured on other examples.</exception>
    public static Conclusion Of(
        string task,
        IReadOnlyList<Score> first,
        IReadOnlyList<Score> second,
        StatisticsConfig config,
        int comparisons = 1
    )
    {
        var units = ConclusionUnits.Of(first, second, config.Test);
        double[] a = [.. units.First.Select(unit => unit.Mean)], b = [.. units.Second.Select(unit => unit.Mean)];
        var key = RandomKey.FromSeed(config.Seed);
        var examples = ExampleBootstrap.Of(task, units, config, out var why);
        return new Conclusion(
            task,
            units,
            Comparison.Of(first, second, config.Test),
            units.IsPaired ? ExactTests.SignFlip([.. a.Zip(b, (x, y) => y - x)]) : ExactTests.Permutation(a, b),
            (StochasticOrder.EpsilonMin(b, a, key[2], comparisons), StochasticOrder.EpsilonMin(a, b, key[3], comparisons)),
            examples,
            why
        );
    }
}
