using System.Diagnostics;
using Electra.Data;
using Electra.Native;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>
/// How fast training is, against what the machine could do at best and against the plain way of writing it. Steps, the products by
/// themselves and the plain port take turns in one process, so that the ratios hold on a machine that does other things too.
/// </summary>
public static class TrainingBench
{
    private const int MaskId = 4;

    /// <summary>The runtime compiles what runs often once more.</summary>
    private const int WarmUp = 8;

    /// <summary>Measures and prints one table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var (config, console) = (run.Config, run.Console);
        var compute = Compute.Open(config.Compute, config.Precision);
        var random = RandomKey.FromSeed(config.Seed);
        var batch = RandomText(config, random[0]);
        var tokens = TokensOf(config);
        var options = Recipes.Defaults(Recipe.ElectraPytorch, config.Size);

        // ---- the training code itself, with a clock between its stages -----------------------------------------------------------
        using var training = new MeasuredTraining(config, options, tokens, batch, random[1], compute, run.Ranks);
        for (int i = 0; i < WarmUp; i++)
            training.TimedStep();
        training.Clock.Clear();
        double peakMegabytes = PeakMegabytes();
        double? deviceMegabytes = compute.IsCuda ? CudaDriver.MemoryInUse / 1e6 : null;

        // ---- steps and the floor, in turns -----------------------------------------------------------------------------------------
        int masked = Masking.Apply(batch, tokens, options.Objective.Masking, random[2]).Positions.Length;
        using var products = new StepProducts(config.Model, config.BatchSize, config.Length, masked, compute);
        var (productTime, copyRate, inCacheRate) = InTurns(run, training.TimedStep, products, compute);
        long? operators = OperatorCounter.Count(training.Step, onAllThreads: compute.IsCuda);

        // ---- the plain port, in turns with steps ------------------------------------------------------------------------------------
        double loss = training.MeanLoss();
        double? timesFaster = config.PlainSteps == 0 ? null : TimesFaster(run, compute, batch, tokens, options, random[2], () =>
        {
            long start = Stopwatch.GetTimestamp();
            training.Step();
            training.MeanLoss();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        });

        var prediction = PredictionBench.Measure(config.Model, compute, random[3], repetitions: 5, console);

