using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Pretraining;

/// <summary>What scripts put in the place of the method's stages.</summary>
public class OwnStagesTests
{
    private static readonly Vocabulary Vocabulary = new([.. Vocabulary.SpecialTokens, "play", "##ing", "##s", "dog", "cat"]);
    private static readonly MaskingTokens Tokens = new(
        Vocabulary.Count,
        Vocabulary.MaskId,
        [.. Enumerable.Range(0, Vocabulary.Count).Select(Vocabulary.IsSpecial)]
    );

    // [CLS] play ##ing ##s dog [SEP] | [CLS] cat ##s [SEP] [PAD] [PAD]
    private static readonly TokenBatch Sentences = new(2, 6, [2, 5, 6, 7, 8, 3, 2, 9, 7, 3, 0, 0], new long[12], [6, 4]);

    [Fact]
    public void Words_begin_where_no_token_continues_one()
    {
        Assert.Equal([[0], [1, 2, 3], [4], [5]], Masking.Words(Sentences, 0, Vocabulary));
        Assert.Equal([[6], [7, 8], [9]], Masking.Words(Sentences, 1, Vocabulary));
    }

    [Fact]
    public void Words_are_masked_whole_as_often_as_asked_and_special_tokens_never()
    {
        var options = new MaskingOptions { Probability = 0.3, MaskShare = 1 };
        int[][] words = [[1, 2, 3], [4], [7, 8]];
        var counts = new int[words.Length];
        for (int i = 0; i < 2000; i++)
        {
            var masked = Masking.ApplyToGroups(
                Sentences,
                Tokens,
                options,
                RandomKey.FromSeed(i),
                row => Masking.Words(Sentences, row, Vocabulary)
            );
            int covered = 0;
            foreach (var (w, word) in words.Index())
                if (word.All(position => masked.Positions.Contains(position)))
                    (counts[w], covered) = (counts[w] + 1, covered + word.Length);
            Assert.Equal(masked.Positions.Length, covered);
            Assert.All(masked.Positions, position => Assert.Equal(Vocabulary.MaskId, masked.Ids[position]));
            Assert.Equal(masked.Positions.Select(position => Sentences.Ids[position]), masked.Targets);
        }
        Assert.All(counts, count => Assert.InRange(count, 520, 680));
    }

    [Fact]
    public void A_row_is_masked_alike_in_every_part_of_a_batch()
    {
        var options = new MaskingOptions { Probability = 0.5 };
        var second = new TokenBatch(1, 6, Sentences.Ids[6..], new long[6], [4]) { FirstRow = 1 };
        for (int i = 0; i < 50; i++)
        {
            var whole = Masking.ApplyToGroups(
                Sentences,
                Tokens,
                options,
                RandomKey.FromSeed(i),
                row => Masking.Words(Sentences, row, Vocabulary)
            );
            var part = Masking.ApplyToGroups(second, Tokens, options, RandomKey.FromSeed(i), row => Masking.Words(second, row, Vocabulary));
            Assert.Equal(whole.Ids[6..], part.Ids);
        }
    }

    [Fact]
    public void Only_the_k_best_tokens_are_drawn()
    {
        var logits = randn(4, 40);
        var best = logits.topk(3, dim: 1).indexes;
        var options = new ObjectiveOptions();
        for (int i = 0; i < 100; i++)
        {
            var drawn = Sampling.Draw(
                Sampling.TopK(logits, 3),
                zeros(4, ScalarType.Int64),
                options,
                [.. Enumerable.Range(0, 4).Select(row => RandomKey.FromSeed(i)[row])],
                Compute.Reference
            );
            Assert.True(best.eq(drawn.unsqueeze(1)).any(1).all().item<bool>());
        }
        Assert.True(Sampling.TopK(logits, 100).eq(logits).all().item<bool>());
    }

    [Fact]
    public void Segments_are_swapped_with_their_types_in_half_of_the_pairs()
    {
        // [CLS] 5 6 7 [SEP] 8 [SEP]; and an example of one segment, with padding of type 1
        var batch = new TokenBatch(2, 7, [2, 5, 6, 7, 3, 8, 3, 2, 9, 3, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1], [7, 3]);
        int swaps = 0;
        for (int i = 0; i < 400; i++)
        {
            var swapped = SentenceOrder.Swap(batch, RandomKey.FromSeed(i));
            Assert.Equal(SentenceOrder.Ignored, swapped.Labels[1]);
            Assert.Equal(batch.Ids[7..], swapped.Ids[7..]);
            bool isSwapped = swapped.Labels[0] == 1;
            swaps += isSwapped ? 1 : 0;
            Assert.Equal(isSwapped ? [2, 8, 3, 5, 6, 7, 3] : batch.Ids[..7], swapped.Ids[..7]);
            Assert.Equal(isSwapped ? [0, 0, 0, 1, 1, 1, 1] : batch.TokenTypes[..7], swapped.TokenTypes[..7]);
        }
        Assert.InRange(swaps, 160, 240);
    }

    [Theory]
    [InlineData(Precision.Float32, 2)]
    [InlineData(Precision.Bfloat16, 2)]
    [InlineData(Precision.Bfloat16, 64)]
    public void A_head_of_ones_own_is_trained_and_changes_no_initial_weight_and_no_saved_model(Precision precision, int outputs)
    {
        var compute = Compute.Reference with { Precision = precision };
        Linear head = null!;
        using var plain = ElectraPair.Create(TinyPair.Config, seed: 3, compute);
        using var pair = ElectraPair.Create(
            TinyPair.Config,
            seed: 3,
            compute,
            extend: store => head = new Linear(store, "own", TinyPair.Config.HiddenSize, outputs, Initialization.Normal)
        );
        foreach (var (a, b) in plain.Store.Named().Zip(pair.Store.Named()))
            Assert.True(a.Name == b.Name && a.Value.eq(b.Value).all().item<bool>(), a.Name);
        Assert.DoesNotContain(
            pair.DiscriminatorWeights().Concat(pair.GeneratorWeights()),
            weight => weight.Name.StartsWith("own", StringComparison.Ordinal)
        );

        var batch = new TokenBatch(2, 8, [.. Enumerable.Range(0, 16).Select(i => 10L + i)], new long[16], [8, 8]);
        var method = ElectraMethod.From(new ObjectiveOptions(), new MaskingTokens(200, 4, new bool[200]), compute) with
        {
            Prepare = (own, _) => own with { Labels = [0, 1] },
            Extras =
            [
                new ExtraLoss(
                    "own_loss",
                    (own, pass) => cross_entropy(head.Forward(pass.HiddenStates.select(1, 0)).to(float32), tensor(own.Labels))
                ),
            ],
        };
        method.Passes(pair, [batch], RandomKey.FromSeed(1))[0]()[0].backward();
        pair.Store.CollectGradients();
        var gradients = pair.Store.NamedGradients().ToDictionary(g => g.Name, g => g.Gradient);
        Assert.True(gradients["own.weight"].abs().sum().item<float>() > 0);
        Assert.Equal(0, gradients["own.bias"].sum().item<float>(), 0.02f); // of a softmax's cross-entropy
        Assert.True(gradients["own.bias"].abs().sum().item<float>() > 0.01);
    }

    [Fact]
    public void A_schedule_may_be_a_learning_rate_alone()
    {
        Func<long, StepRates> schedule = k => 1e-3 * k;
        Assert.Equal(new StepRates(2e-3), schedule(2));
    }
}
