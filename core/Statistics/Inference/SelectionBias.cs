namespace Electra.Statistics.Inference;

/// <summary>How much too high the largest of several means is expected to be, because it is the largest.</summary>
internal static class SelectionBias
{
    /// <summary>
    /// The mean minus its empirical Bayes estimate, which draws all means together by the share of their spread that the spread within
    /// explains (James and Stein 1961; Efron 2011, "Tweedie's formula and selection bias").
    /// </summary>
    /// <param name="samples">The values of each candidate.</param>
    /// <returns>Null where the spread within is not known: no candidate has two values.</returns>
    public static double? OfLargest(IReadOnlyList<IReadOnlyList<double>> samples)
    {
        int freedom = samples.Sum(sample => sample.Count - 1);
        if (freedom == 0 || samples.Count < 2)
            return null;
        double[] means = [.. samples.Select(sample => sample.Average())];
        double grand = means.Average();
        double within = samples.Zip(means, (sample, mean) => sample.Sum(value => (value - mean) * (value - mean))).Sum() / freedom;
        double between = means.Sum(mean => (mean - grand) * (mean - grand)) / (means.Length - 1);
        double noise = within * samples.Average(sample => 1.0 / sample.Count);
        return between == 0 ? 0 : Math.Min(1, noise / between) * (means.Max() - grand);
    }
}
