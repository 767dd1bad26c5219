using Electra.Statistics.Inference;

namespace Electra.Tests.Statistics;

public sealed class SampleTests
{
    [Fact]
    public void Numbers_whose_mean_and_deviation_are_known_are_described_so()
    {
        var sample = Sample.Of(2, 4, 4, 4, 5, 5, 7, 9);

        Assert.Equal((8, 5.0, 9.0, 2.0, 4.5), (sample.Count, sample.Mean, sample.Maximum, sample.Minimum, sample.Median));
        // The squares of the distances add up to 32: the variance with n − 1 is 32 / 7.
        Assert.Equal(Math.Sqrt(32.0 / 7), sample.StandardDeviation!.Value, 1e-12);
        // The 97.5% point of t with 7 degrees of freedom is 2.364624 in any table.
        Assert.Equal(5 - 2.364624 * Math.Sqrt(32.0 / 7 / 8), sample.Confidence95!.Value.Low, 1e-6);
        Assert.Equal(5 + 2.364624 * Math.Sqrt(32.0 / 7 / 8), sample.Confidence95!.Value.High, 1e-6);
    }

    [Fact]
    public void A_single_number_has_no_deviation_and_an_empty_sample_is_refused()
    {
        var sample = Sample.Of(58.72);
        Assert.Equal((1, 58.72, 58.72), (sample.Count, sample.Mean, sample.Median));
        Assert.Null(sample.StandardDeviation);
        Assert.Null(sample.Confidence95);
        Assert.Throws<ArgumentException>(() => Sample.Of());
    }
}
