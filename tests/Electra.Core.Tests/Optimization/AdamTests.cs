using Electra.Finetuning;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Optimization;

public class AdamTests
{
    [Fact]
    public void Twenty_steps_equal_the_original_optimizer_with_clipping_decay_and_schedule()
    {
        var golden = Golden.Tensors("b_opt_electra");
        var settings = Golden.Json("b_opt_electra");
        var decays = settings.GetProperty("do_wd").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetBoolean());
        using var store = Store(decays.Select(p => (p.Key, golden[$"init/{p.Key}"], p.Value)));
        using var adam = new Adam(store, new AdamOptions());
        var schedule = Schedule.Of(ScheduleKind.OriginalLinear, 5e-4, steps: 20, warmup: 5);

        for (int step = 0; step < 20; step++)
        {
            foreach (var p in store.Parameters)
                p.Gradient.copy_(golden[$"step{step:00}/raw_grad/{p.Name}"]);
            using var norm = adam.Step(step, schedule(step));
            Assert.Equal(settings.GetProperty("raw_grad_norm")[step].GetDouble(), norm.item<float>(), 1e-5);
            foreach (var p in store.Parameters)
                Golden.AssertClose(golden[$"step{step:00}/param_after/{p.Name}"], p.Value, 1e-6, $"{p.Name} after step {step}");
        }
    }

    /// <summary>Google's <c>create_optimizer</c>: a power of the decay, no weight decay, a broken warm-up, rates by layer.</summary>
    [Theory]
    [InlineData("linear")]
    [InlineData("poly_half")]
    [InlineData("no_decay")]
    [InlineData("layerwise")]
    public void Twenty_updates_equal_Googles_optimizer(string name)
    {
        var (golden, settings) = (Golden.Tensors("google_optimizer"), Golden.Json("google_optimizer"));
        var options = settings.GetProperty("cases").GetProperty(name);
        double Number(string key, double otherwise) => options.TryGetProperty(key, out var value) ? value.GetDouble() : otherwise;
        var parameters = golden.Where(entry => entry.Key.StartsWith("init/", StringComparison.Ordinal)).ToDictionary(
            entry => entry.Key["init/".Length..],
            entry => entry.Value
        );
        using var store = Store(parameters.Select(p => (p.Key, p.Value, !p.Key.Contains("LayerNorm") && !p.Key.EndsWith("bias"))));
        var recipe = Recipes.Defaults(Recipe.Google, ModelSize.Small).Optimizer;
        var scales = LayerwiseRates.Scales(2, Number("layerwise_lr_decay_power", 1), asOriginal: true);
        using var adam = new Adam(
            store,
            recipe with
            {
                WeightDecay = Number("weight_decay_rate", 0),
            },
            p => scales[p.Name.Contains("layer_0") ? 1 : p.Name.Contains("layer_1") ? 2 : p.Name.Contains("task_specific") ? 3 : 0]
        );
        double warmup = Number("warmup_steps", 20 * Number("warmup_proportion", 0)), power = Number("lr_decay_power", 1);
        for (int k = 0; k < 20; k++)
        {
            double rate = Schedule.OriginalLinear(k, 0.01, 20, warmup, power);
            var expected = options.GetProperty("lr")[k];
            if (expected.ValueKind == System.Text.Json.JsonValueKind.Number)
                Assert.Equal(expected.GetDouble(), rate, 1e-8);
            foreach (var p in store.Parameters)
                p.Gradient.copy_(golden[$"step{k:00}/raw_grad/{p.Name}"]);
            adam.Step(k, rate).Dispose();
            foreach (var p in store.Parameters)
                Golden.AssertClose(golden[$"{name}/step{k:00}/param_after/{p.Name}"], p.Value, 2e-6, $"{p.Name} after update {k}");
        }
        foreach (var p in store.Parameters)
        {
            Tensor Of(Tensor moments) => moments.narrow(0, p.Offset, p.Count).view(p.Value.shape);
            Golden.AssertClose(golden[$"{name}/final/{p.Name}/adam_m"], Of(adam.Means), 2e-6, p.Name);
            Golden.AssertClose(golden[$"{name}/final/{p.Name}/adam_v"], Of(adam.Squares), 2e-6, p.Name);
        }
    }

    [Fact]
    public void With_bias_correction_the_first_step_moves_every_element_by_the_learning_rate()
    {
        using var store = Store([("weight", zeros(3, 5), true)]);
        using var adam = new Adam(store, new AdamOptions { BiasCorrection = true, WeightDecay = 0, Epsilon = 0, ClipNorm = 0 });
        store.Gradients.fill_(0.25);
        adam.Step(0, new StepRates(0.1)).Dispose();
        Golden.AssertClose(full([3, 5], -0.1f), store.Parameters[0].Value, 1e-6, "weight");
    }

    [Theory]
    [InlineData(Clipping.Torch)]
    [InlineData(Clipping.TensorFlow)]
    public void A_gradient_of_twice_the_norm_counts_half(Clipping clipping)
    {
        // With β₁ = β₂ = 0 and a large ε the step is lr · g / ε: linear in the clipped gradient.
        var options = new AdamOptions { Beta1 = 0, Beta2 = 0, Epsilon = 1, WeightDecay = 0, Clipping = clipping };
        using var store = Store([("weight", zeros(1, 4), true)]);
        using var adam = new Adam(store, options with { Epsilon = 0.999 });
        store.Parameters[0].Gradient.fill_(1);
        adam.Step(0, new StepRates(1)).Dispose();
        Golden.AssertClose(full([1, 4], -0.5f / (0.5f + 0.999f)), store.Parameters[0].Value, 1e-5, "weight");
    }

    [Fact]
    public void An_update_with_gradients_that_are_not_finite_changes_nothing()
    {
        using var store = Store([("weight", ones(2, 2), true)]);
        using var adam = new Adam(store, new AdamOptions());
        store.Parameters[0].Gradient.copy_(tensor(new[] { 1f, float.NaN, 1f, 1f }).view(2, 2));
        adam.Step(0, new StepRates(0.1)).Dispose();
        Assert.Equal(4f, store.Parameters[0].Value.sum().item<float>());
        Assert.Equal(0f, adam.Means.abs().sum().item<float>());
    }

    private static ParameterStore Store(IEnumerable<(string Name, Tensor Value, bool Decays)> parameters)
    {
        var store = new ParameterStore();
        var all = parameters.ToArray();
        foreach (var (name, value, decays) in all)
            store.Add(name, value.shape, decays ? ParameterRole.Weight : ParameterRole.Other, Initialization.Zeros);
        store.Allocate(Compute.Reference, seed: 0);
        foreach (var (p, source) in store.Parameters.Zip(all))
            p.Master.copy_(source.Value);
        store.PublishValues();
        return store;
    }
}
