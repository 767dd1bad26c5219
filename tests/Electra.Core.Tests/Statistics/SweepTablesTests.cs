using Electra.Running;
using Electra.Statistics;
using Electra.Statistics.Inference;

namespace Electra.Tests.Statistics;

/// <summary>The candidates of a sweep side by side, and what is said of the best.</summary>
public sealed class SweepTablesTests
{
    [Fact]
    public void The_best_leads_with_its_interval_the_lead_and_the_luck_of_a_maximum()
    {
        var table = Assert.Single(SweepTables.Of(Scores(("1e-4", [60, 62]), ("3e-4", [64, 66]), ("5e-4", [50, 52]))));
        Assert.Equal("Sweep small, RTE", table.Title);
        Assert.Equal(["3e-4", "1e-4", "5e-4"], table.Rows.Select(row => row[0]));
        Assert.Equal("RTE: the winner of 3 candidates is learning_rate 3e-4: 65.00 (95%: 52.29 to 77.71; 2 runs).", table.Notes[0]);
        Assert.StartsWith("The next is learning_rate 1e-4, 4.00 behind", table.Notes[1]);
        // Variance within 2, of a mean of two runs 1; between 52: 1/52 of the way from 65 to the mean of all, 59.
        Assert.Contains("by about 0.12 points (empirical Bayes), to 64.88", table.Notes[2]);
        Assert.Contains("sweep_confirm=5", table.Notes[3]);
        Assert.Equal("4.00", table.Rows[1][^2]);
    }

    [Fact]
    public void One_run_of_each_has_no_interval_and_says_so()
    {
        var table = Assert.Single(SweepTables.Of(Scores(("a", [60]), ("b", [64]))));
        Assert.Contains("64.00 (1 run: no interval)", table.Notes[0]);
        Assert.Contains("cannot tell them apart", table.Notes[1]);
        Assert.Contains("nobody can say by how much", table.Notes[2]);
    }

    [Fact]
    public void Rounds_are_told_apart_and_a_winner_is_of_the_last_one()
    {
        var scores = Scores(("a", [60, 61]), ("b", [90, 91]));
        scores = ScoreSet.Of(
            [.. scores.All.Select(score => score.Group == "small-b" ? score with { Swept = score.Swept! with { Epochs = 1 } } : score)],
            []
        );
        var table = Assert.Single(SweepTables.Of(scores));
        Assert.Equal(["a", "b"], table.Rows.Select(row => row[0]));
        Assert.Equal(["all", "1"], table.Rows.Select(row => row[1]));
        Assert.Contains("the last that is left, is learning_rate a: 60.50", table.Notes[0]);
    }

    [Theory]
    [InlineData(new[] { 1.0, 3, 2, 4, 0, 2 }, 1.0)] // means 2, 3, 1: all of their spread is that of the runs
    [InlineData(new[] { 9.9, 10.1, 19.9, 20.1, 29.9, 30.1 }, 0.001)]
    public void The_largest_mean_is_drawn_to_the_others_by_the_share_of_noise(double[] pairs, double bias) =>
        Assert.Equal(bias, SelectionBias.OfLargest([.. pairs.Chunk(2).Select(pair => (IReadOnlyList<double>)pair)])!.Value, 1e-9);

    private static ScoreSet Scores(params (string Rate, double[] Values)[] candidates) =>
        ScoreSet.Of(
            [
                .. from candidate in candidates
                from value in candidate.Values.Index()
                select new Score($"small-{candidate.Rate}", "rte", value.Index, value.Item, 100 + value.Index)
                {
                    Swept = new SweptKeys
                    {
                        Sweep = "small",
                        Values = new Dictionary<string, string> { ["training.learning_rate"] = candidate.Rate },
                    },
                },
            ],
            []
        );
}
