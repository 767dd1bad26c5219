
using Electra.Pretraining;

namespace Electra.Tests.Pretraining;

public class DetectionMetricsTests
{
    [Fact]
    public void A_logit_that_is_not_a_number_makes_the_area_NaN() =>
        Assert.Equal(double.NaN, DetectionMetrics.Of([1, float.NaN, -1, float.NaN], [true, false, false, true]).Auc);

    [Fact]
    public void A_worked_example()
    {
        // Three replaced tokens with logits 2, 1, −1; four original ones with 1, −2, −3, −4.
        var metrics = DetectionMetrics.Of([2, 1, -1, 1, -2, -3, -4], [true, true, true, false, false, false, false]);
        Assert.Equal(3.0 / 7, metrics.ReplacedShare, 1e-12);
        Assert.Equal(5.0 / 7, metrics.Accuracy, 1e-12);
        Assert.Equal(2.0 / 3, metrics.Precision, 1e-12);
        Assert.Equal(2.0 / 3, metrics.Recall, 1e-12);
        Assert.Equal(4.0 / 7, metrics.MajorityBaseline, 1e-12);
        // Pairs won: 4 + 3.5 (one tie) + 3 of 12.
        Assert.Equal(10.5 / 12, metrics.Auc, 1e-12);
    }

    [Fact]
    public void The_area_is_the_share_of_pairs_in_the_right_order()
    {
        var random = new Random(7);
        float[] logits = [.. Enumerable.Range(0, 500).Select(_ => (float)random.Next(20))];
        bool[] replaced = [.. logits.Select(x => random.NextDouble() < x / 30)];
        double won = 0, pairs = 0;
        for (int i = 0; i < logits.Length; i++)
            for (int j = 0; j < logits.Length; j++)
                if (replaced[i] && !replaced[j])
                    (won, pairs) = (won + (logits[i] > logits[j] ? 1 : logits[i] == logits[j] ? 0.5 : 0), pairs + 1);
        Assert.Equal(won / pairs, DetectionMetrics.Of(logits, replaced).Auc, 1e-12);
    }

    [Fact]
    public void Nothing_replaced_is_no_division_by_zero()
    {
        var metrics = DetectionMetrics.Of([-1, -2], [false, false]);
        Assert.Equal((1.0, 0.0, 0.0, 0.5), (metrics.Accuracy, metrics.Precision, metrics.Recall, metrics.Auc));
    }
}
