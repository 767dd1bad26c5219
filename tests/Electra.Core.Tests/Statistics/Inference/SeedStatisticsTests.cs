using System.Text.Json;
using Electra.Statistics.Inference;
using Electra.Tensors;
using MathNet.Numerics;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Electra.Tests.Statistics.Inference;

/// <summary>
/// Against SciPy 1.10.1, statsmodels 0.13.5, deep-significance 1.2.6, rliable, show_your_work and meanmax (fixtures/golden/u_seeds.json),
/// to 1e-9 of each number.
/// </summary>
public sealed class SeedStatisticsTests
{
    private static readonly JsonElement Reference = Golden.Json("u_seeds");

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(n => n.GetDouble())];

    private static double[][] Rows(JsonElement rows) => [.. rows.EnumerateArray().Select(Numbers)];

    private static void Close(double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-9 * Math.Abs(expected), $"{expected:R} expected, {actual:R} found");

    private static void Close(JsonElement expected, string name, double actual) => Close(expected.GetProperty(name).GetDouble(), actual);

    private static void Close(JsonElement expected, string name, Interval? actual)
    {
        Close(expected.GetProperty(name)[0].GetDouble(), actual!.Value.Low);
        Close(expected.GetProperty(name)[1].GetDouble(), actual.Value.High);
    }

    [Fact]
    public void Nested_variance_is_that_of_the_one_way_layout()
    {
        foreach (var layout in Reference.GetProperty("nested").EnumerateArray())
        {
            var nested = NestedVariance.Of(Rows(layout.GetProperty("scores")))!;
            Close(layout, "n0", nested.RunsPerSeed);
            Close(layout, "mean_of_all", nested.AllRuns.Mean);
            Close(layout, "mean_of_seed_means", nested.SeedMeans.Mean);
            Close(layout, "standard_error_of_it", nested.SeedMeans.StandardDeviation!.Value / Math.Sqrt(nested.Seeds));
            Close(layout, "interval_of_it", nested.SeedMeans.Confidence95);
            Close(layout, "naive_interval_of_all", nested.AllRuns.Confidence95);
            Close(layout, "ms_between", nested.MeanSquareBetween);
            Close(layout, "ms_within", nested.MeanSquareWithin);
            Close(layout, "F", nested.F);
            Close(layout, "p", nested.P);
            Close(layout, "variance_within", nested.Within);
            Close(layout, "variance_between", nested.BetweenEstimate);
            Close(layout, "variance_between_shown", nested.Between);
            Close(layout, "icc", nested.IntraclassCorrelation);
        }
    }

    /// <summary>
    /// statsmodels' search ends where the likelihood changes no more in its last digits, up to 1.3e-7 from its maximum: where seeds have
    /// as many runs each that is known in closed form, and elsewhere the slope tells.
    /// </summary>
    [Fact]
    public void Restricted_likelihood_is_largest_at_our_variances_and_nearly_at_the_references()
    {
        foreach (var layout in Reference.GetProperty("nested").EnumerateArray())
        {
            double[][] seeds = Rows(layout.GetProperty("scores"));
            var (ours, theirs) = (RestrictedVariance.Of(seeds)!, layout.GetProperty("reml"));
            double Theirs(string name) => theirs.GetProperty(name).GetDouble();
            Assert.Equal(1, ours.Within / Theirs("within"), 2e-8);
            Assert.Equal(ours.Between, Theirs("between"), Math.Max(1e-9, 2e-7 * ours.Between));
            Assert.Equal(1, ours.Mean / Theirs("mean"), 1e-9);
            if (ours.Between == 0)
            {
                // At the edge: all scores are of one variance.
                Assert.True(RestrictedVariance.Slope(0, seeds) > 0);
                Close(seeds.SelectMany(runs => runs).Variance(), ours.Within);
                continue;
            }
            double Slope(double between, double within) => Math.Abs(RestrictedVariance.Slope(between / within, seeds));
            Assert.True(Slope(ours.Between, ours.Within) < 1e-12);
            Assert.True(Slope(Theirs("between"), Theirs("within")) > 1e-9);
            if (seeds.All(runs => runs.Length == seeds[0].Length))
            {
                Close(layout, "variance_within", ours.Within);
                Close(layout, "variance_between", ours.Between);
            }
        }
    }

    [Fact]
    public void One_seed_or_one_run_for_each_has_no_nested_variance()
    {
        Assert.Null(NestedVariance.Of([[1, 2, 3]]));
        Assert.Null(NestedVariance.Of([[1], [2], [3]]));
        Assert.Null(RestrictedVariance.Of([[1, 2, 3]]));
        Assert.Null(RestrictedVariance.Of([[1], [2], [3]]));
        Assert.Null(RestrictedVariance.Of([[70.1, 70.1], [71.3, 71.3, 71.3]]));
    }

    [Fact]
    public void The_best_split_of_a_budget_follows_from_costs_and_variances()
    {
        var nested = NestedVariance.Of([[0, 2], [10, 12], [20, 22]])!;
        Assert.Equal(2, nested.Within, 1e-12);
        Assert.Equal(99, nested.Between, 1e-12);
        Assert.Equal(Math.Sqrt(100 * 2 / 99.0), nested.BestRunsPerSeed(costOfSeed: 100, costOfRun: 1), 1e-12);
        Assert.Equal(1, nested.BestRunsPerSeed(costOfSeed: 1, costOfRun: 1));
    }

    [Fact]
    public void Crossed_seeds_are_split_into_rows_columns_and_the_rest()
    {
        var expected = Reference.GetProperty("crossed");
        var crossed = CrossedVariance.Of(Rows(expected.GetProperty("scores")))!;
        Close(expected, "ms_rows", crossed.Rows.MeanSquare);
        Close(expected, "ms_columns", crossed.Columns.MeanSquare);
        Close(expected, "ms_residual", crossed.Residual);
        Close(expected, "F_rows", crossed.Rows.F);
        Close(expected, "p_rows", crossed.Rows.P);
        Close(expected, "F_columns", crossed.Columns.F);
        Close(expected, "p_columns", crossed.Columns.P);
        Close(expected, "variance_rows", crossed.Rows.Variance);
        Close(expected, "variance_columns", crossed.Columns.Variance);
        Close(expected, "variance_residual", crossed.Residual);
    }

    [Fact]
    public void Exact_tests_count_sums_that_are_equal_but_for_rounding()
    {
        foreach (var test in Reference.GetProperty("exact").EnumerateArray())
        {
            double[] first = Numbers(test.GetProperty("first")), second = Numbers(test.GetProperty("second"));
            var flips = ExactTests.SignFlip([.. first.Zip(second, (a, b) => b - a)]);
            Close(test, "sign_flip_two_sided", flips.P);
            Close(test, "smallest_possible_sign_flip", flips.SmallestP);
            if (!test.TryGetProperty("scipy_independent", out _))
                continue;
            var permutation = ExactTests.Permutation(first, second);
            Close(test, "scipy_independent", permutation.P);
            Close(test, "smallest_possible_independent", permutation.SmallestP);
        }
    }

    [Fact]
    public void Exact_tests_of_many_numbers_are_sampled_and_stay_near_the_exact_value()
    {
        double[] differences = [.. Enumerable.Range(0, 30).Select(i => (i % 7 - 2.4) / 3)];
        Assert.False(ExactTests.SignFlip(differences).IsExact);
        // The normal approximation is 0.254.
        Assert.InRange(ExactTests.SignFlip(differences).P, 0.24, 0.28);
        double[] low = [.. Enumerable.Range(0, 15).Select(i => i * 0.1)], high = [.. low.Select(value => value + 5)];
        var far = ExactTests.Permutation(low, high);
        Assert.False(far.IsExact);
        Assert.InRange(far.P, 0, 1e-4);
        Assert.Equal(1, ExactTests.Permutation(low, low).P, 0.01);
    }

    [Fact]
    public void The_best_of_n_is_that_of_both_estimates()
    {
        var expected = Reference.GetProperty("best_of_n");
        double[] scores = Numbers(expected.GetProperty("scores"));
        for (int n = 1; n <= scores.Length; n++)
        {
            Close(expected.GetProperty("mean")[n - 1].GetDouble(), BestOfRuns.PlugIn(scores, n));
            Close(expected.GetProperty("sd")[n - 1].GetDouble(), BestOfRuns.StandardDeviation(scores, n));
            Close(expected.GetProperty("unbiased")[n - 1].GetDouble(), BestOfRuns.Unbiased(scores, n)!.Value);
        }
        Assert.Null(BestOfRuns.Unbiased(scores, scores.Length + 1));
    }

    [Fact]
    public void Almost_stochastic_order_is_integrated_exactly()
    {
        var expected = Reference.GetProperty("aso");
        double[] a = Numbers(expected.GetProperty("a")), b = Numbers(expected.GetProperty("b"));
        double ratio = StochasticOrder.ViolationRatio(a, b);
        Close(expected, "violation_ratio_exact", ratio);
        Close(expected, "reversed_exact", StochasticOrder.ViolationRatio(b, a));
        double[] sortedA = [.. a.Order()], sortedB = [.. b.Order()];
        foreach (var (uniforms, exact) in Reference.GetProperty("aso").GetProperty("uniforms").EnumerateArray()
            .Zip(Numbers(expected.GetProperty("bootstrapped_exact"))))
            Close(
                exact,
                StochasticOrder.ViolationRatio(
                    StochasticOrder.Draw(sortedA, Numbers(uniforms[0])),
                    StochasticOrder.Draw(sortedB, Numbers(uniforms[1]))
                )
            );
        // Its own numbers are those of the grid: the formula of ε_min is checked on them.
        double onGrid = expected.GetProperty("violation_ratio").GetDouble();
        double[] bootstrapped = Numbers(expected.GetProperty("bootstrapped"));
        Close(expected, "epsilon_min_95", StochasticOrder.EpsilonMin(onGrid, bootstrapped));
        Close(expected, "epsilon_min_95_of_three_comparisons", StochasticOrder.EpsilonMin(onGrid, bootstrapped, comparisons: 3));
        Assert.Equal(0.432, StochasticOrder.EpsilonMin(a, b, RandomKey.FromSeed(1)), 0.05);
        Assert.Equal(0.5, StochasticOrder.ViolationRatio(a, a));
    }

    [Fact]
    public void Aggregates_over_tasks_are_rliables()
    {
        var expected = Reference.GetProperty("tasks");
        double[][] Transposed(string name)
        {
            var rows = Rows(expected.GetProperty(name));
            return [.. rows[0].Select((_, task) => rows.Select(run => run[task]).ToArray())];
        }
        double[][] first = Transposed("first"), second = Transposed("second");
        Close(expected, "mean", TaskAggregates.Mean(first));
        Close(expected, "iqm", TaskAggregates.InterquartileMean(first));
        Close(
            expected,
            "probability_of_improvement_second_over_first",
            TaskAggregates.ProbabilityOfImprovement(first, second)
        );
        var means = new List<double>();
        foreach (var (i, draw) in expected.GetProperty("draws").EnumerateArray().Index())
        {
            var rows = Rows(draw);
            double[][] drawn = [.. first.Select((runs, task) => rows.Select(row => runs[(int)row[task]]).ToArray())];
            means.Add(TaskAggregates.Mean(drawn));
            Close(expected.GetProperty("iqm_of_draws")[i].GetDouble(), TaskAggregates.InterquartileMean(drawn));
            Close(expected.GetProperty("mean_of_draws")[i].GetDouble(), means[^1]);
        }
        Close(expected, "mean_interval", BootstrapIntervals.Percentile(means));
        var own = TaskAggregates.Stratified(sides => TaskAggregates.Mean(sides[0]), RandomKey.FromSeed(1), 2000, first);
        Assert.InRange(own.Low, 79.8, 80.2);
        Assert.InRange(own.High, 81.1, 81.5);
    }

    [Fact]
    public void Bias_corrected_and_accelerated_intervals_are_scipys()
    {
        foreach (var test in Reference.GetProperty("bca").EnumerateArray())
        {
            double[] sample = Numbers(test.GetProperty("sample"));
            Func<IReadOnlyList<double>, double> statistic = test.GetProperty("statistic").GetString() switch
            {
                "mean" => values => values.Average(),
                "median" => values => values.Median(),
                _ => values => values.StandardDeviation(),
            };
            double[] draws = [.. Rows(test.GetProperty("draws")).Select(draw => statistic([.. draw.Select(i => sample[(int)i])]))];
            Close(test, "percentile", BootstrapIntervals.Percentile(draws));
            Close(test, "bca", BootstrapIntervals.BiasCorrected(sample, statistic, draws));
        }
        Assert.Null(BootstrapIntervals.BiasCorrected([5, 5, 5], values => values.Average(), RandomKey.FromSeed(1)));
    }

    [Fact]
    public void Power_is_that_of_the_noncentral_t()
    {
        foreach (var test in Reference.GetProperty("power").EnumerateArray())
        {
            double d = test.GetProperty("d").GetDouble();
            foreach (var power in test.GetProperty("paired_power").EnumerateObject())
                Close(power.Value.GetDouble(), StatisticalPower.Paired(d, int.Parse(power.Name)));
            foreach (var power in test.GetProperty("unpaired_power").EnumerateObject())
                Close(power.Value.GetDouble(), StatisticalPower.Unpaired(d, int.Parse(power.Name)));
            foreach (var (name, isPaired) in new[] { ("paired_seeds_for_80", true), ("unpaired_each_for_80", false) })
            {
                // statsmodels searches seeds with brentq to within 1e-5 (tools/rootfinding.py, xtol), and so ends beside the root.
                double ours = StatisticalPower.SeedsFor(d, isPaired), theirs = test.GetProperty(name).GetDouble();
                Assert.Equal(theirs, ours, 1e-5);
                Assert.Equal(0.8, IntegratedPower(d, ours, isPaired), 1e-12);
                Assert.True(Math.Abs(IntegratedPower(d, theirs, isPaired) - 0.8) > 1e-10 || Math.Abs(ours / theirs - 1) < 1e-9);
            }
        }
        Assert.Equal(1.0, StatisticalPower.DetectableBy(StatisticalPower.SeedsFor(1, isPaired: true), isPaired: true), 1e-9);
    }
    /// <summary>The power, integrated over the logarithm of the sample's standard deviation in true ones: no noncentral t.</summary>
    private static double IntegratedPower(double d, double seeds, bool isPaired)
    {
        double freedom = isPaired ? seeds - 1 : 2 * seeds - 2, shift = d * Math.Sqrt(isPaired ? seeds : seeds / 2);
        double critical = Sample.StudentQuantile(freedom, 0.975);
        double scale = freedom / 2 * Math.Log(freedom / 2) - SpecialFunctions.GammaLn(freedom / 2) + Math.Log(2);
        const double Width = 1e-3;
        // Smooth, and nothing at both ends: the sum is the integral.
        return Width
            * Enumerable
                .Range(-30_000, 33_000)
                .Select(i => i * Width)
                .Sum(log =>
                {
                    double s = Math.Exp(log), density = Math.Exp(scale + freedom * (log - s * s / 2));
                    return density * (Normal.CDF(0, 1, shift - critical * s) + Normal.CDF(0, 1, -shift - critical * s));
                });
    }
}
