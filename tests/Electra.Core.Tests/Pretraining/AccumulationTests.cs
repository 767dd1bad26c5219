using CsCheck;
using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>
/// The losses of a batch are means over what the whole batch has, and its gradients the same, however it is cut into parts.
/// </summary>
public class AccumulationTests
{
    private static readonly int[] Lengths = [24, 9, 17, 12, 3, 21, 9, 7];
    private static readonly MaskingTokens Tokens = new(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)]) { MaxLength = 24 };

    [Theory]
    [InlineData(8)]
    [InlineData(2)]
    [InlineData(1)]
    [InlineData(5)] // the last part is smaller
    public void Every_cut_gives_the_losses_and_gradients_of_the_reference(int size)
    {
        var golden = Golden.Tensors("m_accumulation");
        int[] lengths = [.. golden["attention_mask"].to(int64).sum(1).data<long>().Select(n => (int)n)];
        var (applied, sampled) = (golden["is_mlm_applied"].to(ScalarType.Bool), golden["sampled_tokens"]);
        var key = RandomKey.FromSeed(1);
        var whole = new TokenBatch(8, 24, [.. golden["input_ids"].data<long>()], [.. golden["token_type_ids"].data<long>()], lengths);
        // Where the draws of a part begin: its first key is looked up among those of the whole batch.
        var keys = whole.KeysAt([.. applied.reshape(-1).nonzero().view(-1).data<long>()], key[2]);
        using var pair = TinyPair.Load(dropout: 0);
        using var adam = new Adam(pair.Store, new AdamOptions { ClipNorm = 0 }); // clipping scales the gradients in place
        var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, Compute.Reference) with
        {
            Mask = (batch, _) =>
            {
                var own = applied.narrow(0, batch.FirstRow, batch.Size).narrow(1, 0, batch.Length).reshape(-1);
                long[] positions = [.. own.nonzero().view(-1).data<long>()];
                long[] ids =
                [
                    .. golden["masked_input_ids"].narrow(0, batch.FirstRow, batch.Size).narrow(1, 0, batch.Length).reshape(-1).data<long>(),
                ];
                return new MaskedTokens(ids, positions, [.. positions.Select(position => batch.Ids[position])]);
            },
            // The samples of a part follow those of the parts before it.
            Sample = (_, _, own) => sampled.narrow(0, Array.IndexOf(keys, own[0]), own.Count),
        };

        var losses = Run(pair, adam, method, Cut(whole, size), key);

        Golden.AssertClose(golden["loss"], tensor((float)losses[0]), 1e-5, "loss");
        Golden.AssertClose(golden["gen_loss"], tensor((float)losses[1]), 1e-5, "generator loss");
        Golden.AssertClose(golden["disc_loss"], tensor((float)losses[2]), 1e-5, "discriminator loss");
        foreach (var (name, gradient) in pair.Store.NamedGradients())
            if (golden.TryGetValue($"grads/{name}", out var expected))
                Assert.True((expected - gradient).abs().max().item<float>() < 1e-5 * 43.2, name);
    }

    /// <summary>
    /// Random cuts, with masks, samples and dropout of their own: by the plain operators, and by the kernels where the processor has them.
    /// </summary>
    [Theory]
    [InlineData(Precision.Float32, MaskingStyle.Independent, 1e-5)]
    [InlineData(Precision.Float32, MaskingStyle.FixedShare, 1e-5)]
    [InlineData(Precision.Bfloat16, MaskingStyle.Independent, 0.02)] // bfloat16 rounds sums of other lengths otherwise
    public void Masks_samples_and_dropout_are_the_same_for_every_cut(Precision precision, MaskingStyle style, double tolerance)
    {
        var compute = Compute.Reference with { Precision = precision };
        var config = TinyPair.Config with { HiddenSize = 64, AttentionHeads = 2, GeneratorDivisor = 1, EmbeddingSize = 32 };
        var options = new ObjectiveOptions { Masking = new() { Style = style, Probability = 0.3 } };
        var key = RandomKey.FromSeed(5);
        var batch = RandomBatch();
        var (losses, gradients) = Update([Lengths.Length]);
        Gen.Int[1, 8].Array[8].Sample(cut =>
        {
            var (cutLosses, cutGradients) = Update(cut);
            foreach (var (whole, part) in losses.Zip(cutLosses))
                Assert.Equal(whole, part, tolerance * Math.Abs(whole));
            double error = (gradients - cutGradients).norm().item<float>() / gradients.norm().item<float>();
            Assert.True(error < tolerance, $"gradients of {string.Join(" ", cut)}: {error:e2}");
        }, iter: 12, threads: 1);

        (double[] Losses, Tensor Gradients) Update(int[] sizes)
        {
            using var pair = ElectraPair.Create(config, seed: 2, compute);
            using var adam = new Adam(pair.Store, new AdamOptions());
            var parts = new List<TokenBatch>();
            for (int first = 0, i = 0; first < Lengths.Length; first += sizes[i++])
                parts.Add(Part(batch, first, Math.Min(sizes[i], Lengths.Length - first)));
            double[] values = Run(pair, adam, ElectraMethod.From(options, Tokens, compute), parts, key);
            return (values, pair.Store.Gradients.clone());
        }
    }

    private static double[] Run(ElectraPair pair, Adam adam, ElectraMethod method, IReadOnlyList<TokenBatch> parts, RandomKey key)
    {
        using var step = new TrainingStep(pair.Store, adam, method.LossNames.Count);
        step.Run(0, method.Passes(pair, parts, key), new StepRates(0));
        return [.. Assert.Single(step.Read()).Losses];
    }

    private static IReadOnlyList<TokenBatch> Cut(TokenBatch batch, int size) =>
        [.. Enumerable.Range(0, batch.Size).Chunk(size).Select(rows => Part(batch, rows[0], rows.Length))];

    /// <summary>Some rows of a batch, their padding trimmed to the longest of them.</summary>
    private static TokenBatch Part(TokenBatch batch, int first, int count)
    {
        int length = batch.Lengths[first..(first + count)].Max();
        long[] Trimmed(long[] values) =>
            [.. Enumerable.Range(first, count).SelectMany(row => values.Skip(row * batch.Length).Take(length))];
        return new TokenBatch(count, length, Trimmed(batch.Ids), Trimmed(batch.TokenTypes), batch.Lengths[first..(first + count)])
        {
            FirstRow = batch.FirstRow + first,
        };
    }

    private static TokenBatch RandomBatch()
    {
        var numbers = RandomKey.FromSeed(3).Numbers();
        var ids = new long[Lengths.Length * 24];
        for (int row = 0; row < Lengths.Length; row++)
            for (int i = 0; i < Lengths[row]; i++)
                ids[(row * 24) + i] = 5 + numbers.Next(195);
        return new TokenBatch(Lengths.Length, 24, ids, new long[ids.Length], Lengths);
    }
}
