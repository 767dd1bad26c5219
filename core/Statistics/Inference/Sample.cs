using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Electra.Statistics.Inference;

/// <summary>A range of numbers.</summary>
internal readonly record struct Interval(double Low, double High);

/// <summary>Several numbers, described.</summary>
/// <param name="Count">How many there are, n.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="StandardDeviation">The standard deviation of what they were drawn from, with n − 1; null for a single number.</param>
/// <param name="Maximum">The largest.</param>
/// <param name="Minimum">The smallest.</param>
/// <param name="Median">The middle one, or the mean of the two in the middle.</param>
/// <param name="Confidence95">The 95% confidence interval of the mean by Student's t with n − 1 degrees of freedom; null for a single
/// number.</param>
internal sealed record Sample(
    int Count,
    double Mean,
    double? StandardDeviation,
    double Maximum,
    double Minimum,
    double Median,
    Interval? Confidence95
)
{
    /// <summary>Describes numbers.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static Sample Of(params IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
            throw new ArgumentException("a sample needs at least one number", nameof(values));
        double[] sorted = [.. values.Order()];
        var mean = ArrayStatistics.Mean(sorted);
        double? deviation = sorted.Length > 1 ? ArrayStatistics.StandardDeviation(sorted) : null;
        return new Sample(sorted.Length, mean, deviation, sorted[^1], sorted[0], SortedArrayStatistics.Median(sorted),
            deviation is { } std ? Around(mean, std / Math.Sqrt(sorted.Length), sorted.Length - 1) : null);
    }

    /// <summary>The 95% interval around an estimate.</summary>
    /// <param name="estimate">The estimate.</param>
    /// <param name="standardError">Its standard error.</param>
    /// <param name="degreesOfFreedom">The degrees of freedom of Student's t.</param>
    internal static Interval Around(double estimate, double standardError, double degreesOfFreedom)
    {
        var reach = StudentQuantile(degreesOfFreedom, 0.975) * standardError;
        return new Interval(estimate - reach, estimate + reach);
    }

    /// <summary>A quantile of Student's t. The library's own is good to 1e-8 only: two steps of Newton's method make it exact.</summary>
    internal static double StudentQuantile(double degreesOfFreedom, double probability)
    {
        double t = StudentT.InvCDF(location: 0, scale: 1, degreesOfFreedom, probability);
        for (int step = 0; step < 2; step++)
            t -= (StudentT.CDF(0, 1, degreesOfFreedom, t) - probability) / StudentT.PDF(0, 1, degreesOfFreedom, t);
        return t;
    }
}
