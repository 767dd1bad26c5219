using System.Diagnostics;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Statistics.Inference;
using Electra.Tensors;

namespace Electra.Bench;

/// <summary>
/// How fast the Multi-Bootstrap is, at the sizes of the largest claims: two sides of 8 seeds with 10 runs each, 10,000 resamples, on
/// MNLI's 9,815 examples and STS-B's 1,500.
/// </summary>
public static class StatisticsBench
{
    private const int Seeds = 8, Runs = 10, Mnli = 9815, Stsb = 1500;

    /// <summary>Measures and prints one table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var rows = new List<IReadOnlyList<object>>();
        foreach (var (metric, examples, classes) in new[]
        {
            (Metrics.Accuracy, Mnli, 3),
            (Metrics.Mcc, Mnli, 3),
            (Metrics.F1, Mnli, 2),
            (Metrics.Pearson, Stsb, 0),
            (Metrics.Spearman, Stsb, 0),
        })
        {
            run.Stopping.ThrowIfCancellationRequested();
            var clock = Stopwatch.StartNew();
            var drawn = Draw(metric, examples, classes, run.Seed);
            rows.Add(
                [
                    metric,
                    examples,
                    MultiBootstrapOptions.UsualResamples,
                    $"{clock.Elapsed.TotalSeconds:F1} s",
                    $"{100 * drawn.DifferenceInterval.Low:F3} to {100 * drawn.DifferenceInterval.High:F3}",
                ]
            );
        }
        run.Console.Table(["metric", "examples", "resamples", "time", "difference, 95%"], rows);
        run.Console.Line(
            $"2 × {Seeds} seeds × {Runs} runs, {Environment.ProcessorCount} processors. The same seed gives the same numbers."
        );
        return 0;
    }

    private static MultiBootstrap Draw(string name, int examples, int classes, int seed)
    {
        var key = RandomKey.FromSeed(seed);
        double[] labels = Labels(key[0], examples, classes);
        double[][] predictions =
        [
            .. Enumerable
                .Range(0, 2 * Seeds * Runs)
                .Select(run => Predictions(key[1][run], labels, classes, run < Seeds * Runs ? 0.8 : 0.81)),
        ];
        List<int[]> Side(int from) => [.. Enumerable.Range(0, Seeds).Select(s => Enumerable.Range(from + s * Runs, Runs).ToArray())];
        return MultiBootstrap.Of(
            ResampledMetric.Of(name, labels, predictions),
            Side(0),
            Side(Seeds * Runs),
            new MultiBootstrapOptions(IsPaired: true, Seed: seed)
        );
    }

    private static double[] Labels(RandomKey key, int examples, int classes)
    {
        var numbers = key.Numbers();
        var labels = new double[examples];
        for (int i = 0; i < examples; i++)
            labels[i] = Drawn(ref numbers, classes);
        return labels;
    }

    private static double[] Predictions(RandomKey key, double[] labels, int classes, double right)
    {
        var numbers = key.Numbers();
        var predictions = new double[labels.Length];
        for (int i = 0; i < labels.Length; i++)
            predictions[i] =
                classes == 0 ? labels[i] + 2 * (1 - right) * numbers.NextDouble()
                : numbers.NextDouble() < right ? labels[i]
                : Drawn(ref numbers, classes);
        return predictions;
    }

    /// <summary>A class, or a value as STS-B's are: in steps of 0.2 up to 5.</summary>
    private static double Drawn(ref RandomNumbers numbers, int classes) => classes > 0 ? numbers.Next(classes) : 0.2 * numbers.Next(26);
}
