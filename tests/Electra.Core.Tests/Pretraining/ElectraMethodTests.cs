using Electra.Data;
using Electra.Distributed;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>
/// The method as a whole against the original's <c>ELECTRAModel</c> and <c>ELECTRALoss</c>, with masks and samples given.
/// </summary>
public class ElectraMethodTests
{
    /// <summary>So that another thread may do it: ranks take turns.</summary>
    [Fact]
    public void A_batch_is_masked_ahead_and_ranks_are_asked_when_its_turn_has_come()
    {
        using var pair = TinyPair.Load();
        int masked = 0, asked = 0;
        var usual = ElectraMethod.From(new ObjectiveOptions(), TinyTraining.Tokens, Compute.Reference);
        var method = usual with
        {
            Mask = (batch, key) =>
            {
                masked++;
                return usual.Mask(batch, key);
            },
            Ranks = new AskedRanks(() => asked++),
        };
        var text = TinyTraining.Text(isPadded: true);
        var passes = method.PassesAhead(pair, [text, text with { FirstRow = text.Size }], RandomKey.FromSeed(1));
        Assert.Equal((2, 0), (masked, asked));
        Assert.Equal(2, passes().Count);
        Assert.Equal((2, 1), (masked, asked));
    }

    private static readonly MaskingTokens Tokens = new(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)]);
    private readonly Dictionary<string, Tensor> io = Golden.Tensors("a_tiny_io");

    [Fact]
    public void One_pass_gives_the_originals_losses_and_replacements()
    {
        using var pair = TinyPair.Load();
        var pass = Replaying(new ObjectiveOptions()).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);

        Golden.AssertClose(io["gen_loss"], pass.GeneratorLoss, 1e-5, "generator loss");
        Golden.AssertClose(io["disc_loss"], pass.DiscriminatorLoss, 1e-5, "discriminator loss");
        Golden.AssertClose(io["loss"], pass.Loss, 1e-5, "loss");
        Assert.Equal(io["generated"].data<long>().ToArray(), pass.CorruptedIds.data<long>().ToArray());
        var real = io["attention_mask"].view(-1).nonzero().view(-1);
        Assert.Equal(io["is_replaced"].view(-1).index_select(0, real).data<bool>().ToArray(), pass.Replaced.data<bool>().ToArray());
    }

    [Fact]
    public void A_sample_that_hits_the_true_token_is_not_a_replacement()
    {
        using var pair = TinyPair.Load();
        var perfect = Replaying(new ObjectiveOptions()) with { Sample = (_, targets, _) => targets };
        var pass = perfect.Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);
        Assert.False(pass.Replaced.any().item<bool>());
        Assert.Equal(Batch().Ids, pass.CorruptedIds.data<long>().ToArray());
    }

    [Fact]
    public void No_gradient_flows_from_the_discriminator_into_the_generators_layers()
    {
        using var pair = TinyPair.Load();
        var method = Replaying(new ObjectiveOptions()) with { Weigh = (_, discriminator) => discriminator };
        method.Forward(pair, Batch(), RandomKey.FromSeed(0), training: false).Loss.backward();
        foreach (var (name, gradient) in pair.Store.NamedGradients())
            if (name.StartsWith("generator.", StringComparison.Ordinal) && !name.Contains("embeddings."))
                Assert.Equal(0f, gradient.abs().sum().item<float>());
        Assert.NotEqual(0f, pair.Store.NamedGradients().First().Gradient.abs().sum().item<float>());
    }

    [Fact]
    public void Smoothing_the_discriminators_labels_raises_the_zeros_only()
    {
        var method = Replaying(new ObjectiveOptions { DiscriminatorLabelSmoothing = 0.1 });
        using var logits = tensor(new[] { 0.5f, -2f });
        double Loss(double x, double target) =>
            -(target * Math.Log(1 / (1 + Math.Exp(-x))) + (1 - target) * Math.Log(1 - 1 / (1 + Math.Exp(-x))));
        Assert.Equal((Loss(0.5, 1) + Loss(-2, 0.1)) / 2, method.DiscriminatorLoss(logits, tensor(new[] { 1f, 0f })).item<float>(), 1e-5);
    }

    [Fact]
    public void Smoothing_the_generators_labels_spreads_them_over_the_vocabulary()
    {
        var method = Replaying(new ObjectiveOptions { GeneratorLabelSmoothing = 0.2 });
        using var logits = tensor(new[] { 1f, 0f, -1f, 2f }).view(1, 4);
        var log = nn.functional.log_softmax(logits, 1);
        double expected = -0.8 * log[0, 3].item<float>() - 0.2 * log.mean().item<float>();
        Assert.Equal(expected, method.GeneratorLoss(logits, tensor(new long[] { 3 })).item<float>(), 1e-5);
    }

    [Fact]
    public void Googles_denominators_are_a_little_larger()
    {
        using var pair = TinyPair.Load();
        var exact = Replaying(new ObjectiveOptions()).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);
        var google = Replaying(new ObjectiveOptions { LossEpsilon = 0.5 }).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);
        double masked = exact.Masked.Positions.Length, tokens = Batch().TokenCount;
        Assert.Equal(exact.GeneratorLoss.item<float>() * masked / (masked + 0.5), google.GeneratorLoss.item<float>(), 1e-5);
        Assert.Equal(exact.DiscriminatorLoss.item<float>() * tokens / (tokens + 0.5), google.DiscriminatorLoss.item<float>(), 1e-5);
    }

    [Fact]
    public void A_batch_in_which_nothing_is_masked_has_a_generator_loss_of_zero()
    {
        using var pair = TinyPair.Load();
        var method = Replaying(new ObjectiveOptions()) with { Mask = (batch, _) => new MaskedTokens(batch.Ids, [], []) };
        var pass = method.Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);
        Assert.Equal(0f, pass.GeneratorLoss.item<float>());
        Assert.True(float.IsFinite(pass.Loss.item<float>()));
    }

    [Theory]
    [InlineData(SamplingMethod.Gumbel)]
    [InlineData(SamplingMethod.HalfGumbel)]
    [InlineData(SamplingMethod.Multinomial)]
    public void A_sampler_that_may_not_draw_the_truth_never_does(SamplingMethod sampling)
    {
        using var logits = zeros(1000, 3);
        using var targets = ones(1000, dtype: int64);
        var drawn = Sampling.Draw(
            logits,
            targets,
            new ObjectiveOptions { Sampling = sampling, DisallowCorrect = true },
            Keys(1000),
            Compute.Reference
        );
        Assert.Equal(0, drawn.eq(targets).sum().item<long>());
        Assert.InRange(drawn.eq(0).sum().item<long>(), 400, 600);
    }

    [Fact]
    public void A_low_temperature_draws_the_best_guess()
    {
        using var logits = randn(200, 50);
        var drawn = Sampling.Draw(
            logits,
            zeros(200, dtype: int64),
            new ObjectiveOptions { Temperature = 0.01 },
            Keys(200),
            Compute.Reference
        );
        Assert.InRange(drawn.eq(logits.argmax(1)).sum().item<long>(), 170, 200);
    }

    /// <summary>The method with the fixture's masks and samples.</summary>
    private ElectraMethod Replaying(ObjectiveOptions options)
    {
        long[] positions = [.. io["is_mlm_applied"].view(-1).nonzero().view(-1).data<long>()];
        return ElectraMethod.From(options, Tokens, Compute.Reference) with
        {
            Mask = (batch, _) =>
                new MaskedTokens([.. io["masked_input_ids"].data<long>()], positions, [.. positions.Select(p => batch.Ids[p])]),
            Sample = (_, _, _) => io["sampled_tokens"],
        };
    }

    private static RandomKey[] Keys(int count) => [.. Enumerable.Range(0, count).Select(i => RandomKey.FromSeed(1)[i])];

    private TokenBatch Batch() => new(4, 20, [.. io["input_ids"].data<long>()], [.. io["token_type_ids"].data<long>()], [20, 13, 17, 6]);

    private sealed class AskedRanks(Action asked) : ICommunicator
    {
        public int Rank => 0;

        public int WorldSize => 2;

        public string Description => "two";

        public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum) => asked();

        public void Broadcast(Tensor tensor, int root = 0) => throw new NotSupportedException();

        public void AwaitAll(Action? waiting = null) => throw new NotSupportedException();

        public bool? EndsAlike(string reason) => null;

        public void Abort(int exitCode) => throw new NotSupportedException();

        public void Dispose() { }
    }
}