        Print(
            console,
            $"{config.Size.ToString().ToLowerInvariant()}, {config.BatchSize} × {config.Length} tokens, {compute}",
            training.Clock,
            products,
            new Measured
            {
                ProductTime = productTime,
                CopyRate = copyRate,
                InCacheRate = inCacheRate,
                Parameters = training.Parameters,
                Tokens = batch.TokenCount,
                Operators = operators,
                TimesFaster = timesFaster,
                PeakMegabytes = peakMegabytes,
                DeviceMegabytes = deviceMegabytes,
                EstimatedMegabytes = training.Memory.Bytes / 1e6,
                Prediction = prediction,
                Loss = loss,
            }
        );
        return double.IsFinite(loss) ? 0 : 1;
    }

    /// <summary>Measures what several processes gain, and prints one table.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="UserErrorException">This is one process.</exception>
    public static int RunOnRanks(Run<BenchConfig> run) => RanksBench.Run(run);

    /// <summary>
    /// Steps and the floor in turns: the median time of the products alone, and the rates of copies and of products in the caches.
    /// </summary>
    private static (double ProductTime, double CopyRate, double? InCacheRate) InTurns(
        Run<BenchConfig> run,
        Action step,
        StepProducts products,
        Compute compute
    )
    {
        var (productTimes, copyRates, inCacheRates) = (new List<double>(), new List<double>(), new List<double>());
        for (int i = 0; i < run.Config.Steps; i++)
        {
            run.Stopping.ThrowIfCancellationRequested();
            run.Console.Report(new ProgressReport("measuring steps and the floor", i + 1, run.Config.Steps, "steps"));
            step();
            if (i % 3 == 0)
            {
                productTimes.Add(products.Milliseconds(repetitions: 4));
                copyRates.Add(products.CopyRate());
                if (InCacheProducts.Rate(compute, repetitions: 4) is { } rate)
                    inCacheRates.Add(rate);
            }
        }
        return (productTimes.Median(), copyRates.Median(), inCacheRates.Count == 0 ? null : inCacheRates.Median());
    }

    private static void Print(RunConsole console, string title, StageClock clock, StepProducts products, Measured measured)
    {
        double productTime = measured.ProductTime, step = clock.Totals.Median();
        // Parameters, gradients and two moments are read, parameters and moments written.
        double optimizerTime = 7.0 * sizeof(float) * measured.Parameters / (measured.CopyRate * 1e6);
        double floor = productTime + optimizerTime;
        double peakRate = products.PeakRate();
        console.Heading(title);
        console.Table(
            ["", "ms", "share of the step"],
            [
                .. clock.Stages.Select(stage =>
                    (IReadOnlyList<object?>)[stage.Name, $"{stage.Times.Median():F1}", $"{stage.Times.Median() / step:0%}"]
                ),
                ["the step (median)", $"{step:F1}", "100%"],
                ["its products alone", $"{productTime:F1}", $"{productTime / step:0%}"],
                ["one pass over the optimizer's memory", $"{optimizerTime:F1}", $"{optimizerTime / step:0%}"],
                ["the floor: both", $"{floor:F1}", $"{floor / step:0%}"],
            ]
        );
        console.Line();
        console.Table(
            ("step / floor", $"{step / floor:F2}"),
            ("step / floor in the caches", InCachesOf(step, products, optimizerTime, measured.InCacheRate)),
            ("plain port / step", measured.TimesFaster is { } times ? $"{times:F1}" : "not measured"),
            (
                "plain port / floor",
                measured.TimesFaster is { } most ? $"{most * step / floor:F1}: what a step at the floor would reach" : "not measured"
            ),
            ("tokens per second", $"{measured.Tokens / step * 1000:N0}"),
            ("all-reduce", AllReduceOf(clock, measured)),
            ("products' rate", $"{products.Flops / productTime / 1e6:N0} GFLOP/s of the step's own shapes; {peakRate:N0} of 1536 × 1536"),
            ("copy rate", $"{measured.CopyRate:F1} GB/s, read and written"),
            (
                "share of peak",
                $"{products.Flops / step / 1e6 / peakRate:0%}: 3 × forward = {products.Flops / measured.Tokens / 1e6:F1} MFLOP a token, "
                    + "at the rate of 1536 × 1536"
            ),
            ("libtorch operators a step", measured.Operators is { } count ? $"{count:N0}, views left out" : "not counted on this system"),
            ("peak memory", $"{measured.PeakMegabytes:N0} MB of the training process; {PeakMegabytes():N0} with all that is compared"),
            (
                "memory of the device",
                measured.DeviceMegabytes is { } used
                    ? $"{used:N0} MB in use after training alone; {measured.EstimatedMegabytes:N0} by the estimate"
                    : "the host's"
            ),
            (
                "prediction",
                $"{measured.Prediction.Milliseconds:F0} ms for {PredictionBench.Sentences} sentences: "
                    + $"{measured.Prediction.Milliseconds / measured.Prediction.Products:F2} times their products, "
                    + $"{measured.Prediction.PaddedShare:0.0%} padding"
            ),
            ("MKL's vendor check", MathKernels.State),
            ("mean loss", $"{measured.Loss:F3}"));
    }

    /// <summary>A step against its products at the rate that they have in the caches, and the optimizer's memory.</summary>
    private static string InCachesOf(double step, StepProducts products, double optimizerTime, double? rate) =>
        rate is { } gigaflops
            ? $"{step / ((products.Flops / gigaflops / 1e6) + optimizerTime):F2}: products at {gigaflops:N0} GFLOP/s + optimizer"
            : "not measured: the kernels do not compute this";

    /// <summary>How fast the gradients of all ranks are added up.</summary>
    private static string AllReduceOf(StageClock clock, Measured measured)
    {
        var time = clock.Stages.FirstOrDefault(stage => stage.Name == "all-reduce").Times?.Median();
        return time is { } ms
            ? $"{measured.Parameters * sizeof(float) / ms / 1e6:F2} GB/s of gradients, {ms / clock.Totals.Median():0%} of the step, with "
                + "the wait for the slowest rank; each rank has the batch above"
            : "none: one process";
    }

    private static double TimesFaster(
        Run<BenchConfig> run,
        Compute compute,
        TokenBatch batch,
        MaskingTokens tokens,
        PretrainConfig options,
        RandomKey key,
        Func<double> step
    )
    {
        var masked = Masking.Apply(batch, tokens, options.Objective.Masking, key);
        bool[] isMasked = new bool[batch.Ids.Length];
        foreach (long position in masked.Positions)
            isMasked[position] = true;
        using Tensor ids = tensor(batch.Ids, [batch.Size, batch.Length], device: compute.Device),
            maskedIds = tensor(masked.Ids, [batch.Size, batch.Length], device: compute.Device),
            mask = tensor(isMasked, [batch.Size, batch.Length], device: compute.Device);
        using var port = new PlainPort(run.Config.Model, compute.Device);
        port.Step(ids, maskedIds, mask);
        var (plain, fast) = (new List<double>(), new List<double>());
        for (int i = 0; i < run.Config.PlainSteps; i++)
        {
            run.Stopping.ThrowIfCancellationRequested();
            run.Console.Report(new ProgressReport("measuring the plain port", i + 1, run.Config.PlainSteps, "steps"));
            long start = Stopwatch.GetTimestamp();
            port.Step(ids, maskedIds, mask);
            plain.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            fast.Add(step());
        }
        return plain.Median() / fast.Median();
    }

    /// <summary>Which of them masking leaves alone.</summary>
    internal static MaskingTokens TokensOf(BenchConfig config) =>
        new(
            config.Model.VocabularySize,
            MaskId,
            [.. Enumerable.Range(0, config.Model.VocabularySize).Select(id => id <= MaskId)]
        );

    /// <summary>Full rows of random tokens: what they are changes nothing about the time.</summary>
    internal static TokenBatch RandomText(BenchConfig config, RandomKey key)
    {
        var numbers = key.Numbers();
        int count = config.BatchSize * config.Length;
        var ids = new long[count];
        foreach (ref long id in ids.AsSpan())
            id = MaskId + 1 + numbers.Next(config.Model.VocabularySize - MaskId - 1);
        return new TokenBatch(
            config.BatchSize,
            config.Length,
            ids,
            new long[count],
            [.. Enumerable.Repeat(config.Length, config.BatchSize)]
        );
    }

    private static double PeakMegabytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / 1e6;
    }

    internal static double Median(this List<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? double.NaN : sorted[sorted.Count / 2];
    }

    /// <summary>What was measured beside the stages of the step; times in milliseconds.</summary>
    private sealed record Measured
    {
        public required double ProductTime { get; init; }
        public required double CopyRate { get; init; }
        public required double? InCacheRate { get; init; }
        public required long Parameters { get; init; }
        public required long Tokens { get; init; }
        public required long? Operators { get; init; }
        public required double? TimesFaster { get; init; }
        public required double PeakMegabytes { get; init; }
        public required double? DeviceMegabytes { get; init; }
        public required double EstimatedMegabytes { get; init; }
        public required PredictionBench Prediction { get; init; }
        public required double Loss { get; init; }
    }
}
