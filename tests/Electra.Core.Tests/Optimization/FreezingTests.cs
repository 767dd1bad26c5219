using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Tests.Optimization;

/// <summary>A frozen parameter keeps its value bit by bit, in every precision, and the others learn.</summary>
public class FreezingTests
{
    private const string AllButBiases = "all but biases";

    public static TheoryData<Precision, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<Precision, string, bool>();
            foreach (var precision in new[] { Precision.Float32, Precision.Bfloat16, Precision.Float16 })
                foreach (
                    var frozen in new[]
                    {
                    "embeddings.word_embeddings",
                    "encoder.layer.0",
                    ".bias",
                    "generator.",
                    "LayerNorm",
                    "discriminator_predictions.dense.weight",
                    AllButBiases,
                    }
                )
                    foreach (bool byLeaf in new[] { true, false })
                        cases.Add(precision, frozen, byLeaf);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_frozen_parameter_stays_bit_equal_and_the_others_learn(Precision precision, string frozen, bool byRequiresGrad)
    {
        var compute = Compute.Reference with { Precision = precision };
        var config = TinyPair.Config with { HiddenSize = 64, AttentionHeads = 2, GeneratorDivisor = 1, EmbeddingSize = 32 };
        var tokens = new MaskingTokens(200, 4, [.. Enumerable.Range(0, 200).Select(id => id < 5)]);
        using var pair = ElectraPair.Create(config, seed: 1, compute);
        bool IsFrozen(Parameter parameter) =>
            frozen == AllButBiases
                ? !parameter.Name.EndsWith(".bias", StringComparison.Ordinal)
                : parameter.Name.Contains(frozen, StringComparison.Ordinal);
        var method = ElectraMethod.From(new ObjectiveOptions(), tokens, compute);
        if (byRequiresGrad)
            foreach (var parameter in pair.Store.Parameters.Where(IsFrozen))
                parameter.Value.requires_grad = false;
        else
            method = method with { Rate = parameter => IsFrozen(parameter) ? 0 : 1 };
        var before = pair.Store.Parameters.ToDictionary(p => p.Name, p => p.Master.clone());
        using var adam = new Adam(pair.Store, new AdamOptions(), method.Rate);
        using var step = new TrainingStep(pair.Store, adam, method.LossNames.Count);
        long[] ids = [.. Enumerable.Range(0, 8 * 32).Select(i => 5L + (i * i % 190))];
        var batch = new TokenBatch(8, 32, ids, new long[ids.Length], [.. Enumerable.Repeat(32, 8)]);
        // float16 begins with overflows until the loss scale fits.
        for (int k = 0; k < (precision == Precision.Float16 ? 20 : 3); k++)
            step.Run(k, method.Passes(pair, [batch], RandomKey.FromSeed(2)[k]), new StepRates(1e-3));
        Assert.Contains(step.Read(), update => update.IsFinite);
        foreach (var parameter in pair.Store.Parameters)
        {
            bool same = before[parameter.Name].eq(parameter.Master).all().item<bool>();
            // Positions beyond the batch's and the token type that no row has are never read.
            if (IsFrozen(parameter))
                Assert.True(same, $"{parameter.Name} has changed");
            else
                Assert.False(same, $"{parameter.Name} has not changed");
        }
    }

    [Fact]
    public void Gradients_of_frozen_parameters_do_not_count_in_the_norm()
    {
        using var store = new ParameterStore();
        store.Add("a", [3], ParameterRole.Other, Initialization.Zeros);
        store.Add("b", [4], ParameterRole.Other, Initialization.Zeros);
        store.Allocate(Compute.Reference, seed: 1);
        using var adam = new Adam(store, new AdamOptions(), parameter => parameter.Name == "a" ? 0 : 1);
        store.Parameters[0].Gradient.fill_(float.NaN);
        store.Parameters[1].Gradient.fill_(2);
        Assert.Equal(4, adam.Step(0, new StepRates(1)).item<float>());
        Assert.Equal(0, store.Parameters[0].Master.abs().sum().item<float>());
        Assert.NotEqual(0, store.Parameters[1].Master.abs().sum().item<float>());
    }
}
