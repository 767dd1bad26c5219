using MathNet.Numerics;

namespace Electra.Statistics.Inference;

/// <summary>A test that counts all rearrangements of the data, two-sided.</summary>
/// <param name="P">The share of rearrangements whose difference is at least as large as the data's.</param>
/// <param name="SmallestP">The smallest that so few numbers can give: above 0.05 no result could have been significant.</param>
/// <param name="IsExact">Whether all rearrangements were counted; otherwise a random sample of them was.</param>
internal sealed record ExactTest(double P, double SmallestP, bool IsExact);

/// <summary>
/// Exact tests for few seeds (Fisher 1935; Edgington and Onghena 2007). Sums that differ in their last bits only count as equal.
/// </summary>
internal static class ExactTests
{
    private const int MostPairs = 22, Samples = 1_000_000;
    private const double MostGroupings = 4_000_000;

    /// <summary>The sign-flip test of paired differences: without an effect, each could as well have the other sign.</summary>
    /// <param name="differences">One for each pair. Zeros stay in: they have no sign to flip.</param>
    public static ExactTest SignFlip(IReadOnlyList<double> differences)
    {
        int pairs = differences.Count;
        double observed = Math.Abs(differences.Sum()), limit = observed - Slack(differences);
        // The first sign stays: the other half of all flips mirrors this one.
        double smallest = Math.Pow(2, 1 - pairs);
        if (pairs > MostPairs)
        {
            double Flipped(Func<ulong> numbers) => differences.Sum(d => (numbers() & 1) == 0 ? d : -d);
            return new ExactTest(Sampled(numbers => Math.Abs(Flipped(numbers)) >= limit), smallest, IsExact: false);
        }
        long extreme = 0, flips = 1L << (pairs - 1);
        for (long flip = 0; flip < flips; flip++)
        {
            double sum = differences[0];
            for (int i = 1; i < pairs; i++)
                sum += (flip >> (i - 1) & 1) == 0 ? differences[i] : -differences[i];
            extreme += Math.Abs(sum) >= limit ? 1 : 0;
        }
        return new ExactTest((double)extreme / flips, smallest, true);
    }

    /// <summary>The permutation test of two groups: without an effect, each score could as well be the other group's.</summary>
    /// <remarks>Two-sided as in SciPy: twice the smaller tail, at most 1.</remarks>
    public static ExactTest Permutation(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        double[] all = [.. first, .. second];
        double groupings = SpecialFunctions.Binomial(all.Length, first.Count), slack = Slack(all), observed = first.Sum();
        double smallest = Math.Min(1, 2 / groupings);
        if (groupings > MostGroupings)
        {
            long seen = 0, low = 0;
            _ = Sampled(numbers =>
            {
                double sum = SumOfRandom(all, first.Count, numbers);
                seen += sum >= observed - slack ? 1 : 0;
                low += sum <= observed + slack ? 1 : 0;
                return false;
            });
            return new ExactTest(Math.Min(1, 2.0 * (Math.Min(seen, low) + 1) / (Samples + 1)), smallest, false);
        }
        long high = 0, lower = 0;
        Choose(all, first.Count, 0, 0, sum =>
        {
            high += sum >= observed - slack ? 1 : 0;
            lower += sum <= observed + slack ? 1 : 0;
        });
        return new ExactTest(Math.Min(1, 2 * Math.Min(high, lower) / groupings), smallest, true);
    }

    /// <summary>The rounding of a sum of these numbers.</summary>
    private static double Slack(IEnumerable<double> values) => 1e-12 * values.Sum(Math.Abs);

    /// <summary>Calls for each sum of so many of the numbers from a place on.</summary>
    private static void Choose(double[] all, int count, int from, double sum, Action<double> each)
    {
        if (count == 0)
        {
            each(sum);
            return;
        }
        for (int i = from; i <= all.Length - count; i++)
            Choose(all, count - 1, i + 1, sum + all[i], each);
    }

    private static double SumOfRandom(double[] all, int count, Func<ulong> numbers)
    {
        // The first steps of Fisher and Yates's shuffle.
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            int j = i + (int)(numbers() % (ulong)(all.Length - i));
            (all[i], all[j]) = (all[j], all[i]);
            sum += all[i];
        }
        return sum;
    }

    private static double Sampled(Func<Func<ulong>, bool> isExtreme)
    {
        var numbers = Tensors.RandomKey.FromSeed(0).Numbers();
        ulong Next() => numbers.NextBits() >> 11;
        long extreme = 0;
        for (int i = 0; i < Samples; i++)
            extreme += isExtreme(Next) ? 1 : 0;
        return (extreme + 1.0) / (Samples + 1);
    }
}
