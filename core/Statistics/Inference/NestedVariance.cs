using MathNet.Numerics.Distributions;

namespace Electra.Statistics.Inference;

/// <summary>
/// Runs within seeds: how much of the variance is the seeds', how much the runs', and what is known of the mean of the procedure. A
/// one-way layout of random effects, its components by moments (Searle, Casella and McCulloch 1992, chapter 3).
/// </summary>
/// <param name="Seeds">The seeds, k.</param>
/// <param name="Runs">All runs, N.</param>
/// <param name="RunsPerSeed">n₀ = (N − Σnᵢ²/N) / (k − 1): the number of runs where all seeds have the same.</param>
/// <param name="MeanSquareBetween">The mean square between seeds.</param>
/// <param name="MeanSquareWithin">The mean square within seeds.</param>
/// <param name="F">Their ratio.</param>
/// <param name="P">The p value of no difference between seeds.</param>
/// <param name="BetweenEstimate">The variance between seeds as it is estimated; below 0 where seeds differ less than runs would by
/// chance.</param>
/// <param name="SeedMeans">The means of the seeds: their mean is the procedure's, and its interval counts seeds.</param>
/// <param name="AllRuns">All runs as if independent: the interval of their mean is too short where seeds differ.</param>
internal sealed record NestedVariance(
    int Seeds,
    int Runs,
    double RunsPerSeed,
    double MeanSquareBetween,
    double MeanSquareWithin,
    double F,
    double P,
    double BetweenEstimate,
    Sample SeedMeans,
    Sample AllRuns
)
{
    /// <summary>The variance of runs of one seed.</summary>
    public double Within => MeanSquareWithin;

    /// <summary>The variance between seeds; 0 where the estimate is negative.</summary>
    public double Between => Math.Max(0, BetweenEstimate);

    /// <summary>The intraclass correlation: the seeds' share of the variance.</summary>
    public double IntraclassCorrelation => Between + Within > 0 ? Between / (Between + Within) : 0;

    /// <summary>Splits the variance of scores.</summary>
    /// <param name="seeds">The scores of each seed's runs.</param>
    /// <returns>Null where there are fewer than two seeds, or no seed has two runs.</returns>
    public static NestedVariance? Of(IReadOnlyList<IReadOnlyList<double>> seeds)
    {
        var (k, n) = (seeds.Count, seeds.Sum(runs => runs.Count));
        if (k < 2 || n == k)
            return null;
        double[] means = [.. seeds.Select(runs => runs.Average())];
        double mean = seeds.Sum(runs => runs.Sum()) / n;
        double between = seeds.Zip(means, (runs, m) => runs.Count * (m - mean) * (m - mean)).Sum() / (k - 1);
        double within = seeds.Zip(means, (runs, m) => runs.Sum(score => (score - m) * (score - m))).Sum() / (n - k);
        double n0 = (n - seeds.Sum(runs => (double)runs.Count * runs.Count) / n) / (k - 1);
        double f = between / within;
        return new NestedVariance(
            k,
            n,
            n0,
            between,
            within,
            f,
            // 1 − CDF of F, as the other tail of its reciprocal: small values stay exact.
            double.IsFinite(f) && f > 0 ? FisherSnedecor.CDF(n - k, k - 1, 1 / f) : f == 0 ? 1 : double.IsNaN(f) ? double.NaN : 0,
            (between - within) / n0,
            Sample.Of(means),
            Sample.Of([.. seeds.SelectMany(runs => runs)])
        );
    }

    /// <summary>
    /// Runs for each seed that make the mean of the procedure as exact as a budget allows: √(C_p / C_f · within / between).
    /// </summary>
    /// <param name="costOfSeed">What a pre-training costs, C_p.</param>
    /// <param name="costOfRun">What a fine-tuning costs, C_f.</param>
    /// <returns>At least 1; infinite where seeds do not differ.</returns>
    public double BestRunsPerSeed(double costOfSeed, double costOfRun) => Math.Max(1, Math.Sqrt(costOfSeed / costOfRun * Within / Between));
}
