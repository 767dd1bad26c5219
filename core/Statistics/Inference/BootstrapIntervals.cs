using Electra.Tensors;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Electra.Statistics.Inference;

/// <summary>95% intervals from bootstrap samples.</summary>
internal static class BootstrapIntervals
{
    private const double Low = 0.025, High = 0.975;

    /// <summary>The quantiles 2.5% and 97.5%, linear between values (R's type 7).</summary>
    public static Interval Percentile(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return new Interval(Quantile(sorted, Low), Quantile(sorted, High));
    }

    /// <summary>Bias-corrected and accelerated (Efron 1987), the acceleration by the jackknife.</summary>
    /// <param name="sample">The numbers.</param>
    /// <param name="statistic">What is computed of them.</param>
    /// <param name="draws">The statistic of bootstrap samples.</param>
    /// <returns>Null where the statistic does not vary.</returns>
    public static Interval? BiasCorrected(
        IReadOnlyList<double> sample,
        Func<IReadOnlyList<double>, double> statistic,
        IReadOnlyCollection<double> draws
    )
    {
        double[] sorted = [.. draws.Order()];
        double estimate = statistic(sample);
        // Samples that are equal to the estimate count for a half.
        double below = (sorted.Count(value => value < estimate) + sorted.Count(value => value <= estimate)) / 2.0;
        double bias = Normal.InvCDF(0, 1, below / sorted.Length);
        double[] without = [.. sample.Select((_, i) => statistic([.. sample.Where((_, j) => j != i)]))];
        double mean = without.Average(), squares = without.Sum(value => (mean - value) * (mean - value));
        if (squares == 0 || !double.IsFinite(bias))
            return null;
        double acceleration = without.Sum(value => Math.Pow(mean - value, 3)) / (6 * Math.Pow(squares, 1.5));
        double Adjusted(double probability)
        {
            double z = bias + Normal.InvCDF(0, 1, probability);
            return Normal.CDF(0, 1, bias + z / (1 - acceleration * z));
        }
        return new Interval(Quantile(sorted, Adjusted(Low)), Quantile(sorted, Adjusted(High)));
    }

    /// <summary>The percentile interval of a statistic from bootstrap samples of its own; null of a single number.</summary>
    public static Interval? Percentile(IReadOnlyList<double> sample, Func<IReadOnlyList<double>, double> statistic, RandomKey key) =>
        sample.Count < 2 ? null : Percentile(Draws(sample, statistic, key));

    /// <summary>The BCa interval of a statistic from bootstrap samples of its own; null where it does not vary.</summary>
    public static Interval? BiasCorrected(IReadOnlyList<double> sample, Func<IReadOnlyList<double>, double> statistic, RandomKey key) =>
        sample.Count < 2 ? null : BiasCorrected(sample, statistic, Draws(sample, statistic, key));

    private static double[] Draws(IReadOnlyList<double> sample, Func<IReadOnlyList<double>, double> statistic, RandomKey key)
    {
        const int resamples = 10_000;
        var draws = new double[resamples];
        Parallel.For(0, resamples, i =>
        {
            var numbers = key[i].Numbers();
            var drawn = new double[sample.Count];
            for (int j = 0; j < drawn.Length; j++)
                drawn[j] = sample[numbers.Next(drawn.Length)];
            draws[i] = statistic(drawn);
        });
        return draws;
    }

    private static double Quantile(double[] sorted, double probability) =>
        SortedArrayStatistics.QuantileCustom(sorted, probability, QuantileDefinition.R7);
}
