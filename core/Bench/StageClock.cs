using System.Diagnostics;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>Splits a step's time among its stages.</summary>
internal sealed class StageClock(Compute compute)
{
    private readonly Dictionary<string, List<double>> times = [];
    private readonly Dictionary<string, double> step = [];
    private long started, last;
    private bool isPaused;

    /// <summary>Waits for the device that is measured.</summary>
    internal Action Wait { get; init; } = () => cuda.synchronize(compute.Device);

    public List<double> Totals { get; } = [];

    public IEnumerable<(string Name, List<double> Times)> Stages => times.Select(stage => (stage.Key, stage.Value));

    public void Begin()
    {
        step.Clear();
        started = last = Stopwatch.GetTimestamp();
    }

    /// <summary>
    /// The time of a step as training makes it: many in a row, with one wait at their end. On a GPU a wait after each stage, as
    /// <see cref="Mark"/> has it, would be measured with them.
    /// </summary>
    public void WholeSteps(Action step)
    {
        const int Steps = 10;
        isPaused = true;
        Wait();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Steps; i++)
            step();
        Wait();
        Totals.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds / Steps);
        isPaused = false;
    }

    /// <summary>What happened since the last mark belongs to a stage.</summary>
    public void Mark(string stage)
    {
        if (isPaused)
            return;
        if (compute.IsCuda)
            Wait();
        long now = Stopwatch.GetTimestamp();
        step[stage] = step.GetValueOrDefault(stage) + Stopwatch.GetElapsedTime(last, now).TotalMilliseconds;
        last = now;
    }

    public void End()
    {
        foreach (var (stage, time) in step)
            (times.TryGetValue(stage, out var list) ? list : times[stage] = []).Add(time);
        if (!compute.IsCuda)
            Totals.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    public void Clear()
    {
        times.Clear();
        Totals.Clear();
    }

    /// <summary>The method with marks between its stages.</summary>
    public ElectraMethod Between(ElectraMethod method)
    {
        T After<T>(string before, string name, Func<T> work)
        {
            Mark(before);
            var result = work();
            Mark(name);
            return result;
        }
        Tensor GeneratorLoss(Tensor logits, Tensor targets) => After("generator", "losses", () => method.GeneratorLoss(logits, targets));
        Tensor Sample(Tensor logits, Tensor targets, IReadOnlyList<RandomKey> keys) =>
            After("other", "sampling", () => method.Sample(logits, targets, keys));
        return method with
        {
            Mask = (batch, key) => After("other", "masking", () => method.Mask(batch, key)),
            GeneratorLoss = GeneratorLoss,
            Sample = Sample,
            DiscriminatorLoss = (logits, replaced) =>
                After("discriminator", "losses", () => method.DiscriminatorLoss(logits, replaced)),
            Own = [GeneratorLoss, Sample],
        };
    }
}
