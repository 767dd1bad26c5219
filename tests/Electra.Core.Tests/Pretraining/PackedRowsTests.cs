using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Pretraining;

/// <summary>Examples that share a row are computed as if each had one to itself.</summary>
public class PackedRowsTests
{
    // Rows of three, one and two examples; the second is full, the others have padding.
    private static readonly int[][] Packed = [[9, 5, 7], [24], [12, 3]];
    private const int Length = 24;
    private static readonly MaskingTokens Tokens = new(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)]) { MaxLength = Length };

    /// <summary>
    /// By the plain operators in float32; in bfloat16 by the kernels, where the processor has them, and by the operators.
    /// </summary>
    [Theory]
    [InlineData(Precision.Float32, false, 1e-5)]
    [InlineData(Precision.Bfloat16, false, 1e-5)]
    [InlineData(Precision.Bfloat16, true, 0.02)] // products of other shapes round otherwise
    public void Logits_are_those_of_the_examples_alone(Precision precision, bool plain, double tolerance)
    {
        FastOperations.PlainOnly = plain;
        try
        {
            var compute = Compute.Reference with { Precision = precision };
            using var pair = Pair(compute);
            using var _ = no_grad();
            var batch = Batch();
            var (generator, discriminator) = Logits(pair, batch, compute);
            foreach (var (row, blocks) in Packed.Index())
                foreach (var (start, length) in batch.ExamplesOf(row))
                {
                    var (ownGenerator, ownDiscriminator) = Logits(pair, Alone(batch, start, length), compute);
                    AssertClose(ownGenerator, generator.narrow(0, start, length));
                    AssertClose(ownDiscriminator, discriminator.narrow(0, start, length));
                }
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }

        void AssertClose(Tensor alone, Tensor packed)
        {
            double error = (alone - packed).abs().max().item<float>(), scale = alone.abs().max().item<float>();
            Assert.True(error <= tolerance * Math.Max(1, scale), $"{error:e2} of {scale:F2}");
        }
    }

    [Fact]
    public void A_masked_language_model_and_two_towers_read_the_examples_alone_too()
    {
        using var _ = no_grad();
        var batch = Batch();
        var config = TinyPair.Config;
        using var model = MaskedLanguageModel.Create(config with { InitializerRange = 0.3 }, seed: 2, Compute.Reference);
        using var store = new ParameterStore();
        var towers = new TwoTowerGenerator(store, config, new Embeddings(store, "embeddings", config));
        store.Allocate(Compute.Reference, seed: 3, standardDeviation: 0.3);

        var (logits, encoded) = Of(batch);
        for (int row = 0; row < batch.Size; row++)
            foreach (var (start, length) in batch.ExamplesOf(row))
            {
                var (ownLogits, ownEncoded) = Of(Alone(batch, start, length));
                Assert.InRange((ownLogits - logits.narrow(0, start, length)).abs().max().item<float>(), 0, 1e-5);
                // A tower's states move by one: what [CLS] and the last [SEP] are predicted from comes from beyond the example.
                Tensor Inner(Tensor states, int first) => states.narrow(0, first + 1, length - 2);
                Assert.InRange((Inner(ownEncoded, 0) - Inner(encoded, start)).abs().max().item<float>(), 0, 1e-5);
            }

        (Tensor Logits, Tensor Encoded) Of(TokenBatch own)
        {
            var attention = AttentionMask.Of(own, Compute.Reference);
            Tensor Rows(long[] values) => tensor(values, dtype: int64).view(own.Size, own.Length);
            var (ids, types) = (Rows(own.Ids), Rows(own.TokenTypes));
            return (
                model.Predict(ids, types, attention, arange(own.Ids.Length, dtype: int64), Dropout.None),
                towers.Encode(ids, types, attention, Dropout.None)
            );
        }
    }

    [Theory]
    [InlineData(Precision.Float32, false, 1e-5)]
    [InlineData(Precision.Bfloat16, false, 0.02)] // sums over other rows round otherwise
    public void Gradients_are_those_of_the_examples_alone(Precision precision, bool plain, double tolerance)
    {
        FastOperations.PlainOnly = plain;
        try
        {
            var compute = Compute.Reference with { Precision = precision };
            var batch = Batch();
            var packed = Gradients(compute, [batch]);
            var alone = Gradients(
                compute,
                [.. Enumerable.Range(0, batch.Size).SelectMany(batch.ExamplesOf).Select(at => Alone(batch, at.Start, at.Length))]
            );
            double error = (packed - alone).norm().item<float>() / alone.norm().item<float>();
            Assert.True(error < tolerance, $"{error:e2}");
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }
    }

    [Theory]
    [InlineData(MaskingStyle.Independent)]
    [InlineData(MaskingStyle.FixedShare)]
    public void Masks_samples_and_dropout_are_the_same_for_every_cut(MaskingStyle style)
    {
        var options = new ObjectiveOptions { Masking = new() { Style = style, Probability = 0.3 } };
        var method = ElectraMethod.From(options, Tokens, Compute.Reference);
        var key = RandomKey.FromSeed(5);
        var batch = Batch();
        var (losses, gradients) = Update([batch]);
        foreach (int[] cut in new[] { new[] { 1, 2 }, [2, 1], [1, 1, 1] })
        {
            var parts = new List<TokenBatch>();
            for (int i = 0, first = 0; i < cut.Length; first += cut[i++])
                parts.Add(Part(batch, first, cut[i]));
            var (cutLosses, cutGradients) = Update(parts);
            foreach (var (whole, part) in losses.Zip(cutLosses))
                Assert.Equal(whole, part, 1e-5 * Math.Abs(whole));
            Assert.InRange((gradients - cutGradients).norm().item<float>() / gradients.norm().item<float>(), 0, 1e-5);
        }

        (double[] Losses, Tensor Gradients) Update(IReadOnlyList<TokenBatch> parts)
        {
            using var pair = Pair(Compute.Reference, dropout: 0.1);
            using var adam = new Adam(pair.Store, new AdamOptions());
            using var step = new TrainingStep(pair.Store, adam, method.LossNames.Count);
            step.Run(0, method.Passes(pair, parts, key), new StepRates(0));
            return ([.. Assert.Single(step.Read()).Losses], pair.Store.Gradients.clone());
        }
    }

    /// <summary>A loss over the tokens of a packed row is one over those of its examples.</summary>
    [Fact]
    public void The_losses_are_those_of_the_examples_alone()
    {
        using var pair = Pair(Compute.Reference);
        var batch = Batch();
        TokenBatch[] alone =
        [
            .. Enumerable.Range(0, batch.Size).SelectMany(batch.ExamplesOf).Select(at => Alone(batch, at.Start, at.Length)),
        ];
        // The second token of each example is masked, and stays what it was.
        var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, Compute.Reference) with
        {
            Mask = (own, _) =>
            {
                long[] positions = [.. Enumerable.Range(0, own.Size).SelectMany(own.ExamplesOf).Select(at => at.Start + 1L)];
                var ids = own.Ids.ToArray();
                foreach (long position in positions)
                    ids[position] = Tokens.MaskId;
                return new MaskedTokens(ids, positions, [.. positions.Select(position => own.Ids[position])]);
            },
            Sample = (_, targets, _) => targets.add(1),
        };
        var key = RandomKey.FromSeed(1);
        var packed = method.Forward(pair, batch, key, training: false);
        var (generator, discriminator) = (0.0, 0.0);
        foreach (var own in alone)
        {
            var pass = method.Forward(pair, own, key, training: false);
            generator += pass.GeneratorLoss.item<float>() / alone.Length;
            discriminator += pass.DiscriminatorLoss.item<float>() * own.TokenCount / batch.TokenCount;
        }
        Assert.Equal(60, packed.DiscriminatorLogits.shape[0]);
        Assert.Equal(generator, packed.GeneratorLoss.item<float>(), 1e-5);
        Assert.Equal(discriminator, packed.DiscriminatorLoss.item<float>(), 1e-5);
    }

    /// <summary>CUDA takes libtorch's fused attention with the mask as a bias.</summary>
    [Fact]
    public void The_mask_keeps_examples_apart_in_fused_attention()
    {
        const int Heads = 2, Size = 8;
        var batch = Batch();
        var bias = AttentionMask.Of(batch, Compute.Reference).Bias!;
        var all = randn([3, Packed.Length, Heads, Length, Size], generator: new Generator(4)).unbind(0);
        Tensor Attend(Tensor[] of, Tensor? mask) => scaled_dot_product_attention(of[0], of[1], of[2], mask);

        var packed = Attend(all, bias);

        Assert.Equal([Packed.Length, 1, Length, Length], bias.shape);
        Assert.True(packed.isfinite().all().item<bool>(), "padding attends to padding");
        for (int row = 0; row < batch.Size; row++)
            foreach (var (start, length) in batch.ExamplesOf(row))
            {
                Tensor Own(Tensor of) => of.narrow(0, row, 1).narrow(2, start - (row * Length), length);
                Assert.InRange((Attend([.. all.Select(Own)], null) - Own(packed)).abs().max().item<float>(), 0, 1e-5);
            }
    }

    [Fact]
    public void Sentence_order_is_refused_where_examples_share_a_row() =>
        Assert.Contains(
            "examples.packing=none",
            Assert.Throws<UserErrorException>(() => SentenceOrder.Swap(Batch(), RandomKey.FromSeed(1))).Message
        );

    private static ElectraPair Pair(Compute compute, double dropout = 0)
    {
        var config = TinyPair.Config with
        {
            HiddenSize = 64,
            AttentionHeads = 2,
            GeneratorDivisor = 1,
            EmbeddingSize = 32,
            HiddenDropout = dropout,
            AttentionDropout = dropout,
        };
        var pair = ElectraPair.Create(config, seed: 2, compute);
        using (no_grad())
            pair.Store.Values.add_(randn(pair.Store.Values.shape, generator: new Generator(3)) * 0.05);
        pair.Store.PublishValues();
        return pair;
    }

    private static TokenBatch Batch()
    {
        var numbers = new RandomKey(7).Numbers();
        return TokenBatch.Of(
            Packed,
            Length,
            0,
            1,
            (int i, Span<int> ids, out int lengthA) =>
            {
                int length = Packed.SelectMany(row => row).ElementAt(i);
                (ids[0], ids[length - 1]) = (2, 3);
                for (int j = 1; j < length - 1; j++)
                    ids[j] = 5 + numbers.Next(195);
                lengthA = (length / 2) + 1;
                return length;
            }
        );
    }

    private static TokenBatch Alone(TokenBatch batch, int start, int length) =>
        new(1, length, batch.Ids[start..(start + length)], batch.TokenTypes[start..(start + length)], [length]);

    private static TokenBatch Part(TokenBatch batch, int first, int count)
    {
        Range tokens = (first * Length)..((first + count) * Length), rows = first..(first + count);
        return new TokenBatch(count, Length, batch.Ids[tokens], batch.TokenTypes[tokens], batch.Lengths[rows])
        {
            FirstRow = first,
            Packed = batch.Packed![rows],
        };
    }

    private static (Tensor Generator, Tensor Discriminator) Logits(ElectraPair pair, TokenBatch batch, Compute compute)
    {
        var attention = AttentionMask.Of(batch, compute);
        Tensor Rows(long[] values) => tensor(values, dtype: int64).view(batch.Size, batch.Length);
        var (ids, types) = (Rows(batch.Ids), Rows(batch.TokenTypes));
        var all = arange(batch.Ids.Length, dtype: int64);
        return (
            pair.Generate(ids, types, attention, all, Dropout.None),
            pair.Discriminate(ids, types, attention, Dropout.None)
        );
    }

    /// <summary>Of a loss that every token has a part in.</summary>
    private static Tensor Gradients(Compute compute, IEnumerable<TokenBatch> batches)
    {
        using var pair = Pair(compute);
        foreach (var batch in batches)
        {
            var (generator, discriminator) = Logits(pair, batch, compute);
            var real = tensor(batch.TokenPositions(), dtype: int64);
            var loss = generator.index_select(0, real).logsumexp(1).sum() + discriminator.index_select(0, real).square().sum();
            loss.backward();
        }
        pair.Store.CollectGradients();
        return pair.Store.Gradients.clone();
    }
}
