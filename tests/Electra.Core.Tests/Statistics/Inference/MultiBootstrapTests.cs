using System.IO.Compression;
using System.Text.Json;
using Electra.Data.Tasks;
using Electra.Statistics.Inference;

namespace Electra.Tests.Statistics.Inference;

/// <summary>Against multibootstrap.py of google-research/language (fixtures/golden/u_multibootstrap.json.gz).</summary>
public sealed class MultiBootstrapTests
{
    private sealed record Run(int Side, int Seed, double[] Predictions);

    private static readonly Lazy<JsonElement> Reference = new(() =>
    {
        using var file = File.OpenRead(TestData.Fixture("golden/u_multibootstrap.json.gz"));
        using var text = new GZipStream(file, CompressionMode.Decompress);
        return JsonDocument.Parse(text).RootElement;
    });

    private static double[] Labels => Numbers(Reference.Value.GetProperty("labels"));

    private static readonly Run[] Runs =
    [
        .. new[] { "base", "experiment" }.SelectMany((side, i) =>
            Reference
                .Value.GetProperty(side)
                .EnumerateArray()
                .Select(run => new Run(i, run.GetProperty("seed").GetInt32(), Numbers(run.GetProperty("predictions"))))
        ),
    ];

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(n => n.GetDouble())];

    public static TheoryData<string> Cases =>
        [.. Reference.Value.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    private static JsonElement Case(string name) =>
        Reference.Value.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);

    private static ResampledMetric Metric(string name) =>
        ResampledMetric.Of(name.Contains("mcc") ? Metrics.Mcc : Metrics.Accuracy, Labels, [.. Runs.Select(run => run.Predictions)]);

    private static (int[] Seeds, List<int[]> Runs) Side(int side, JsonElement options)
    {
        int[] SeedsOf(int s) => [.. Runs.Where(run => run.Side == s).Select(run => run.Seed).Distinct().Order()];
        int[] seeds = SeedsOf(side);
        if (options.GetProperty("paired_seeds").GetBoolean())
            seeds = [.. seeds.Intersect(SeedsOf(1 - side))];
        return (
            seeds,
            [.. seeds.Select(seed => Runs.Index().Where(r => r.Item.Side == side && r.Item.Seed == seed).Select(r => r.Index).ToArray())]
        );
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_draws_of_the_reference_give_its_samples(string name)
    {
        var given = Case(name);
        var options = given.GetProperty("options");
        var (first, second) = (Side(0, options), Side(1, options));
        bool isPaired = options.GetProperty("paired_seeds").GetBoolean();
        var metric = Metric(name);
        double[][] samples = [.. given.GetProperty("samples").EnumerateArray().Select(Numbers)];
        double[][] seeds = [.. given.GetProperty("seed_draws").EnumerateArray().Select(Numbers)];
        double[][] examples = [.. given.GetProperty("example_draws").EnumerateArray().Select(Numbers)];
        foreach (var (i, sample) in samples.Index())
        {
            var counts = new int[metric.Examples];
            foreach (double example in examples.Length > 0 ? examples[i] : [.. Enumerable.Range(0, counts.Length)])
                counts[(int)example]++;
            var scores = new double[metric.Runs];
            metric.Score(counts, scores);
            int[] Drawn(int[] own, int side) =>
                seeds.Length == 0
                    ? [.. own.Select(_ => 1)]
                    : [.. own.Select(seed => seeds[isPaired ? i : 2 * i + side].Count(drawn => drawn == seed))];
            Assert.Equal(sample[0], MultiBootstrap.Mean(scores, first.Runs, Drawn(first.Seeds, 0)), 1e-12);
            Assert.Equal(sample[1], MultiBootstrap.Mean(scores, second.Runs, Drawn(second.Seeds, 1)), 1e-12);
        }
        var report = given.GetProperty("report_of_these_30");
        var these = new MultiBootstrap(0, 0, [.. samples.Select(s => s[0])], [.. samples.Select(s => s[1])]);
        AssertInterval(report.GetProperty("base"), these.FirstInterval, 1e-12);
        AssertInterval(report.GetProperty("expt"), these.SecondInterval, 1e-12);
        AssertInterval(report.GetProperty("delta"), these.DifferenceInterval, 1e-12);
        Assert.Equal(report.GetProperty("delta").GetProperty("p").GetDouble(), these.OneSidedP, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Draws_of_its_own_agree_with_the_reference_within_their_error(string name)
    {
        var options = Case(name).GetProperty("options");
        var report = Case(name).GetProperty("report_of_4000");
        var drawn = MultiBootstrap.Of(
            Metric(name),
            Side(0, options).Runs,
            Side(1, options).Runs,
            new MultiBootstrapOptions(
                options.GetProperty("paired_seeds").GetBoolean(),
                options.GetProperty("sample_seeds").GetBoolean(),
                options.GetProperty("sample_examples").GetBoolean(),
                40_000
            )
        );
        // Quantiles of the reference's 4,000 samples have a standard error of about 5% of the standard deviation.
        AssertInterval(report.GetProperty("base"), drawn.FirstInterval, 0.014);
        AssertInterval(report.GetProperty("expt"), drawn.SecondInterval, 0.014);
        AssertInterval(report.GetProperty("delta"), drawn.DifferenceInterval, 0.02);
        Assert.Equal(report.GetProperty("delta").GetProperty("p").GetDouble(), drawn.OneSidedP, 0.002);
        Assert.Equal(report.GetProperty("delta").GetProperty("mean").GetDouble(), drawn.Difference, 0.01);
    }

    [Fact]
    public async Task The_number_of_threads_changes_nothing()
    {
        var options = Case("paired mcc").GetProperty("options");
        MultiBootstrap Draw() =>
            MultiBootstrap.Of(Metric("mcc"), Side(0, options).Runs, Side(1, options).Runs, new(IsPaired: true, Resamples: 333, Seed: 5));
        var many = Draw();
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, 1).ExclusiveScheduler;
        var one = await Task.Factory.StartNew(Draw, TestContext.Current.CancellationToken, TaskCreationOptions.None, scheduler);
        Assert.Equal(many.FirstSamples, one.FirstSamples);
        Assert.Equal(many.SecondSamples, one.SecondSamples);
    }

    [Fact]
    public void Groups_without_a_difference_are_not_told_apart()
    {
        double[] labels = [0, 1, 1, 0, 1, 0], predictions = [0, 1, 0, 0, 1, 1];
        var metric = ResampledMetric.Of(Metrics.Accuracy, labels, [predictions, predictions, predictions, predictions]);
        var drawn = MultiBootstrap.Of(metric, [[0], [1]], [[2], [3]], new(IsPaired: true, Resamples: 200));
        Assert.Equal((0.0, 1.0), (drawn.Difference, drawn.TwoSidedP));
        Assert.Equal(new Interval(0, 0), drawn.DifferenceInterval);
    }

    [Theory]
    [InlineData(Metrics.Accuracy, 3)]
    [InlineData(Metrics.F1, 2)]
    [InlineData(Metrics.Mcc, 2)]
    [InlineData(Metrics.Mcc, 4)]
    [InlineData(Metrics.Pearson, 0)]
    [InlineData(Metrics.Spearman, 0)]
    public void A_metric_of_counted_examples_is_that_of_the_examples_repeated(string name, int classes)
    {
        var numbers = new Random(7);
        double Draw() => classes > 0 ? numbers.Next(classes) : Math.Round(numbers.NextDouble() * 5, 1);
        double[] labels = [.. Enumerable.Range(0, 60).Select(_ => Draw())];
        double[][] runs = [.. Enumerable.Range(0, 3).Select(_ => labels.Select(label => numbers.Next(3) > 0 ? label : Draw()).ToArray())];
        var metric = ResampledMetric.Of(name, labels, runs);
        var counts = new int[2 * labels.Length];
        int[][] draws = [.. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, 60).Select(_ => numbers.Next(60)).ToArray())];
        foreach (var (i, draw) in draws.Index())
            foreach (int example in draw)
                counts[i * labels.Length + example]++;
        var scores = new double[6];
        metric.Score(counts, scores);

        var task = new TaskDefinition
        {
            Name = "t",
            DisplayName = "t",
            TextColumns = ["text"],
            Labels = [.. Enumerable.Range(0, classes).Select(c => $"{c}")],
            Metrics = [name],
            ReportedMetric = name,
        };
        for (int i = 0; i < 2; i++)
            for (int run = 0; run < 3; run++)
            {
                float[] drawnLabels = [.. draws[i].Select(example => (float)labels[example])];
                float[] outputs =
                [
                    .. draws[i]
                        .SelectMany(example =>
                            classes == 0
                                ? [(float)runs[run][example]]
                                : Enumerable.Range(0, classes).Select(c => c == (int)runs[run][example] ? 1f : 0f)
                        ),
                ];
                double expected = Metrics.Measure(MadeRuns.Rows(task, outputs, drawnLabels))[name];
                Assert.Equal(expected, scores[i * 3 + run], classes == 0 ? 1e-6 : 1e-12);
            }
    }

    private static void AssertInterval(JsonElement expected, Interval actual, double tolerance)
    {
        Assert.Equal(expected.GetProperty("low").GetDouble(), actual.Low, tolerance);
        Assert.Equal(expected.GetProperty("high").GetDouble(), actual.High, tolerance);
    }
}
