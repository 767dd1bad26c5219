using System.Diagnostics;
using Electra.Scoring;
using static Electra.Scoring.Reranking;

namespace Electra.Tests.Scoring;

public sealed class RerankingTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("a b c", "a b c", 0)]
    [InlineData("", "a b c", 3)]
    [InlineData("a x c", "a b c", 1)]
    [InlineData("a c", "a b c", 1)]
    [InlineData("a b  b c", "a b c", 1)]
    [InlineData("kitten sits", "sitting kitten", 2)]
    public void Wrong_words_are_the_fewest_changes(string text, string reference, int expected) =>
        Assert.Equal(expected, WrongWords(text, reference));

    /// <summary>The weight is found exactly: no weight of a fine grid has fewer errors.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_weight_of_a_grid_is_better_than_the_chosen_one(int seed)
    {
        var random = new Random(seed);
        HypothesisList[] lists =
        [
            .. Enumerable.Range(0, 30).Select(i => new HypothesisList(
                $"{i}",
                [
                    .. Enumerable.Range(0, 6).Select(j =>
                    {
                        int errors = random.Next(0, 6);
                        double noise = random.NextDouble() * 8;
                        return new Hypothesis($"{j}", noise - errors, -3.0 * errors + (random.NextDouble() * 20), errors);
                    }),
                ],
                10
            )),
        ];
        var (first, second) = BestWeights(lists);
        int Errors(double weight) => lists.Sum(list => list.Ranked(1, weight).First().Errors!.Value);
        Assert.Equal(1, first);
        Assert.All(Enumerable.Range(0, 20_000), i => Assert.True(Errors(i / 1000.0) >= Errors(second)));
        Assert.True(Errors(second) < Errors(0));
    }

    /// <summary>A weight above 0 decides between hypotheses that the system cannot tell apart.</summary>
    [Fact]
    public void Hypotheses_of_equal_base_scores_are_told_apart_by_any_weight()
    {
        var list = new HypothesisList("a", [new("wrong", 1, -2, 1), new("right", 1, -1, 0)], 1);
        var (first, second) = BestWeights([list]);
        Assert.Equal("right", list.Ranked(first, second).First().Text);
    }

    /// <summary>The number of lists and hypotheses of a speech corpus: what a list chooses changes a few times, and not at each of the
    /// millions of crossings.</summary>
    [Fact]
    public void Weights_of_a_large_corpus_are_found_in_seconds()
    {
        var random = new Random(1);
        Hypothesis One(int errors) => new("", -errors + (5 * random.NextDouble()), -2 * errors + (9 * random.NextDouble()), errors);
        HypothesisList[] lists =
        [
            .. Enumerable.Range(0, 2000).Select(i =>
                new HypothesisList($"{i}", [.. Enumerable.Range(0, 100).Select(_ => One(random.Next(9)))], 10)),
        ];
        var clock = Stopwatch.StartNew();
        Assert.InRange(BestWeights(lists).Second, 0.01, 100);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
    }

    [Fact]
    public void Of_equal_totals_the_first_in_the_list_stays_first()
    {
        var list = new HypothesisList("a", [new("x", 1, 0, null), new("y", 1, 0, null), new("z", 2, 0, null)], null);
        Assert.Equal(["z", "x", "y"], list.Ranked(1, 1).Select(one => one.Text));
    }

    [Fact]
    public void Wilsons_interval_is_that_of_the_textbook()
    {
        // R: binom.confint(8, 10, methods = "wilson") and (0, 20)
        var (low, high) = PairAccuracy.Interval(8, 10);
        Assert.Equal(49.02, low, 0.01);
        Assert.Equal(94.33, high, 0.01);
        (low, high) = PairAccuracy.Interval(0, 20);
        Assert.Equal(0, low, 1e-9);
        Assert.Equal(16.11, high, 0.01);
    }
}
