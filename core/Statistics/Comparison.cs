using Electra.Statistics.Inference;
using MathNet.Numerics.Distributions;

namespace Electra.Statistics;

/// <summary>The second of two groups against the first, on one task.</summary>
/// <param name="Test">The test: paired or Welch's.</param>
/// <param name="First">The first group's scores.</param>
/// <param name="Second">The second group's scores.</param>
/// <param name="Difference">Mean of the second minus mean of the first.</param>
/// <param name="Confidence95">The 95% confidence interval of the difference; null where the test cannot be done.</param>
/// <param name="T">Student's t; null where the test cannot be done: a single run, or no spread at all.</param>
/// <param name="DegreesOfFreedom">Its degrees of freedom.</param>
/// <param name="P">The two-sided p value.</param>
/// <param name="CohenD">The difference in pooled standard deviations. For paired runs too, so that the sizes of all tasks mean the
/// same.</param>
/// <param name="HedgesG">Cohen's d, corrected for its bias in small samples.</param>
internal sealed record Comparison(
    ComparisonTest Test, Sample First, Sample Second, double Difference,
    Interval? Confidence95, double? T, double? DegreesOfFreedom, double? P, double? CohenD, double? HedgesG)
{
    /// <summary>Compares runs, or the means of their seeds of pre-training where there are several.</summary>
    /// <param name="first">The first group's scores on a task.</param>
    /// <param name="second">The second group's scores on the same task.</param>
    /// <param name="test">The test; <see cref="ComparisonTest.Auto"/> chooses.</param>
    /// <exception cref="UserErrorException">A paired test is asked for, and the groups have no run or seed in common.</exception>
    public static Comparison Of(IReadOnlyList<Score> first, IReadOnlyList<Score> second, ComparisonTest test = ComparisonTest.Auto)
    {
        var units = ConclusionUnits.Of(first, second, test);
        double[] a = [.. units.First.Select(unit => unit.Mean)], b = [.. units.Second.Select(unit => unit.Mean)];
        return units.IsPaired ? Paired(a, b) : Welch(a, b);
    }

    /// <summary>Student's t test of the differences between pairs.</summary>
    public static Comparison Paired(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var differences = Sample.Of([.. first.Zip(second, (a, b) => b - a)]);
        var error = differences.StandardDeviation / Math.Sqrt(differences.Count);
        return Tested(ComparisonTest.Paired, Sample.Of([.. first]), Sample.Of([.. second]), differences.Mean, error, differences.Count - 1);
    }

    /// <summary>Welch's t test, its degrees of freedom by Welch and Satterthwaite.</summary>
    public static Comparison Welch(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var (a, b) = (Sample.Of([.. first]), Sample.Of([.. second]));
        var (errorA, errorB) = (a.StandardDeviation * a.StandardDeviation / a.Count, b.StandardDeviation * b.StandardDeviation / b.Count);
        var freedom = (errorA + errorB) * (errorA + errorB) / (errorA * errorA / (a.Count - 1) + errorB * errorB / (b.Count - 1));
        return Tested(ComparisonTest.Welch, a, b, b.Mean - a.Mean, errorA + errorB is { } square ? Math.Sqrt(square) : null, freedom);
    }

    /// <summary>
    /// Holm's correction of several p values (Holm 1979): with it, the chance that any of them is below 5% where there is no
    /// difference at all is at most 5%.
    /// </summary>
    /// <returns>The corrected values, in the order given; what is null stays null.</returns>
    public static IReadOnlyList<double?> Holm(IReadOnlyList<double?> values)
    {
        var corrected = new double?[values.Count];
        var ordered = values.Index().Where(value => value.Item is not null).OrderBy(value => value.Item).ToList();
        var most = 0.0;
        foreach (var (rank, (index, value)) in ordered.Index())
            corrected[index] = most = Math.Max(most, Math.Min(1, (ordered.Count - rank) * value!.Value));
        return corrected;
    }

    private static Comparison Tested(
        ComparisonTest test,
        Sample first,
        Sample second,
        double difference,
        double? standardError,
        double? freedom
    )
    {
        var (d, g) = EffectSize(first, second);
        // Numbers that are all the same differ in their last bits: that is not a spread.
        if (
            standardError is not { } error
            || freedom is not { } df
            || error <= 1e-12 * Math.Max(Math.Abs(first.Mean), Math.Abs(second.Mean))
        )
            return new Comparison(test, first, second, difference, null, null, null, null, d, g);
        var t = difference / error;
        return new Comparison(
            test,
            first,
            second,
            difference,
            Sample.Around(difference, error, df),
            t,
            df,
            2 * StudentT.CDF(0, 1, df, -Math.Abs(t)),
            d,
            g
        );
    }

    /// <summary>
    /// Cohen's d and Hedges' g, the latter with the usual approximation of the correction, 1 − 3 / (4·df − 1) (Hedges 1981).
    /// </summary>
    private static (double? D, double? G) EffectSize(Sample first, Sample second)
    {
        var freedom = first.Count + second.Count - 2;
        if (freedom < 2)
            return (null, null);
        double Squares(Sample sample) => (sample.Count - 1) * (sample.StandardDeviation * sample.StandardDeviation ?? 0);
        var pooled = Math.Sqrt((Squares(first) + Squares(second)) / freedom);
        if (pooled <= 1e-12 * Math.Max(Math.Abs(first.Mean), Math.Abs(second.Mean)))
            return (null, null);
        var d = (second.Mean - first.Mean) / pooled;
        return (d, d * (1 - 3.0 / (4 * freedom - 1)));
    }
}
