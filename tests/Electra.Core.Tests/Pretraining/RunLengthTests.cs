using Electra.Pretraining;

namespace Electra.Tests.Pretraining;

/// <summary>A run with a budget of 100 seconds, on a clock that the test sets.</summary>
public class RunLengthTests
{
    private readonly SetClock clock = new();

    [Fact]
    public void A_budget_ends_the_run_annealed()
    {
        var (length, shares, rates) = Made(PretrainPosition.Start, secondsPerUpdate: 1);
        Assert.Equal(100, length.Steps);
        Assert.Equal(shares.Order(), shares);
        Assert.Equal(0, shares[0]);
        Assert.InRange(shares[^1], 0.9, 1);
        Assert.All(shares.Zip(shares.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 0, 0.011));
        Assert.InRange(rates[^1], 0, 0.02 * rates.Max());
        Assert.Equal(["25", "50", "100"], Enumerable.Range(1, 100).Select(at => length.Milestone(at)).OfType<string>());
    }

    [Fact]
    public void A_run_that_was_stopped_goes_on_with_what_is_left()
    {
        var (length, shares, _) = Made(PretrainPosition.Start with { Step = 70, Share = 0.6 }, secondsPerUpdate: 1);
        Assert.Equal(0.6, shares[0]);
        Assert.Equal(70 + 40, length.Steps);
    }

    [Fact]
    public void Updates_that_are_slower_are_fewer_and_none_begins_after_the_end()
    {
        var (length, shares, rates) = Made(PretrainPosition.Start, secondsPerUpdate: 45);
        Assert.Equal(3, length.Steps);
        Assert.Equal([0, 0.45, 0.9], shares);
        Assert.Equal(1e-3 * (1 - 0.9), rates[^1], 1e-12);
    }

    private (RunLength Length, double[] Shares, double[] Rates) Made(PretrainPosition start, double secondsPerUpdate)
    {
        var config = new PretrainConfig
        {
            Training = new TrainingOptions { Steps = 0, WarmupSteps = 0, Budget = "100s", LearningRate = 1e-3 },
            Checkpoints = new CheckpointOptions { Percents = [25, 50, 100] },
        };
        var length = new RunLength(config, start, config.Training.Rates()) { Clock = clock };
        var (shares, rates) = (new List<double>(), new List<double>());
        for (long k = start.Step; !length.Ends(k); k++)
        {
            rates.Add(length.Rates(k).LearningRate);
            shares.Add(length.Figures.Single().Value);
            clock.Now += TimeSpan.FromSeconds(secondsPerUpdate);
        }
        return (length, [.. shares], [.. rates]);
    }
}
