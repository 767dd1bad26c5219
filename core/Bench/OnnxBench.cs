using System.Diagnostics;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data;
using Electra.Export;
using Electra.Model;
using Electra.Native;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>
/// How fast a model reads sentences, beside ONNX Runtime on the same model exported, in the same batches, with as many threads, in turns
/// in one process.
/// </summary>
public static class OnnxBench
{
    /// <summary>Threads that wait for work spin for a while: the other side's would take its processors.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Measures and prints one table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var config = run.Config;
        var compute = Compute.Open(config.Compute with { Device = "cpu" }, config.Precision);
        using var _ = no_grad();
        var folder = Directory.CreateTempSubdirectory("electra-bench-").FullName;
        try
        {
            using var pair = ElectraPair.Create(config.Model, run.Seed, Compute.Reference, trainable: false);
            HuggingFaceFolder.SavePair(folder, pair, new ElectraTokenizer(MadeUp(config.Model.VocabularySize)));
            using var model = PretrainedModel.Open(Path.Combine(folder, "discriminator"));
            var file = Path.Combine(folder, "model.onnx");
            OnnxModel.Save(file, model);
            OnnxRuntimeLibrary.Find();
            using var options = new SessionOptions { IntraOpNumThreads = compute.Threads };
            using var session = new InferenceSession(file, options);
            using var encoder = new TrainedEncoder(model, compute);

            run.Console.Heading($"{config.Size.ToString().ToLowerInvariant()}, {PredictionBench.Sentences} sentences, {compute}");
            run.Console.Table(
                ["sentences at a time", "this kit, ms each", "ONNX Runtime, ms each", "this / that", "slowest hundredth, this / that"],
                [.. new[] { 32, 8, 1 }.Select(size => Row(run, size, encoder, session))]
            );
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IReadOnlyList<object?> Row(Run<BenchConfig> run, int size, TrainedEncoder encoder, InferenceSession session)
    {
        var batches = PredictionBench.Batches(run.Config.Model.VocabularySize, size, RandomKey.FromSeed(run.Seed));
        List<double> own = [], other = [];
        for (int turn = 0; turn <= run.Config.Steps / 3; turn++)
        {
            run.Stopping.ThrowIfCancellationRequested();
            run.Console.Report(new ProgressReport($"measuring {size} at a time", turn, run.Config.Steps / 3, "turns"));
            foreach (var (times, ask) in new (List<double>, Action<TokenBatch>)[] { (own, Kit), (other, Runtime) })
            {
                Thread.Sleep(Pause);
                foreach (var batch in batches)
                {
                    long start = Stopwatch.GetTimestamp();
                    ask(batch);
                    if (turn > 0)
                        times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
            }
        }
        return
        [
            size,
            $"{own.Median() / size:F2}",
            $"{other.Median() / size:F2}",
            $"{own.Median() / other.Median():F2}",
            $"{Slow(own) / Slow(other):F2}",
        ];

        void Kit(TokenBatch batch)
        {
            using var scope = NewDisposeScope();
            using Tensor ids = tensor(batch.Ids).view(batch.Size, batch.Length), types = zeros_like(ids);
            encoder.Logits(ids, types, AttentionMask.Of(batch, encoder.Compute), arange(batch.Ids.Length)).cpu();
        }

        void Runtime(TokenBatch batch)
        {
            long[] shape = [batch.Size, batch.Length];
            long[] mask =
            [
                .. batch.Lengths.SelectMany(length => Enumerable.Range(0, batch.Length).Select(place => place < length ? 1L : 0)),
            ];
            using OrtValue ids = OrtValue.CreateTensorValueFromMemory(batch.Ids, shape),
                seen = OrtValue.CreateTensorValueFromMemory(mask, shape),
                types = OrtValue.CreateTensorValueFromMemory(new long[mask.Length], shape);
            using var options = new RunOptions();
            var inputs = new Dictionary<string, OrtValue>
            {
                ["input_ids"] = ids,
                ["attention_mask"] = seen,
                ["token_type_ids"] = types,
            };
            session.Run(options, inputs, session.OutputNames).Dispose();
        }
    }

    /// <summary>The time that one in a hundred exceeds.</summary>
    private static double Slow(List<double> times) => times.Order().ElementAt(times.Count * 99 / 100);

    private static Vocabulary MadeUp(int size) =>
        new([.. Vocabulary.SpecialTokens, .. Enumerable.Range(0, size - Vocabulary.SpecialTokens.Count).Select(i => $"word{i}")]);
}
