using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.RootFinding;

namespace Electra.Statistics.Inference;

/// <summary>
/// The power of two-sided t tests at 5%, by the noncentral t distribution (Cohen 1988), and what follows for the number of seeds.
/// Differences are in standard deviations: of the differences where paired, of the scores where not.
/// </summary>
internal static class StatisticalPower
{
    private const double Level = 0.05, Wanted = 0.8, MostSeeds = 1e6;

    /// <summary>The chance that so many pairs show a difference of <paramref name="d"/>.</summary>
    public static double Paired(double d, double pairs) => TwoSided(pairs - 1, Math.Abs(d) * Math.Sqrt(pairs));

    /// <summary>The chance that so many seeds on each side show a difference of <paramref name="d"/>.</summary>
    public static double Unpaired(double d, double each) => TwoSided(2 * each - 2, Math.Abs(d) * Math.Sqrt(each / 2));

    /// <summary>Pairs, or seeds on each side, that show a difference in 80% of experiments; not rounded up.</summary>
    /// <returns>Infinite where more than a million would be needed.</returns>
    public static double SeedsFor(double d, bool isPaired)
    {
        double Power(double n) => isPaired ? Paired(d, n) : Unpaired(d, n);
        double least = isPaired ? 2 : 1.5;
        if (Power(least) >= Wanted)
            return least;
        double most = 4;
        while (most <= MostSeeds && Power(most) < Wanted)
            most *= 2;
        return most > MostSeeds ? double.PositiveInfinity : Brent.FindRoot(n => Power(n) - Wanted, least, most, 1e-12, 200);
    }

    /// <summary>The difference that so many pairs, or seeds on each side, show in 80% of experiments.</summary>
    public static double DetectableBy(double seeds, bool isPaired)
    {
        double Power(double d) => isPaired ? Paired(d, seeds) : Unpaired(d, seeds);
        double most = 1;
        while (Power(most) < Wanted)
            most *= 2;
        return Brent.FindRoot(d => Power(d) - Wanted, 0, most, 1e-12, 200);
    }

    private static double TwoSided(double freedom, double noncentrality)
    {
        double critical = Sample.StudentQuantile(freedom, 1 - Level / 2);
        return 1 - NoncentralT(critical, freedom, noncentrality) + NoncentralT(-critical, freedom, noncentrality);
    }

    /// <summary>The distribution function of the noncentral t (Lenth 1989, algorithm AS 243).</summary>
    internal static double NoncentralT(double t, double freedom, double delta)
    {
        if (t < 0)
            return 1 - NoncentralT(-t, freedom, -delta);
        double sum = Normal.CDF(0, 1, -delta);
        if (t == 0)
            return sum;
        double x = t * t / (t * t + freedom), half = delta * delta / 2;
        // Poisson weights around their largest term: so no factor under- or overflows.
        int middle = (int)half;
        sum += 0.5 * (Terms(middle, 1) + Terms(middle - 1, -1));
        return Math.Clamp(sum, 0, 1);

        double Terms(int from, int step)
        {
            double terms = 0;
            for (int j = from; j >= 0; j += step)
            {
                double p = Weight(j, 1), q = delta / Math.Sqrt(2) * Weight(j, 1.5);
                double term =
                    p * SpecialFunctions.BetaRegularized(j + 0.5, freedom / 2, x)
                    + q * SpecialFunctions.BetaRegularized(j + 1, freedom / 2, x);
                terms += term;
                if (p + Math.Abs(q) < 1e-17)
                    break;
            }
            return terms;
        }

        double Weight(int j, double shift) =>
            half == 0 ? (j == 0 ? 1 / SpecialFunctions.Gamma(shift) : 0)
            : Math.Exp(-half + j * Math.Log(half) - SpecialFunctions.GammaLn(j + shift));
    }
}
