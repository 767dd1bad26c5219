using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>Electric against a translation of google-research/electra's graph, in float32 without dropout.</summary>
public sealed class ElectricMethodTests
{
    private const int Cls = 101, Sep = 102, Mask = 103;
    private static readonly int[] Lengths = [20, 13, 17, 6];
    private static readonly MaskingTokens Tokens =
        new(200, Mask, [.. Enumerable.Range(0, 200).Select(id => id is 0 or Cls or Sep or Mask)]) { MaxLength = 20 };

    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("m_electric");

    [Theory]
    [InlineData(NoisePrior.Candidates, "candidates", 2e-5, 1e-5)]
    [InlineData(NoisePrior.Google, "google", 1e-3, 1e-4)] // log q of a last [SEP] hangs on the rounding of scores − 10,000 there
    public void Energies_losses_and_every_gradient_equal_the_reference(NoisePrior prior, string form, double ofLogits, double ofLosses)
    {
        using var pair = Load();
        var method = Replaying(prior);
        var tokens = method.Choose(Batch(), RandomKey.FromSeed(1));
        var pass = method.Forward(pair, tokens, NoiseCounts.Of(tokens), RandomKey.FromSeed(1), training: false);

        Tensor At(string name) => golden[name].view(-1).index_select(0, tensor(tokens.Places));
        Assert.Equal(golden["generated"].view(-1).data<long>(), pass.CorruptedIds.data<long>());
        Golden.AssertClose(At("E"), pass.Energies, 1e-5, "energies");
        Golden.AssertClose(golden["cloze_loss"], pass.ClozeLoss, 1e-5, "cloze loss");
        Golden.AssertClose(At($"{form}/logits"), pass.NoiseLogits, ofLogits, "logits of noise");
        Golden.AssertClose(golden[$"{form}/loss"], pass.EnergyLoss, ofLosses, "energy loss");
        Golden.AssertClose(golden[$"{form}/total"], pass.Loss, ofLosses, "loss");

        pass.Loss.backward();
        pair.Store.CollectGradients();
        foreach (var (name, gradient) in pair.Store.NamedGradients())
        {
            var expected = golden[$"{form}/grads/{Reference(name)}"];
            Assert.True((expected - gradient).abs().max().item<float>() < 1e-5 * 14, name);
        }
    }

    [Fact]
    public void The_energy_models_loss_does_not_reach_the_towers()
    {
        using var pair = Load();
        var method = Replaying(NoisePrior.Candidates) with { Weigh = (_, energy) => energy };
        var tokens = method.Choose(Batch(), RandomKey.FromSeed(1));
        method.Forward(pair, tokens, NoiseCounts.Of(tokens), RandomKey.FromSeed(1), training: false).Loss.backward();
        pair.Store.CollectGradients();
        foreach (var (name, gradient) in pair.Store.NamedGradients())
            Assert.Equal(
                name.StartsWith("discriminator.", StringComparison.Ordinal) && !name.Contains("key.bias"),
                gradient.abs().sum().item<float>() > 1e-4
            );
    }

    /// <summary>E 0.3, log q −2, p 0.15: the check values of the formula.</summary>
    [Fact]
    public void The_formula_gives_its_check_values()
    {
        var tokens = NoiseTokens.Of(
            new TokenBatch(1, 3, [Cls, 7, Sep], [0, 0, 0], [3]),
            new MaskedTokens([Cls, 7, Sep], [1], [7]),
            Tokens.Special,
            NoisePrior.Google,
            0.15
        );
        Assert.Equal([1, 1, 1], tokens.IsJudged);
        Assert.Equal([0, 1, 0], tokens.IsNoise);
        Assert.Equal([0, 1, 0], tokens.MayBeNoise);
        Assert.All(tokens.LogOdds, odds => Assert.Equal(-1.734601, odds, 1e-6));
        var logit = tensor(0.3f - 2 + tokens.LogOdds[0]);
        Assert.Equal(-3.434601, logit.item<float>(), 1e-6);
        Assert.Equal(3.466331, nn.functional.binary_cross_entropy_with_logits(logit, tensor(1f)).item<float>(), 1e-6);
        Assert.Equal(0.031730, nn.functional.binary_cross_entropy_with_logits(logit, tensor(0f)).item<float>(), 1e-6);
    }

    [Fact]
    public void A_row_in_which_all_or_no_candidates_are_noise_is_left_out()
    {
        long[] ids = [Cls, 7, Sep, 0, Cls, 7, 8, Sep, Cls, 7, 8, Sep];
        var batch = new TokenBatch(3, 4, ids, new long[12], [3, 4, 4]);
        var tokens = NoiseTokens.Of(batch, new MaskedTokens(ids, [1, 6], [7, 8]), Tokens.Special, NoisePrior.Candidates, 0.15);
        Assert.Equal([1, 5, 6, 9, 10], tokens.Places);
        Assert.Equal([0, 1, 1, 0, 0], tokens.IsJudged);
        Assert.Equal([1, 1, 1, 1, 1], tokens.MayBeNoise);
        Assert.All(tokens.LogOdds, odds => Assert.Equal(0, odds)); // one of two
        Assert.Equal([0, 2], tokens.Written);
    }

