using System.Diagnostics;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>How fast a classifier reads sentences of different lengths: what measuring on a development set and predicting do.</summary>
/// <param name="Milliseconds">Of all sentences.</param>
/// <param name="Products">Milliseconds of their matrix products alone.</param>
/// <param name="PaddedShare">The share of the positions that is padding.</param>
internal sealed record PredictionBench(double Milliseconds, double Products, double PaddedShare)
{
    /// <summary>As many sentences as the development set of SST-2 has, and of such lengths: 6 to 46 tokens.</summary>
    public const int Sentences = 872;

    private const int BatchSize = 32, Shortest = 6, Longest = 46;

    /// <summary>Measures the code that fine-tuning and prediction run, best of <paramref name="repetitions"/>.</summary>
    public static PredictionBench Measure(
        ElectraConfig config,
        Compute compute,
        RandomKey key,
        int repetitions,
        IProgress<ProgressReport>? progress = null
    )
    {
        using var _ = no_grad();
        using var model = ElectraClassifier.Create(config, outputs: 2, headDropout: 0, seed: 0, compute, trainable: false);
        var batches = Batches(config.VocabularySize, BatchSize, key);

        double best = double.PositiveInfinity;
        for (int i = 0; i <= repetitions; i++)
        {
            progress?.Report(new ProgressReport("measuring prediction", i, repetitions, "passes"));
            long start = Stopwatch.GetTimestamp();
            foreach (var batch in batches)
            {
                using var scope = NewDisposeScope();
                FinetuneMethod.Logits(model, batch, Dropout.None).cpu();
            }
            if (i > 0)
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        double products = 0;
        foreach (var shape in batches.GroupBy(batch => (batch.Size, batch.Length)))
        {
            using var step = new StepProducts(StepProducts.Of(config, shape.Key.Size, shape.Key.Length), compute);
            products += shape.Count() * step.Milliseconds(repetitions, forwardOnly: true);
        }
        return new(best, products, 1 - ((double)batches.Sum(batch => batch.Lengths.Sum()) / batches.Sum(batch => batch.Ids.Length)));
    }

    /// <summary>The sentences, of random tokens, those of about one length together, the longest first.</summary>
    public static IReadOnlyList<TokenBatch> Batches(int vocabulary, int batchSize, RandomKey key)
    {
        var numbers = key.Numbers();
        var lengths = new int[Sentences];
        foreach (ref int length in lengths.AsSpan())
            length = Shortest + numbers.Next(Longest - Shortest + 1);
        return
        [
            .. LengthOrder
                .LongestFirst(lengths)
                .Chunk(batchSize)
                .Select(rows => BatchOf([.. rows.Select(row => lengths[row])], vocabulary, ref numbers)),
        ];
    }

    private static TokenBatch BatchOf(int[] lengths, int vocabulary, ref RandomNumbers numbers)
    {
        int width = lengths.Max();
        var ids = new long[lengths.Length * width];
        for (int row = 0; row < lengths.Length; row++)
            foreach (ref long id in ids.AsSpan(row * width, lengths[row]))
                id = 1 + numbers.Next(vocabulary - 1);
        return new TokenBatch(lengths.Length, width, ids, new long[ids.Length], lengths);
    }
}
