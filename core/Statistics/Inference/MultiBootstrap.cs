using Electra.Tensors;

namespace Electra.Statistics.Inference;

/// <summary>What a Multi-Bootstrap draws.</summary>
/// <param name="IsPaired">Whether both sides draw the same seeds.</param>
/// <param name="SamplesSeeds">Whether seeds are drawn; otherwise each counts once: what the interval would be if these were
/// all.</param>
/// <param name="SamplesExamples">Whether examples are drawn; otherwise each counts once.</param>
/// <param name="Resamples">How many samples are drawn.</param>
/// <param name="Seed">What the draws follow from, whatever the number of threads.</param>
internal sealed record MultiBootstrapOptions(
    bool IsPaired,
    bool SamplesSeeds = true,
    bool SamplesExamples = true,
    int Resamples = MultiBootstrapOptions.UsualResamples,
    int Seed = 0
)
{
    /// <summary>Enough for two digits of an interval.</summary>
    public const int UsualResamples = 10_000;
}

/// <summary>
/// The Multi-Bootstrap (Sellam et al. 2022, MultiBERTs): seeds of pre-training and development examples are drawn together, so that a
/// conclusion holds for other seeds and other examples.
/// </summary>
/// <param name="First">The first side's score on the data itself, not the mean of the samples.</param>
/// <param name="Second">The second side's.</param>
/// <param name="FirstSamples">The first side's score on each sample.</param>
/// <param name="SecondSamples">The second side's.</param>
internal sealed record MultiBootstrap(double First, double Second, double[] FirstSamples, double[] SecondSamples)
{
    /// <summary>Differences below it are rounding.</summary>
    private const double Rounding = 1e-12;

    private readonly double[] differences =
        [.. FirstSamples.Zip(SecondSamples, (first, second) => second - first).Where(double.IsFinite)];

    /// <summary>The second minus the first on the data itself.</summary>
    public double Difference => Second - First;

    /// <summary>Samples on which the metric was defined.</summary>
    public int Defined => differences.Length;

    /// <summary>The 95% interval of the first side's score.</summary>
    public Interval FirstInterval => BootstrapIntervals.Percentile(FirstSamples.Where(double.IsFinite));

    /// <summary>The 95% interval of the second side's score.</summary>
    public Interval SecondInterval => BootstrapIntervals.Percentile(SecondSamples.Where(double.IsFinite));

    /// <summary>The 95% interval of the difference.</summary>
    public Interval DifferenceInterval => BootstrapIntervals.Percentile(differences);

    /// <summary>One-sided: the share of samples in which the second is not above the first, at least 1 / samples.</summary>
    public double OneSidedP => Math.Max(Share(difference => difference <= Rounding), 1.0 / Defined);

    /// <summary>Two-sided: twice the smaller tail; samples without a difference count in both.</summary>
    public double TwoSidedP =>
        Math.Clamp(
            2 * Math.Min(Share(difference => difference <= Rounding), Share(difference => difference >= -Rounding)),
            1.0 / Defined,
            1
        );

    /// <summary>The share of samples in which the second is above the first by at least so much.</summary>
    public double ShareAbove(double threshold) => Share(difference => difference >= threshold - Rounding);

    /// <summary>Draws, and scores each draw.</summary>
    /// <param name="metric">The metric, over the runs of both sides.</param>
    /// <param name="first">Of each seed of the first side, in a fixed order, its runs by their places in the metric.</param>
    /// <param name="second">As much of the second side; where paired, the same seeds in the same order.</param>
    /// <param name="options">What is drawn.</param>
    public static MultiBootstrap Of(
        ResampledMetric metric,
        IReadOnlyList<int[]> first,
        IReadOnlyList<int[]> second,
        MultiBootstrapOptions options
    )
    {
        if (options.IsPaired && first.Count != second.Count)
            throw new ArgumentException($"{first.Count} seeds cannot be paired with {second.Count}", nameof(second));
        int[] Once(int count) => [.. Enumerable.Repeat(1, count)];
        var (onceEach, all) = (Once(metric.Examples), new double[metric.Runs]);
        metric.Score(onceEach, all);
        var (firstSamples, secondSamples) = (new double[options.Resamples], new double[options.Resamples]);
        int tiles = (options.Resamples + ResampledMetric.Tile - 1) / ResampledMetric.Tile;
        var key = RandomKey.FromSeed(options.Seed);
        Parallel.For(0, tiles, tile =>
        {
            int from = tile * ResampledMetric.Tile, count = Math.Min(ResampledMetric.Tile, options.Resamples - from);
            var scores = new double[count * metric.Runs];
            if (options.SamplesExamples)
                metric.Score(Examples(key, from, count, metric.Examples), scores);
            for (int i = 0; i < count; i++)
            {
                var ofRuns = options.SamplesExamples ? scores.AsSpan(i * metric.Runs, metric.Runs) : all;
                var numbers = key[from + i][0].Numbers();
                int[] drawnFirst = options.SamplesSeeds ? Drawn(ref numbers, first.Count, first.Count) : Once(first.Count);
                int[] drawnSecond =
                    options.IsPaired ? drawnFirst
                    : options.SamplesSeeds ? Drawn(ref numbers, second.Count, second.Count)
                    : Once(second.Count);
                firstSamples[from + i] = Mean(ofRuns, first, drawnFirst);
                secondSamples[from + i] = Mean(ofRuns, second, drawnSecond);
            }
        });
        return new MultiBootstrap(Mean(all, first, Once(first.Count)), Mean(all, second, Once(second.Count)), firstSamples, secondSamples);
    }

    /// <summary>The mean over drawn seeds of the mean over each seed's runs.</summary>
    /// <param name="scores">The score of each run.</param>
    /// <param name="seeds">The runs of each seed.</param>
    /// <param name="drawn">How often each seed was drawn.</param>
    internal static double Mean(ReadOnlySpan<double> scores, IReadOnlyList<int[]> seeds, int[] drawn)
    {
        double sum = 0;
        for (int seed = 0; seed < seeds.Count; seed++)
        {
            if (drawn[seed] == 0)
                continue;
            double ofSeed = 0;
            foreach (int run in seeds[seed])
                ofSeed += scores[run];
            sum += drawn[seed] * ofSeed / seeds[seed].Length;
        }
        return sum / drawn.Sum();
    }

    private static int[] Examples(RandomKey key, int from, int count, int examples)
    {
        var counts = new int[count * examples];
        for (int i = 0; i < count; i++)
        {
            var numbers = key[from + i][1].Numbers();
            var own = counts.AsSpan(i * examples, examples);
            for (int draw = 0; draw < examples; draw++)
                own[numbers.Next(examples)]++;
        }
        return counts;
    }

    /// <summary>How often each of some things was drawn.</summary>
    private static int[] Drawn(ref RandomNumbers numbers, int things, int draws)
    {
        var counts = new int[things];
        for (int draw = 0; draw < draws; draw++)
            counts[numbers.Next(things)]++;
        return counts;
    }

    private double Share(Func<double, bool> holds) => differences.Count(holds) / (double)Defined;
}
