using MathNet.Numerics;

namespace Electra.Statistics.Inference;

/// <summary>
/// The expected best of n runs: what "best of ten" grows to by the number of runs alone.
/// </summary>
internal static class BestOfRuns
{
    /// <summary>E[best of n] with replacement, the plug-in estimate of Dodge et al. 2019: Σ x₍ᵢ₎ ((i/N)ⁿ − ((i−1)/N)ⁿ).</summary>
    public static double PlugIn(IReadOnlyCollection<double> scores, int n) => Moment(scores, n, score => score);

    /// <summary>The standard deviation of the best of n, with replacement.</summary>
    public static double StandardDeviation(IReadOnlyCollection<double> scores, int n)
    {
        double mean = PlugIn(scores, n);
        return Math.Sqrt(Moment(scores, n, score => (score - mean) * (score - mean)));
    }

    /// <summary>E[best of n] without replacement, unbiased (Tang et al. 2020): Σ x₍ᵢ₎ C(i−1, n−1) / C(N, n).</summary>
    /// <returns>Null where there are fewer than n runs.</returns>
    public static double? Unbiased(IReadOnlyCollection<double> scores, int n)
    {
        if (n > scores.Count)
            return null;
        double all = SpecialFunctions.BinomialLn(scores.Count, n);
        return scores
            .Order()
            .Index()
            .Where(score => score.Index >= n - 1)
            .Sum(score => score.Item * Math.Exp(SpecialFunctions.BinomialLn(score.Index, n - 1) - all));
    }

    private static double Moment(IReadOnlyCollection<double> scores, int n, Func<double, double> of)
    {
        double BelowRank(int rank) => Math.Pow((double)rank / scores.Count, n);
        return scores.Order().Index().Sum(score => of(score.Item) * (BelowRank(score.Index + 1) - BelowRank(score.Index)));
    }
}
