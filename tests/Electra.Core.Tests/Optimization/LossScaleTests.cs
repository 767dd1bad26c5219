using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Optimization;

public sealed class LossScaleTests
{
    private static readonly Compute Half = Compute.Reference with { Precision = Precision.Float16 };

    [Fact]
    public void An_overflow_halves_the_factor_and_many_updates_without_one_double_it()
    {
        using var scale = new LossScale(CPU);
        using Tensor yes = tensor(true), no = tensor(false);
        scale.Update(no);
        Assert.Equal(LossScale.Initial / 2, scale.Value.item<float>());
        for (int i = 0; i < LossScale.UpdatesToGrow - 1; i++)
            scale.Update(yes);
        Assert.Equal(LossScale.Initial / 2, scale.Value.item<float>());
        scale.Update(yes);
        Assert.Equal(LossScale.Initial, scale.Value.item<float>());
        for (int i = 0; i < LossScale.UpdatesToGrow - 1; i++)
            scale.Update(yes);
        scale.Update(no); // the count begins anew
        scale.Update(yes);
        Assert.Equal(LossScale.Initial / 2, scale.Value.item<float>());
    }

    [Fact]
    public void Scaled_gradients_move_the_weights_as_unscaled_ones_do()
    {
        var options = new AdamOptions { ClipNorm = 0.5 };
        using var plain = Store(Compute.Reference);
        using var scaled = Store(Half);
        using Adam first = new(plain, options), second = new(scaled, options);
        Assert.Equal(3 * LossScale.Initial, second.Scaled(tensor(3f)).item<float>());
        Assert.Equal(3f, first.Scaled(tensor(3f)).item<float>());
        for (int k = 0; k < 3; k++)
        {
            plain.Gradients.fill_(0.1 * (k + 1));
            scaled.Gradients.fill_(0.1 * (k + 1) * LossScale.Initial);
            using Tensor norm = first.Step(k, new StepRates(0.01)), unscaled = second.Step(k, new StepRates(0.01));
            Assert.Equal(norm.item<float>(), unscaled.item<float>(), 1e-6);
        }
        Golden.AssertClose(plain.Values, scaled.Values, 1e-6, "weights");
    }

    [Fact]
    public void An_overflow_is_left_out_and_the_next_update_is_made()
    {
        using var store = Store(Half);
        using var adam = new Adam(store, new AdamOptions());
        using var before = store.Values.clone();
        store.Gradients.fill_(float.PositiveInfinity);
        using (var norm = adam.Step(0, new StepRates(0.01)))
            Assert.False(float.IsFinite(norm.item<float>()));
        Assert.Equal(0f, (store.Values - before).abs().max().item<float>());
        store.Gradients.fill_(0.2 * LossScale.Initial / 2);
        using (var norm = adam.Step(1, new StepRates(0.01)))
            Assert.Equal(0.2 * Math.Sqrt(store.Gradients.numel()), norm.item<float>(), 1e-4);
        Assert.NotEqual(0f, (store.Values - before).abs().max().item<float>());
    }

    [Fact]
    public void The_factor_is_part_of_the_state_in_float16_only()
    {
        using ParameterStore exact = Store(Compute.Reference), half = Store(Half);
        using Adam first = new(exact, new AdamOptions()), second = new(half, new AdamOptions());
        Assert.DoesNotContain("loss_scale", first.State().Select(part => part.Name));
        Assert.Contains("loss_scale", second.State().Select(part => part.Name));
    }

    [Fact]
    public void Golden_losses_hold_in_float16_and_gradients_point_where_float32s_do()
    {
        var io = Golden.Tensors("a_tiny_io");
        using ElectraPair exact = TinyPair.Load(), half = TinyPair.Load(Half);
        foreach (var pair in new[] { exact, half })
        {
            using var adam = new Adam(pair.Store, new AdamOptions());
            var compute = pair.Store.Compute;
            var attention = AttentionMask.FromLengths([20, 13, 17, 6], 20, compute);
            Tensor positions = io["is_mlm_applied"].view(80).nonzero().view(-1), real = io["attention_mask"].view(80).nonzero().view(-1);
            var generatorLogits = pair.Generate(io["masked_input_ids"], io["token_type_ids"], attention, positions, Dropout.None);
            var discriminatorLogits = pair
                .Discriminate(io["generated"], io["token_type_ids"], attention, Dropout.None)
                .index_select(0, real);
            var generatorLoss = cross_entropy(generatorLogits, io["input_ids"].view(80).index_select(0, positions));
            var discriminatorLoss = binary_cross_entropy_with_logits(
                discriminatorLogits,
                io["is_replaced"].view(80).index_select(0, real).to(float32)
            );
            Golden.AssertClose(io["gen_loss"], generatorLoss, 0.002, "generator loss");
            Golden.AssertClose(io["disc_loss"], discriminatorLoss, 0.002, "discriminator loss");
            // Less than at the start: these gradients are large, and an overflow is another test's.
            adam.Scaled(generatorLoss + (50 * discriminatorLoss)).mul(compute.Precision == Precision.Float16 ? 1 / 64.0 : 1).backward();
            pair.Store.CollectGradients();
        }
        double cosine = cosine_similarity(exact.Store.Gradients, half.Store.Gradients, 0).item<float>();
        Assert.InRange(cosine, 0.9999, 1.0001);
        Assert.Equal(LossScale.Initial / 64, half.Store.Gradients.norm().item<float>() / exact.Store.Gradients.norm().item<float>(), 10.0);
    }

    [Fact]
    public void Training_in_float16_learns_what_training_in_float32_learns()
    {
        const int Updates = 60, Warm = 10;
        double[] exact = Losses(Compute.Reference), half = Losses(Half);
        Assert.All(half.Skip(Warm), loss => Assert.True(double.IsFinite(loss)));
        Assert.True(exact[^Warm..].Average() < 0.9 * exact[..Warm].Average(), "nothing is learned");
        Assert.Equal(1, half[^Warm..].Average() / exact[^Warm..].Average(), 0.05);

        static double[] Losses(Compute compute)
        {
            var tokens = new MaskingTokens(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)]);
            using var pair = ElectraPair.Create(TinyPair.Config, seed: 1, compute);
            using var adam = new Adam(pair.Store, new AdamOptions());
            var method = ElectraMethod.From(new ObjectiveOptions(), tokens, compute);
            using var training = new TrainingStep(pair.Store, adam, method.LossNames.Count);
            var ids = Enumerable.Range(0, 8 * 32).Select(i => 5L + (i * i % 7)).ToArray();
            var batch = new TokenBatch(8, 32, ids, new long[ids.Length], [.. Enumerable.Repeat(32, 8)]);
            for (int k = 0; k < Updates; k++)
                training.Run(k, method.Passes(pair, [batch], RandomKey.FromSeed(2)[k]), new StepRates(2e-3));
            return [.. training.Read().Select(update => update.Loss)];
        }
    }

    private static ParameterStore Store(Compute compute)
    {
        var store = new ParameterStore();
        store.Add("weight", [7, 9], ParameterRole.Weight, Initialization.Normal);
        store.Add("bias", [7], ParameterRole.Bias, Initialization.Zeros);
        return store.Allocate(compute, seed: 1);
    }
}
