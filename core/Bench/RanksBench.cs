using System.Diagnostics;
using Electra.Configuration;
using Electra.Data;
using Electra.Distributed;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>
/// What several processes gain: steps of one batch on all ranks, and on rank 0 alone with the threads of all. They take turns, so that the
/// ratio holds on a machine that does other things too.
/// </summary>
internal static class RanksBench
{
    private const string Demo = "configs/demo.yaml";
    private const int WarmUp = 3;

    /// <summary>The medians of a shape, in milliseconds.</summary>
    private sealed record Times(double OnOne, double OnRanks, double AllReduce, long Parameters);

    /// <summary>Measures the demo's shape and that of the configuration, and prints one table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var (config, console, ranks) = (run.Config, run.Console, run.Ranks);
        if (ranks.WorldSize == 1)
            throw new UserErrorException("ranks: several processes are measured, and this is one: start it by mpirun -np 2");
        int threads = Math.Max(1, config.Compute.Threads);
        var compute = Compute.Open(config.Compute, config.Precision) with { Threads = threads };
        var demo = Config.Load<PretrainConfig>(Demo);
        (string Name, BenchConfig Shape)[] shapes =
        [
            (
                "demo",
                config with
                {
                    Model = demo.Model with { VocabularySize = demo.Vocabulary.Size!.Value },
                    BatchSize = demo.Training.BatchSize,
                    Length = demo.Examples.MaxLength,
                }
            ),
            (config.Size.ToString().ToLowerInvariant(), config),
        ];
        var rows = shapes.Select(one => (one.Name, one.Shape, Times: Measure(run, one.Shape, compute))).ToList();
        console.EndProgress();
        string[] processes = [Described(1, threads * ranks.WorldSize), Described(ranks.WorldSize, threads)];
        console.Heading($"{processes[1]} against {processes[0]}; {ranks.Description}, {compute}");
        console.Table(
            ["", "batch", $"{processes[0]}, ms", $"{processes[1]}, ms", "ratio", "all-reduce, ms", "of the step", "GB/s"],
            rows.Select(row =>
                (IReadOnlyList<object?>)
                    [
                        row.Name,
                        $"{row.Shape.BatchSize} × {row.Shape.Length}",
                        $"{row.Times.OnOne:F1}",
                        $"{row.Times.OnRanks:F1}",
                        $"{row.Times.OnRanks / row.Times.OnOne:F2}",
                        $"{row.Times.AllReduce:F2}",
                        $"{row.Times.AllReduce / row.Times.OnRanks:0.0%}",
                        $"{row.Times.Parameters * sizeof(float) / row.Times.AllReduce / 1e6:F2}",
                    ]
            )
        );
        console.Line("The ratio is below 1 where several processes are faster. The all-reduce is that of the gradients, by itself.");
        return 0;
    }

    private static string Described(int processes, int threads) => $"{processes} × {Plural.Of(threads, "thread")}";

    private static Times Measure(Run<BenchConfig> run, BenchConfig shape, Compute compute)
    {
        var ranks = run.Ranks;
        var random = RandomKey.FromSeed(shape.Seed);
        var batch = TrainingBench.RandomText(shape, random[0]);
        var tokens = TrainingBench.TokensOf(shape);
        var options = Recipes.Defaults(Recipe.ElectraPytorch, shape.Size);
        var all = compute with { Threads = compute.Threads * ranks.WorldSize };
        using var together = new MeasuredTraining(shape, options, tokens, Part(batch, ranks), random[1], compute, ranks);
        using var alone = ranks.Rank > 0
            ? null
            : new MeasuredTraining(shape, options, tokens, batch, random[1], all, SingleProcess.Instance);

        double Timed(Compute on, Action? work)
        {
            set_num_threads(on.Threads);
            ranks.AwaitAll(); // asleep, while another computes alone
            ranks.Sum(0); // and now at the same time
            long start = Stopwatch.GetTimestamp();
            work?.Invoke();
            if (compute.IsCuda)
                cuda.synchronize(compute.Device);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        var (onOne, onRanks, reduce) = (new List<double>(), new List<double>(), new List<double>());
        for (int i = -WarmUp; i < shape.Steps; i++)
        {
            ranks.AwaitAll(); // to ask all whether to stop would keep the others busy while rank 0 computes alone
            if (run.IsStopping())
                throw new OperationCanceledException();
            run.Console.Report(new ProgressReport("measuring steps", i + WarmUp + 1, shape.Steps + WarmUp, "steps"));
            var (shared, sum, single) = (
                Timed(compute, together.Step),
                Timed(compute, () => ranks.AllReduce(together.Gradients)),
                Timed(all, alone is null ? null : alone.Step)
            );
            if (i < 0)
                continue;
            onRanks.Add(shared);
            reduce.Add(sum);
            onOne.Add(single);
        }
        return new Times(onOne.Median(), onRanks.Median(), reduce.Median(), together.Parameters);
    }

    /// <summary>A rank's rows of a batch.</summary>
    private static TokenBatch Part(TokenBatch batch, ICommunicator ranks)
    {
        int Begin(int rank) => batch.Size * rank / ranks.WorldSize;
        int first = Begin(ranks.Rank), end = Begin(ranks.Rank + 1);
        if (batch.Size < ranks.WorldSize)
            throw new UserErrorException($"batch_size: {batch.Size} rows are too few for {ranks.WorldSize} ranks");
        return new TokenBatch(
            end - first,
            batch.Length,
            batch.Ids[(first * batch.Length)..(end * batch.Length)],
            batch.TokenTypes[(first * batch.Length)..(end * batch.Length)],
            batch.Lengths[first..end]
        )
        {
            FirstRow = first,
        };
    }
}