    /// <summary>Examples that share a row have each its own share of noise, and its own predictions.</summary>
    [Fact]
    public void Examples_that_share_a_row_learn_as_they_do_apart()
    {
        var whole = Batch();
        TokenBatch a = Part(whole, 1, 1), b = Part(whole, 3, 1);
        long[] Joined(Func<TokenBatch, long[]> of) => [.. of(a), .. of(b)];
        int length = a.Length + b.Length;
        var packed = new TokenBatch(1, length, Joined(one => one.Ids), Joined(one => one.TokenTypes), [length])
        {
            Packed = [[a.Length, b.Length]],
        };
        long[] chosen = [3, 5, 6, a.Length + 2];
        double Loss(params TokenBatch[] parts)
        {
            using var pair = Load();
            var method = ElectricMethod.From(new ObjectiveOptions(), Tokens, Compute.Reference) with
            {
                Mask = (part, _) =>
                {
                    int start = part == b ? a.Length : 0;
                    long[] own = [.. chosen.Where(place => place >= start && place < start + part.Length).Select(place => place - start)];
                    return new(part.Ids, own, [.. own.Select(place => part.Ids[place])]);
                },
                Sample = (_, targets, _) => (targets + 31) % 100,
            };
            return method.Passes(pair, parts, RandomKey.FromSeed(1)).Sum(pass => (double)pass()[0].item<float>());
        }
        Assert.Equal(Loss(a, b), Loss(packed), 1e-4);
    }

    /// <summary>Masks, samples, dropout and losses are the same however the batch is cut.</summary>
    [Theory]
    [InlineData(NoisePrior.Candidates, MaskingStyle.Independent, 2)]
    [InlineData(NoisePrior.Candidates, MaskingStyle.FixedShare, 1)]
    [InlineData(NoisePrior.Google, MaskingStyle.Independent, 1)]
    [InlineData(NoisePrior.Google, MaskingStyle.FixedShare, 3)]
    public void The_cut_into_parts_changes_nothing(NoisePrior prior, MaskingStyle style, int size)
    {
        var options = new ObjectiveOptions { Prior = prior, Masking = new() { Style = style, Probability = 0.3 } };
        var (losses, gradients) = Update(4);
        var (cutLosses, cutGradients) = Update(size);
        foreach (var (whole, cut) in losses.Zip(cutLosses))
            Assert.Equal(whole, cut, 1e-5 * Math.Abs(whole));
        double error = (gradients - cutGradients).norm().item<float>() / gradients.norm().item<float>();
        Assert.True(error < 2e-5, $"{error:e2}");

        (double[] Losses, Tensor Gradients) Update(int rows)
        {
            using var pair = Load(dropout: 0.1);
            using var adam = new Adam(pair.Store, new AdamOptions());
            var method = ElectricMethod.From(options, Tokens, Compute.Reference);
            var whole = Batch();
            TokenBatch[] parts = [.. Enumerable.Range(0, 4).Chunk(rows).Select(chunk => Part(whole, chunk[0], chunk.Length))];
            using var step = new TrainingStep(pair.Store, adam, 3);
            step.Run(0, method.Passes(pair, parts, RandomKey.FromSeed(5)), new StepRates(0));
            return ([.. Assert.Single(step.Read()).Losses], pair.Store.Gradients.clone());
        }
    }

    [Fact]
    public void A_batch_without_candidates_has_no_loss_and_no_gradient()
    {
        using var pair = Load();
        long[] ids = [Cls, Sep, 0, Cls, Sep, 0];
        var batch = new TokenBatch(2, 3, ids, new long[6], [2, 2]);
        var method = ElectricMethod.From(new ObjectiveOptions(), Tokens, Compute.Reference);
        using var adam = new Adam(pair.Store, new AdamOptions());
        using var step = new TrainingStep(pair.Store, adam, 3);
        step.Run(0, method.Passes(pair, [batch], RandomKey.FromSeed(5)), new StepRates(1e-3));
        Assert.All(Assert.Single(step.Read()).Losses, loss => Assert.Equal(0, loss));
        Assert.Equal(0, pair.Store.Gradients.abs().sum().item<float>());
    }

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

    private TokenBatch Batch() =>
        new(4, 20, [.. golden["input_ids"].data<long>()], [.. golden["token_type_ids"].data<long>()], Lengths);

    /// <summary>What the reference put noise in the place of.</summary>
    private MaskedTokens Written()
    {
        var ids = Batch().Ids;
        long[] positions = [.. golden["is_written"].view(-1).nonzero().view(-1).data<long>()];
        return new MaskedTokens(ids, positions, [.. positions.Select(position => ids[position])]);
    }

    private ElectricMethod Replaying(NoisePrior prior) =>
        ElectricMethod.From(new ObjectiveOptions { Prior = prior }, Tokens, Compute.Reference) with
        {
            Mask = (_, _) => Written(),
            Sample = (_, _, _) => golden["generated"].view(-1).index_select(0, tensor(Written().Positions)),
        };

    /// <summary>A parameter's name in the reference.</summary>
    private static string Reference(string name) => name.Replace("discriminator.electra.embeddings.", "embeddings.");

    private static ElectricPair Load(double dropout = 0)
    {
        var config = TinyPair.Config with { HiddenDropout = dropout, AttentionDropout = dropout };
        var pair = ElectricPair.Create(config, seed: 0, Compute.Reference);
        var (towers, energy) = (Golden.Tensors("m_two_tower"), Golden.Tensors("a_tiny_discriminator"));
        using var _ = no_grad();
        foreach (var (name, value) in pair.Store.Named())
            value.copy_(
                name.StartsWith("discriminator.", StringComparison.Ordinal)
                    ? energy[name["discriminator.".Length..]]
                    : towers[$"weights/{name}"]
            );
        pair.Store.PublishValues();
        return pair;
    }
}
