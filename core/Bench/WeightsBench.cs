using System.Diagnostics;
using Electra.Checkpoints.Formats;
using Electra.Model;
using Electra.Running;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>How fast the weights of a model are loaded from safetensors, against reading the same file whole.</summary>
public static class WeightsBench
{
    /// <summary>Measures and prints one table. The file is in the system's cache.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var (config, console) = (run.Config, run.Console);
        var folder = Directory.CreateTempSubdirectory("electra-bench-").FullName;
        try
        {
            var file = Path.Combine(folder, "model.safetensors");
            using var pair = ElectraPair.Create(config.Model, run.Seed, Compute.Reference, trainable: false);
            var weights = pair.DiscriminatorWeights().ToList();
            var (saving, _) = Median(1, () => SafeTensors.Save(file, weights));
            long bytes = new FileInfo(file).Length;

            var (reading, _) = Median(config.Steps, () => File.ReadAllBytes(file));
            var (loading, _) = Median(config.Steps, () =>
            {
                using var scope = NewDisposeScope();
                using var opened = SafeTensorsFile.Open(file);
                foreach (var name in opened.Tensors.Keys)
                    opened.Load(name);
            });
            var (filling, allocated) = Median(config.Steps, () =>
            {
                using var opened = SafeTensorsFile.Open(file);
                foreach (var (name, value) in weights)
                    opened.CopyTo(name, value);
            });
            console.Table(
                (
                    "model",
                    $"discriminator, {weights.Sum(weight => weight.Value.numel()):N0} parameters, {bytes / 1e6:N0} MB of safetensors"
                ),
                ("written, to the disk", $"{saving:F0} ms"),
                ("read whole, File.ReadAllBytes", $"{reading:F1} ms, {bytes / 1e6 / reading:F1} GB/s"),
                ("loaded into new tensors", $"{loading:F1} ms, {bytes / 1e6 / loading:F1} GB/s"),
                ("loaded / read", $"{loading / reading:F2}"),
                ("loaded into a model that is there", $"{filling:F1} ms, {bytes / 1e6 / filling:F1} GB/s"),
                ("allocated beside that model", $"{allocated / 1e6:F1} MB, {allocated / bytes:0.0%} of the file"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The median time of some repetitions after a first one, in milliseconds; and the bytes that one of them allocates.</summary>
    private static (double Milliseconds, double Allocated) Median(int repetitions, Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        work();
        double allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        double[] times = [.. Enumerable.Range(0, repetitions).Select(_ =>
        {
            var clock = Stopwatch.StartNew();
            work();
            return clock.Elapsed.TotalMilliseconds;
        }).Order()];
        return (times[repetitions / 2], allocated);
    }
}
