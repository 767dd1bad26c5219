using MathNet.Numerics.RootFinding;

namespace Electra.Statistics.Inference;

/// <summary>
/// The variances of <see cref="NestedVariance"/> by restricted maximum likelihood (REML; Searle, Casella and McCulloch 1992, chapter 6).
/// Where every seed has as many runs, they are those by moments, or all is between runs where that estimate is negative. Where seeds
/// have unequal numbers of runs, it weighs them as their variances ask.
/// </summary>
/// <param name="Within">The variance of runs of one seed.</param>
/// <param name="Between">The variance between seeds.</param>
/// <param name="Mean">The mean of the procedure, each seed weighed by how exactly its runs tell it.</param>
internal sealed record RestrictedVariance(double Within, double Between, double Mean)
{
    /// <summary>Finds the largest restricted likelihood.</summary>
    /// <param name="seeds">The scores of each seed's runs.</param>
    /// <returns>Null where there are fewer than two seeds, or runs of one seed do not vary.</returns>
    public static RestrictedVariance? Of(IReadOnlyList<IReadOnlyList<double>> seeds)
    {
        var (k, n) = (seeds.Count, seeds.Sum(runs => runs.Count));
        if (k < 2 || n == k || At(0, seeds).WithinSquares <= 1e-24 * n * seeds.SelectMany(runs => runs).Max(score => score * score))
            return null;
        double ratio = 0;
        if (Slope(0, seeds) < 0)
        {
            double most = 1;
            while (Slope(most, seeds) < 0)
                most *= 2;
            ratio = Brent.FindRoot(r => Slope(r, seeds), 0, most, 1e-14, 200);
        }
        var (_, mean, squares, _, _) = At(ratio, seeds);
        double within = squares / (n - 1);
        return new RestrictedVariance(within, ratio * within, mean);
    }

    /// <summary>
    /// The slope of −2 log restricted likelihood over the ratio of the variances, between to within, the best variance within for each
    /// ratio.
    /// </summary>
    internal static double Slope(double ratio, IReadOnlyList<IReadOnlyList<double>> seeds)
    {
        var (weights, _, squares, _, weighed) = At(ratio, seeds);
        double sum = weights.Sum();
        return sum - weights.Sum(w => w * w) / sum - (seeds.Sum(runs => runs.Count) - 1) * weighed / squares;
    }

    /// <summary>What the likelihood of a ratio is made of; the weights are the inverse variances of seeds' means, in variances
    /// within.</summary>
    private static (double[] Weights, double Mean, double Squares, double WithinSquares, double WeighedSquares) At(
        double ratio,
        IReadOnlyList<IReadOnlyList<double>> seeds
    )
    {
        double[] means = [.. seeds.Select(runs => runs.Average())];
        double[] weights = [.. seeds.Select(runs => runs.Count / (1 + runs.Count * ratio))];
        double mean = weights.Zip(means, (w, m) => w * m).Sum() / weights.Sum();
        double within = seeds.Zip(means, (runs, m) => runs.Sum(score => (score - m) * (score - m))).Sum();
        double Between(int power) => weights.Zip(means, (w, m) => Math.Pow(w, power) * (m - mean) * (m - mean)).Sum();
        return (weights, mean, within + Between(1), within, Between(2));
    }
}
