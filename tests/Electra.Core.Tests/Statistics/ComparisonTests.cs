
using Electra.Statistics;

namespace Electra.Tests.Statistics;

public sealed class ComparisonTests
{
    // With 2 degrees of freedom Student's t has a closed form: the two-sided p value is 1 − t / √(t² + 2), and the 97.5% point is 4.302653.
    private static double P2(double t) => 1 - t / Math.Sqrt(t * t + 2);

    [Fact]
    public void Paired_runs_are_tested_by_their_differences()
    {
        // Differences 1, 2, 3: mean 2, deviation 1, standard error 1 / √3, t = 2√3.
        var compared = Comparison.Paired([10, 20, 30], [11, 22, 33]);

        Assert.Equal(2, compared.Difference, 1e-12);
        Assert.Equal(2 * Math.Sqrt(3), compared.T!.Value, 1e-12);
        Assert.Equal(2, compared.DegreesOfFreedom);
        Assert.Equal(P2(2 * Math.Sqrt(3)), compared.P!.Value, 1e-9);
        Assert.Equal(2 - 4.302653 / Math.Sqrt(3), compared.Confidence95!.Value.Low, 1e-6);
        Assert.Equal(2 + 4.302653 / Math.Sqrt(3), compared.Confidence95!.Value.High, 1e-6);
        // Variances 100 and 121, pooled 110.5; the correction with 4 degrees of freedom is 1 − 3/15.
        Assert.Equal(2 / Math.Sqrt(110.5), compared.CohenD!.Value, 1e-12);
        Assert.Equal(2 / Math.Sqrt(110.5) * 0.8, compared.HedgesG!.Value, 1e-12);
    }

    [Fact]
    public void Welch_of_equal_variances_is_students_test()
    {
        // Both variances are 2, the squared error 2/2 + 2/2, t = 10 / √2, with 2 degrees of freedom.
        var compared = Comparison.Welch([0, 2], [10, 12]);

        Assert.Equal(10 / Math.Sqrt(2), compared.T!.Value, 1e-12);
        Assert.Equal(2, compared.DegreesOfFreedom!.Value, 1e-12);
        Assert.Equal(P2(10 / Math.Sqrt(2)), compared.P!.Value, 1e-9);
    }

    [Fact]
    public void Welch_takes_different_variances_and_numbers_of_runs()
    {
        // Variances 5/3 (n 4) and 4 (n 3): squared error 5/12 + 4/3 = 7/4; Welch–Satterthwaite (7/4)² / ((5/12)²/3 + (4/3)²/2).
        // scipy.stats.ttest_ind(b, a, equal_var=False) computes the same formulas.
        var compared = Comparison.Welch([1, 2, 3, 4], [2, 4, 6]);

        Assert.Equal(1.5 / Math.Sqrt(1.75), compared.T!.Value, 1e-12);
        Assert.Equal(1.75 * 1.75 / (25.0 / 144 / 3 + 16.0 / 9 / 2), compared.DegreesOfFreedom!.Value, 1e-12);
        Assert.InRange(compared.P!.Value, 0.30, 0.35);
        // Pooled variance (3·5/3 + 2·4) / 5; the correction with 5 degrees of freedom is 1 − 3/19.
        Assert.Equal(1.5 / Math.Sqrt(2.6), compared.CohenD!.Value, 1e-12);
        Assert.Equal(1.5 / Math.Sqrt(2.6) * 16 / 19, compared.HedgesG!.Value, 1e-12);
    }

    [Fact]
    public void The_test_is_paired_where_runs_and_seeds_are_the_same()
    {
        static Score[] Runs(string group, params (int Run, int? Seed)[] runs) =>
            [.. runs.Select(r => new Score(group, "rte", r.Run, 60 + r.Run * r.Run, r.Seed))];
        var first = Runs("a", (0, 5), (1, 6), (2, 7));

        Assert.Equal(ComparisonTest.Paired, Comparison.Of(first, Runs("b", (2, 7), (1, 6), (0, 5))).Test);
        Assert.Equal(ComparisonTest.Welch, Comparison.Of(first, Runs("b", (0, 5), (1, 6), (2, 8))).Test);
        Assert.Equal(ComparisonTest.Welch, Comparison.Of(first, Runs("b", (0, 5), (1, 6))).Test);
        Assert.Equal(ComparisonTest.Welch, Comparison.Of(first, first, ComparisonTest.Welch).Test);
        Assert.Equal(2, Comparison.Of(first, Runs("b", (1, 1), (2, 2), (3, 3)), ComparisonTest.Paired).First.Count);
        Assert.Contains(
            "no run of a on rte",
            Assert.Throws<UserErrorException>(() => Comparison.Of(first, Runs("b", (8, 1)), ComparisonTest.Paired)).Message
        );
    }

    [Fact]
    public void Without_spread_or_with_one_run_there_is_a_difference_and_no_test()
    {
        foreach (
            var compared in new[]
            {
                Comparison.Welch([0.1 + 0.2, 0.3, 0.3], [0.4, 0.4, 0.4]),
                Comparison.Paired([1], [2]),
                Comparison.Welch([1], [2, 3]),
            }
        )
        {
            Assert.True(compared.Difference > 0);
            Assert.Null(compared.P);
            Assert.Null(compared.Confidence95);
        }
    }

    [Fact]
    public void Holm_corrects_several_values_together()
    {
        // 3 · 0.01; 2 · 0.03; 1 · 0.04, but never less than the one before.
        var corrected = Comparison.Holm([0.01, 0.04, null, 0.03]);
        Assert.Equal([0.03, 0.06, 0.06], corrected.OfType<double>().Select(p => Math.Round(p, 12)));
        Assert.Null(corrected[2]);
        Assert.Equal([1.0, 1.0], Comparison.Holm([0.6, 0.9]).OfType<double>());
    }
}
