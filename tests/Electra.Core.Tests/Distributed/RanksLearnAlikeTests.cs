using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Distributed;

/// <summary>
/// However many ranks a batch is cut over, its losses and its updates are those of one process: masks, samples and dropout follow the row
/// in the whole batch, and each loss is a mean over what the whole batch has. The ranks are threads here.
/// </summary>
public class RanksLearnAlikeTests
{
    private const int Updates = 4;
    private static readonly int[] Lengths = [24, 9, 17, 12, 3, 21, 9, 7];
    private static readonly MaskingTokens Tokens = new(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)])
    {
        MaxLength = 24,
        Separators = [.. Enumerable.Range(0, 200).Select(id => id is 2 or 3)],
    };

    private static readonly ElectraConfig Shape = TinyPair.Config with { HiddenSize = 32, GeneratorDivisor = 1 };

    [Theory]
    [InlineData(ObjectiveKind.Electra, 2)]
    [InlineData(ObjectiveKind.Electra, 3)]
    [InlineData(ObjectiveKind.Electra, 4)]
    [InlineData(ObjectiveKind.Mlm, 2)]
    [InlineData(ObjectiveKind.Mlm, 3)]
    [InlineData(ObjectiveKind.Electric, 2)]
    [InlineData(ObjectiveKind.Electric, 3)]
    [InlineData(ObjectiveKind.Gdes, 2)]
    [InlineData(ObjectiveKind.Gdes, 3)]
    public void Losses_are_those_of_one_process(ObjectiveKind kind, int size)
    {
        var (alone, _) = Train(kind, SingleProcess.Instance);
        var all = ThreadRanks.Run(size, ranks => Train(kind, ranks));
        // Of Electric with Google's prior, log q of a last [SEP] hangs on the rounding of scores − 10,000.
        double tolerance = kind == ObjectiveKind.Electric ? 1e-4 : 2e-6;
        foreach (var rank in all)
            Assert.All(rank.Losses.Zip(alone), pair => Assert.Equal(pair.Second, pair.First, tolerance * Math.Abs(pair.Second)));
        Assert.Single(all.Select(rank => rank.Weights).Distinct()); // bit by bit the same on all
    }

    [Fact]
    public void An_update_that_is_not_finite_on_one_rank_is_skipped_on_all()
    {
        var all = ThreadRanks.Run(2, ranks => Train(ObjectiveKind.Electra, ranks, failing: k => ranks.Rank == 1 && k == 1));
        Assert.Single(all.Select(rank => rank.Weights).Distinct());
        foreach (var rank in all)
            Assert.Equal([true, false, true, true], rank.Losses.Chunk(4).Select(update => double.IsFinite(update[0])));
    }

    /// <summary>Some updates.</summary>
    /// <returns>The losses and the norm of each, and the weights at the end as a fingerprint.</returns>
    private static (double[] Losses, string Weights) Train(ObjectiveKind kind, ICommunicator ranks, Func<long, bool>? failing = null)
    {
        using var scope = NewDisposeScope();
        var objective = Objective(kind, ranks, failing);
        var optimizers = new List<Adam>();
        foreach (var trains in objective.Trained)
            optimizers.Add(new Adam(objective.Store, new AdamOptions(), p => trains(p) ? 1 : 0, optimizers.FirstOrDefault()));
        using var step = new TrainingStep(objective.Store, optimizers, objective.LossNames.Count) { Ranks = ranks };
        var batch = Batch();
        int first = batch.Size * ranks.Rank / ranks.WorldSize, end = batch.Size * (ranks.Rank + 1) / ranks.WorldSize;
        for (long k = 0; k < Updates; k++)
            step.Run(k, objective.Update(k, [Part(batch, first, end - first)], RandomKey.FromSeed(1)[k])(), new StepRates(1e-3));
        double[] losses = [.. step.Read().SelectMany(update => update.Losses.Append(update.GradientNorm))];
        var weights = Convert.ToHexString(objective.Store.Values.bytes);
        foreach (var optimizer in optimizers)
            optimizer.Dispose();
        objective.Store.Dispose();
        return (losses, weights);
    }

    private static Objective Objective(ObjectiveKind kind, ICommunicator ranks, Func<long, bool>? failing)
    {
        var compute = Compute.Reference;
        var options = new ObjectiveOptions { Kind = kind, Masking = new() { Probability = 0.3 }, Prior = NoisePrior.Google };
        var vocabulary = TinyPair.Tokenizer().Vocabulary;
        if (kind == ObjectiveKind.Mlm)
        {
            var mlm = MlmMethod.From(options, Tokens, compute) with { Ranks = ranks };
            return MlmObjective.Of(MaskedLanguageModel.Create(Shape, seed: 2, compute), mlm, mlm, RandomKey.FromSeed(0), vocabulary);
        }
        if (kind == ObjectiveKind.Electric)
        {
            var electric = ElectricMethod.From(options, Tokens, compute) with { Ranks = ranks };
            var networks = ElectricPair.Create(Shape, seed: 2, compute);
            return ElectricObjective.Of(networks, electric, electric, RandomKey.FromSeed(0), vocabulary);
        }
        var method = ElectraMethod.From(options, Tokens, compute) with { Ranks = ranks };
        long update = -1;
        if (failing is not null)
            method = method with
            {
                Mask = (batch, key) =>
                {
                    update++;
                    return Masking.Apply(batch, Tokens, options.Masking, key);
                },
                Weigh = (generator, discriminator) => (generator + 50 * discriminator) * (failing(update) ? double.NaN : 1),
            };
        var baseline = new TokenBaseline(Shape.VocabularySize, compute, ranks);
        if (kind != ObjectiveKind.Gdes)
            return ElectraObjective.Of(ElectraPair.Create(Shape, seed: 2, compute), method, null!, baseline);
        var pair = ElectraPair.Create(Shape with { Generator = new() { Embeddings = GeneratorEmbeddings.Disentangled } }, seed: 2, compute);
        return GdesObjective.Of(pair, method, null!, baseline, isDecoupled: true, discriminatorRate: 2);
    }

    /// <summary>Some rows of a batch, their padding trimmed to the longest of them.</summary>
    private static TokenBatch Part(TokenBatch batch, int first, int count)
    {
        int length = batch.Lengths[first..(first + count)].Max();
        long[] Trimmed(long[] values) =>
            [.. Enumerable.Range(first, count).SelectMany(row => values.Skip(row * batch.Length).Take(length))];
        return new TokenBatch(count, length, Trimmed(batch.Ids), Trimmed(batch.TokenTypes), batch.Lengths[first..(first + count)])
        {
            FirstRow = first,
        };
    }

    private static TokenBatch Batch()
    {
        var numbers = RandomKey.FromSeed(3).Numbers();
        var ids = new long[Lengths.Length * 24];
        for (int row = 0; row < Lengths.Length; row++)
            for (int i = 0; i < Lengths[row]; i++)
                ids[(row * 24) + i] = i == 0 ? 2 : i == Lengths[row] - 1 ? 3 : 5 + numbers.Next(195);
        return new TokenBatch(Lengths.Length, 24, ids, new long[ids.Length], Lengths);
    }
}
