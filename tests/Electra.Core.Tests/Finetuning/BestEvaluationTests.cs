using Electra.Finetuning;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>Which evaluation is the best, and when waiting for a better one ends: sequences of scores made by hand.</summary>
public sealed class BestEvaluationTests
{
    private const double NaN = double.NaN;

    [Theory]
    [InlineData(0.0, new[] { 0.5 }, 0, 0)]
    [InlineData(0.0, new[] { 0.5, 0.6, 0.55 }, 1, 1)]
    [InlineData(0.0, new[] { 0.6, 0.6, 0.6 }, 0, 2)] // ties keep the earlier
    [InlineData(0.05, new[] { 0.5, 0.54, 0.58 }, 2, 0)] // each is held against the best, not against the one before it
    [InlineData(0.1, new[] { 0.5, 0.55, 0.59 }, 0, 2)]
    [InlineData(0.0, new[] { NaN, 0.1, NaN }, 1, 1)]
    [InlineData(0.5, new[] { NaN, 0.1 }, 1, 0)] // any value is better than none
    [InlineData(0.0, new[] { NaN, NaN }, 0, 1)]
    [InlineData(0.0, new[] { -0.2, -0.1 }, 1, 0)]
    public void The_best_is_better_by_more_than_the_least_difference(double minDelta, double[] scores, int index, int since) =>
        Assert.Equal((index, since), new BestEvaluation("accuracy", minDelta, 0).Of(Evaluations(scores)));

    [Theory]
    [InlineData(new[] { 0.7, 0.5, 0.6 }, 1, 1)]
    [InlineData(new[] { 0.5, 0.5 }, 0, 1)]
    [InlineData(new[] { NaN, 0.9 }, 1, 0)]
    public void Of_the_loss_the_lowest_is_best(double[] losses, int index, int since) =>
        Assert.Equal((index, since), new BestEvaluation(BestEvaluation.Loss, 0, 0).Of(Evaluations([.. losses.Select(_ => 0.5)], losses)));

    [Theory]
    [InlineData(0, new[] { 0.5, 0.4, 0.3, 0.2 }, false)] // off
    [InlineData(1, new[] { 0.5 }, false)]
    [InlineData(1, new[] { 0.5, 0.5 }, true)]
    [InlineData(2, new[] { 0.5, 0.4 }, false)]
    [InlineData(2, new[] { 0.5, 0.4, 0.6 }, false)] // the counter begins again
    [InlineData(2, new[] { 0.5, 0.4, 0.6, 0.5, NaN }, true)]
    public void Patience_counts_evaluations_since_the_best(int patience, double[] scores, bool ends) =>
        Assert.Equal(ends, new BestEvaluation("accuracy", 0, patience).HasWaitedInVain(Evaluations(scores)));

    [Theory]
    [InlineData("epoch", 4, new[] { 4, 8, 12 })]
    [InlineData("1.0", 4, new[] { 4, 8, 12 })]
    [InlineData("3", 4, new[] { 3, 4, 6, 8, 9, 12 })]
    [InlineData("100", 4, new[] { 4, 8, 12 })]
    [InlineData("0.5", 4, new[] { 2, 4, 6, 8, 10, 12 })]
    [InlineData("0.4", 4, new[] { 2, 4, 6, 8, 10, 12 })] // after 1.6 and 3.2 updates of an epoch, of 4
    [InlineData("0.01", 4, new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })]
    public void An_interval_is_an_epoch_a_number_of_updates_or_a_share_of_an_epoch(string text, int epochUpdates, int[] due)
    {
        var interval = EvaluationInterval.Parse(text);
        Assert.Equal(due, Enumerable.Range(1, 3 * epochUpdates).Where(update => interval.IsDue(update, epochUpdates)));
        Assert.Equal(interval, EvaluationInterval.Parse(interval.ToString()));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0.0")]
    [InlineData("1.5")]
    [InlineData("-3")]
    [InlineData("often")]
    [InlineData("")]
    public void What_is_no_interval_is_refused(string text) =>
        Assert.Throws<FormatException>(() => EvaluationInterval.Parse(text));

    private static FinetuneEpoch[] Evaluations(double[] scores, double[]? losses = null) =>
        [
            .. scores.Select((score, i) => new FinetuneEpoch(i + 1, 0.1, new Dictionary<string, double> { ["accuracy"] = score })
            {
                DevLoss = losses?[i],
            }),
        ];
}
