using Electra.Tensors;
using MathNet.Numerics.Distributions;

namespace Electra.Statistics.Inference;

/// <summary>
/// Almost stochastic order (del Barrio et al. 2018; Dror et al. 2019): whether the scores of A are above those of B at nearly every
/// quantile.
/// </summary>
internal static class StochasticOrder
{
    /// <summary>Below it A is better than B.</summary>
    public const double Better = 0.5;

    /// <summary>Below it A is better in a strong sense.</summary>
    public const double MuchBetter = 0.2;

    /// <summary>
    /// The violation ratio: the share of the squared distance between the quantile functions that lies where B is above A. Both are
    /// step functions, and the integral is exact.
    /// </summary>
    /// <returns>0 where A is nowhere below B, 1 where it is nowhere above; 0.5 for equal samples.</returns>
    public static double ViolationRatio(IReadOnlyCollection<double> a, IReadOnlyCollection<double> b)
    {
        double[] sortedA = [.. a.Order()], sortedB = [.. b.Order()];
        double violation = 0, total = 0;
        // Steps end at multiples of 1/n and of 1/m: positions in units of 1/(n·m) are whole numbers.
        long end = (long)sortedA.Length * sortedB.Length;
        for (long at = 0, next; at < end; at = next)
        {
            long i = at / sortedB.Length, j = at / sortedA.Length;
            next = Math.Min((i + 1) * sortedB.Length, (j + 1) * sortedA.Length);
            double difference = sortedB[j] - sortedA[i], area = difference * difference * (next - at);
            total += area;
            violation += difference > 0 ? area : 0;
        }
        return total == 0 ? 0.5 : violation / total;
    }

    /// <summary>The sample that uniform numbers draw: sorted[⌈n·u⌉ − 1] for each.</summary>
    public static double[] Draw(IReadOnlyList<double> sorted, IEnumerable<double> uniforms) =>
        [.. uniforms.Select(u => sorted[Math.Max(0, (int)Math.Ceiling(sorted.Count * u) - 1)])];

    /// <summary>ε_min: the violation ratio that is not exceeded, with some confidence.</summary>
    /// <param name="ratio">The violation ratio of the samples.</param>
    /// <param name="bootstrapped">Those of bootstrap samples.</param>
    /// <param name="confidence">How sure to be, all comparisons together.</param>
    /// <param name="comparisons">How many comparisons are made: each gets 1 − (1 − confidence) / comparisons (Bonferroni).</param>
    public static double EpsilonMin(double ratio, IReadOnlyCollection<double> bootstrapped, double confidence = 0.95, int comparisons = 1)
    {
        double mean = bootstrapped.Average();
        double deviation = Math.Sqrt(bootstrapped.Average(value => (value - mean) * (value - mean)));
        return Math.Clamp(ratio - deviation * Normal.InvCDF(0, 1, (1 - confidence) / comparisons), 0, 1);
    }

    /// <summary>ε_min of A against B from bootstrap samples of its own.</summary>
    public static double EpsilonMin(
        IReadOnlyCollection<double> a,
        IReadOnlyCollection<double> b,
        RandomKey key,
        int comparisons = 1,
        int resamples = 1000
    )
    {
        double[] sortedA = [.. a.Order()], sortedB = [.. b.Order()];
        double[] ratios = [.. Enumerable.Range(0, resamples).Select(i =>
        {
            var numbers = key[i].Numbers();
            double[] Uniforms(int count) => [.. Enumerable.Range(0, count).Select(_ => 1 - numbers.NextDouble())];
            return ViolationRatio(Draw(sortedA, Uniforms(sortedA.Length)), Draw(sortedB, Uniforms(sortedB.Length)));
        })];
        return EpsilonMin(ViolationRatio(a, b), ratios, comparisons: comparisons);
    }
}
