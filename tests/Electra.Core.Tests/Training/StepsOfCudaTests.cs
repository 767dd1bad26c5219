using Electra.Data;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Training;

/// <summary>
/// The steps of CUDA on tensors of the CPU: fused attention, normalisation in float32, draws by the device, gradients taken as lists. What
/// they compute is what the original computes, and what autograd adds up.
/// </summary>
public sealed class StepsOfCudaTests : IDisposable
{
    private static readonly Compute Cuda = Compute.Reference with { TakesStepsOfCuda = true };

    private readonly Dictionary<string, Tensor> io = Golden.Tensors("a_tiny_io");

    public StepsOfCudaTests() => FastOperations.PlainOnly = true;

    public void Dispose() => FastOperations.PlainOnly = false;

    [Fact]
    public void Losses_and_every_gradient_equal_the_original()
    {
        using var pair = TinyPair.Load(Cuda);
        var pass = Replaying(Cuda).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false);
        pair.Store.Backward(pass.Loss);

        Golden.AssertClose(io["gen_loss"], pass.GeneratorLoss, 1e-5, "generator loss");
        Golden.AssertClose(io["disc_loss"], pass.DiscriminatorLoss, 1e-5, "discriminator loss");
        Golden.AssertClose(io["loss"], pass.Loss, 1e-5, "loss");
        Golden.AssertGradients(pair.Store);
    }

    /// <summary>Losses and samples bit for bit; gradients but for the order in which products are added up.</summary>
    [Theory]
    [InlineData(0, MaskingStyle.Independent)]
    [InlineData(0.1, MaskingStyle.FixedShare)]
    public void Places_that_fill_up_to_a_multiple_of_64_have_no_effect(double smoothing, MaskingStyle style)
    {
        var options = new ObjectiveOptions
        {
            GeneratorLabelSmoothing = smoothing,
            DisallowCorrect = true,
            Masking = new() { Style = style, Probability = 0.3 },
        };
        var method = ElectraMethod.From(options, TinyTraining.Tokens, Cuda);
        long rows = 0;
        Tensor Sample(Tensor logits, Tensor targets, IReadOnlyList<RandomKey> keys)
        {
            rows = logits.shape[0];
            return method.Sample(logits, targets, keys);
        }
        var (filled, filledGradients) = Pass(method with { Sample = Sample, Own = [Sample, method.GeneratorLoss] });
        Assert.Equal(64, rows);
        var (proper, properGradients) = Pass(method with { Sample = Sample });
        int places = proper.Masked.Positions.Length;
        Assert.InRange(places, 2, 63);
        Assert.Equal(places, rows);

        foreach (var pass in new[] { filled, proper })
        {
            Assert.Equal([places, 200], pass.GeneratorLogits.shape);
            Assert.Equal(proper.Masked.Targets, pass.Targets.data<long>());
            Assert.Equal(proper.CorruptedIds.data<long>(), pass.CorruptedIds.data<long>());
            Assert.Equal(
                cross_entropy(pass.GeneratorLogits, pass.Targets, label_smoothing: smoothing).item<float>(),
                pass.GeneratorLoss.item<float>()
            );
            Assert.Equal(proper.Loss.item<float>(), pass.Loss.item<float>());
        }
        Golden.AssertClose(properGradients, filledGradients, 1e-6, "gradients");

        (ElectraPass Pass, Tensor Gradients) Pass(ElectraMethod own)
        {
            using var pair = TinyPair.Load(Cuda);
            var pass = own.Forward(pair, TinyTraining.Text(isPadded: true), RandomKey.FromSeed(1), training: false);
            pair.Store.Backward(pass.Loss);
            return (pass, pair.Store.Gradients.clone());
        }
    }

    [Fact]
    public void Masked_language_models_have_the_losses_of_the_CPU()
    {
        var text = TinyTraining.Text(isPadded: true);
        var shape = TinyPair.Config with { HiddenDropout = 0, AttentionDropout = 0 };
        float[] losses =
        [
            .. new[] { Cuda, Compute.Reference }.Select(compute =>
            {
                using var training = TinyTraining.Pretraining(compute, [text], shape).Single(training => training.Name == "mlm");
                return training.Steps(RandomKey.FromSeed(5))[0].Passes[0]()[0].item<float>();
            }),
        ];
        Assert.Equal(losses[1], losses[0], 1e-5f);
    }

    [Fact]
    public void Bfloat16_gradients_point_where_float32_gradients_do()
    {
        using var exact = TinyPair.Load(Cuda);
        using var rounded = TinyPair.Load(Cuda with { Precision = Precision.Bfloat16 });
        foreach (var pair in new[] { exact, rounded })
            pair.Store.Backward(
                Replaying(pair.Store.Compute).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false).Loss
            );
        Assert.InRange(cosine_similarity(exact.Store.Gradients, rounded.Store.Gradients, 0).item<float>(), 0.995, 1.0001);
    }

    public static TheoryData<Precision, bool> Modes => new(
        from precision in new[] { Precision.Float32, Precision.Bfloat16 }
        from recomputes in new[] { false, true }
        select (precision, recomputes)
    );

    /// <summary>Of every objective, with two parts of a batch; some of them have operations that add gradients themselves.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public void Gradients_that_are_taken_as_lists_are_those_that_autograd_adds_up(Precision precision, bool recomputes)
    {
        var compute = Cuda with { Precision = precision };
        var text = TinyTraining.Text(isPadded: true);
        var shape = TinyPair.Config with { HiddenDropout = 0, AttentionDropout = 0 };
        foreach (var training in TinyTraining.Pretraining(compute, [text, text with { FirstRow = text.Size }], shape))
            using (training)
            {
                training.Store.Recomputes = recomputes;
                float[] byAutograd = Gradients(training, loss =>
                {
                    loss.backward();
                    training.Store.CollectGradients();
                });
                Assert.Contains(byAutograd, value => value != 0);
                Assert.True(byAutograd.SequenceEqual(Gradients(training, training.Store.Backward)), training.Name);
            }
    }

    /// <summary>On a GPU a list whose tensors lie in memory in another order than their sums is added one by one.</summary>
    [Fact]
    public void New_gradients_lie_in_memory_as_their_sums_do()
    {
        using var pair = TinyPair.Load(Cuda);
        var loss = Replaying(Cuda).Forward(pair, Batch(), RandomKey.FromSeed(0), training: false).Loss;
        var gradients = autograd.grad([loss], [.. pair.Store.Parameters.Select(p => p.Leaf)]);
        foreach (var (p, gradient) in pair.Store.Parameters.Zip(gradients))
            Assert.True(p.Gradient.stride().SequenceEqual(gradient.stride()), p.Name);
    }

    /// <summary>A parameter that is frozen, and one that the loss has no part in.</summary>
    [Fact]
    public void Parameters_without_a_gradient_are_left_alone()
    {
        using var store = new ParameterStore();
        var (learns, frozen, unused) = (Add("learns"), Add("frozen"), Add("unused"));
        store.Allocate(Cuda, seed: 1);
        frozen.Leaf.requires_grad = false;
        for (int pass = 1; pass <= 2; pass++)
        {
            store.Backward((learns.Value * 3 + frozen.Value).sum());
            Assert.Equal([3f * pass, 3f * pass], learns.Gradient.data<float>());
        }
        Assert.Equal(12f, store.Gradients.sum().item<float>());
        Assert.Equal(0f, unused.Gradient.sum().item<float>());

        Parameter Add(string name) => store.Add(name, [2], ParameterRole.Weight, Initialization.Normal);
    }

    private static float[] Gradients(TinyTraining training, Action<Tensor> backward)
    {
        using var scope = NewDisposeScope();
        training.Store.ZeroGradients();
        foreach (var pass in training.Steps(RandomKey.FromSeed(5)).SelectMany(step => step.Passes))
            backward(pass()[0]);
        return [.. training.Store.Gradients.data<float>()];
    }

    /// <summary>The method with the fixture's masks and samples.</summary>
    private ElectraMethod Replaying(Compute compute)
    {
        long[] positions = [.. io["is_mlm_applied"].view(-1).nonzero().view(-1).data<long>()];
        return ElectraMethod.From(new ObjectiveOptions(), TinyTraining.Tokens, compute) with
        {
            Mask = (batch, _) =>
                new MaskedTokens([.. io["masked_input_ids"].data<long>()], positions, [.. positions.Select(p => batch.Ids[p])]),
            Sample = (_, _, _) => io["sampled_tokens"],
        };
    }

    private TokenBatch Batch() => new(4, 20, [.. io["input_ids"].data<long>()], [.. io["token_type_ids"].data<long>()], [20, 13, 17, 6]);
}
