using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>Generators of other kinds and sizes, against Google's code.</summary>
public class GeneratorTests
{
    [Fact]
    public void A_generator_is_as_large_as_googles_code_makes_it()
    {
        foreach (var row in Golden.Json("m_generator_sizes").GetProperty("rows").EnumerateArray())
        {
            int Whole(string name) => row.GetProperty(name).GetInt32();
            var model = new ElectraConfig
            {
                HiddenSize = Whole("hidden_size"),
                Layers = Whole("layers"),
                AttentionHeads = 1,
                Generator = new()
                {
                    Hidden = row.GetProperty("hidden_fraction").GetDouble(),
                    Layers = row.GetProperty("layers_fraction").GetDouble(),
                },
            };
            var shape = model.GeneratorShape;
            Assert.Equal(
                (Whole("generator_hidden_size"), Whole("generator_layers"), Whole("generator_intermediate_size"), Whole("generator_heads")),
                (shape.HiddenSize, shape.Layers, shape.IntermediateSize, shape.AttentionHeads)
            );
            bool isGood = row.GetProperty("heads_divide_hidden").GetBoolean() && shape.Layers > 0 && shape.HiddenSize > 0;
            Assert.Equal(isGood, !model.Problems().Any());
        }
    }

    [Theory]
    [InlineData(341, "340 or 345")] // a third of 1,024: five heads
    [InlineData(205, "204 or 207")] // a fifth: three
    public void An_odd_width_is_refused_with_the_nearest_good_ones(int hidden, string good)
    {
        var model = new ElectraConfig { HiddenSize = 1024, AttentionHeads = 16, Generator = new() { Hidden = hidden } };
        Assert.Contains(good, Assert.Single(model.Problems()).Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("1.0", 12)]
    [InlineData("0.5", 6)]
    [InlineData("7", 7)]
    public void A_whole_number_is_a_size_and_one_with_a_point_a_share(string text, int layers)
    {
        Assert.Equal(layers, SizeOrShare.Parse(text).Of(12));
        Assert.Equal(text, SizeOrShare.Parse(text).ToString());
    }

    [Fact]
    public void Embeddings_of_its_own_are_as_wide_as_its_hidden_states_and_its_output_matrix()
    {
        var golden = Golden.Tensors("m_untied");
        using var pair = Pair(new() { Embeddings = GeneratorEmbeddings.Own });
        Pretraining.Replay.Copy(pair.GeneratorWeights(), golden, "weights/");
        Pretraining.Replay.Copy(pair.DiscriminatorWeights(), Golden.Tensors("a_tiny_discriminator"));
        AssertSame(golden, pair);
        Assert.DoesNotContain(pair.GeneratorWeights(), weight => weight.Name.Contains("embeddings_project"));
    }

    [Fact]
    public void One_network_in_both_roles_has_the_gradients_of_both_losses()
    {
        var golden = Golden.Tensors("m_shared");
        using var pair = Pair(new() { Kind = GeneratorKind.Shared });
        Pretraining.Replay.Copy(pair.GeneratorWeights(), golden, "weights/");
        Pretraining.Replay.Copy(pair.DiscriminatorWeights(), Golden.Tensors("a_tiny_discriminator"));
        AssertSame(golden, pair);
    }

    [Fact]
    public void Without_a_network_every_token_is_as_likely_as_any_other()
    {
        var golden = Golden.Tensors("m_uniform");
        using var pair = Pair(new() { Kind = GeneratorKind.Uniform });
        Pretraining.Replay.Copy(pair.DiscriminatorWeights(), Golden.Tensors("a_tiny_discriminator"));
        AssertSame(golden, pair);
        Assert.Empty(pair.GeneratorWeights());
        Assert.Equal(Math.Log(200), Replay(golden, pair).GeneratorLoss.item<float>(), 1e-5);
    }

    [Fact]
    public void Two_towers_learn_from_every_token_that_may_be_masked()
    {
        var golden = Golden.Tensors("m_two_tower");
        using var pair = TwoTowers(golden);
        var method = new Replay(golden).Method() with
        {
            Weigh = (generator, _) => generator,
            MayBeMasked = id => id is not (0 or > 100 and < 104),
        };
        var pass = Replay(pair, golden, method, masked: 3);
        Golden.AssertClose(golden["loss"], pass.GeneratorLoss, 1e-5, "generator loss");
        var places = golden["is_candidate"].view(-1).nonzero().view(-1).data<long>().ToList();
        var masked = tensor(pass.Masked.Positions.Select(place => (long)places.IndexOf(place)).ToArray());
        var logits = golden["logits_at_candidates"].index_select(0, masked);
        Golden.AssertClose(logits, pass.GeneratorLogits, 1e-5, "logits");
        Assert.Equal(places.Count, pass.Predicted);

        pass.Loss.backward();
        pair.Store.CollectGradients();
        foreach (var (name, gradient) in pair.Store.NamedGradients())
            if (golden.TryGetValue($"grads/{InReference(name)}", out var expected))
                Assert.True((expected - gradient).abs().max().item<float>() < 1e-5, name);
            else
                Assert.Equal(0, gradient.abs().max().item<float>());
    }

    [Fact]
    public void No_token_is_known_to_two_towers_where_they_predict_it()
    {
        var golden = Golden.Tensors("m_two_tower");
        using var pair = TwoTowers(golden);
        using var _ = no_grad();
        var method = new Replay(golden).Method();
        var before = Replay(pair, golden, method, masked: 1);
        for (int i = 0; i < before.Masked.Positions.Length; i++)
        {
            var changed = golden.ToDictionary(tensor => tensor.Key, tensor => tensor.Value);
            changed["input_ids"] = golden["input_ids"].clone();
            long place = before.Masked.Positions[i];
            changed["input_ids"].view(-1)[place] = golden["input_ids"].view(-1)[place].item<long>() == 9 ? 10 : 9;
            var after = Replay(pair, changed, method, masked: 1);
            var moved = (after.GeneratorLogits - before.GeneratorLogits).abs().amax(-1);
            Assert.Equal(0, moved[i].item<float>());
            Assert.True(moved.max().item<float>() > 0, $"place {place} moves no other");
        }
    }

    [Fact]
    public void A_frozen_generator_has_no_loss_and_a_temperature_that_falls_to_one()
    {
        var (golden, json) = (Golden.Tensors("m_frozen"), Golden.Json("m_frozen"));
        var temperature = new SamplingTemperature { Start = 2, HalfLife = 0.1 };
        foreach (var at in json.GetProperty("T_at").EnumerateArray())
            Assert.Equal(at[1].GetDouble(), temperature.At(at[0].GetInt64(), 1000), 1e-12);

        using var pair = Pair(new() { Embeddings = GeneratorEmbeddings.Copied });
        Pretraining.Replay.Copy(pair.GeneratorWeights(), Golden.Tensors("a_tiny_generator"));
        Pretraining.Replay.Copy(pair.DiscriminatorWeights(), Golden.Tensors("a_tiny_discriminator"));
        var replay = new Replay(golden);
        for (int i = 0; i < 3; i++)
        {
            var uniform = golden["uniform"][i];
            var options = new ObjectiveOptions { Temperature = temperature };
            var method = (replay.Method(options) with
            {
                Sample = (logits, targets, _) => Sampling.Draw(logits, targets, options, _ => uniform, tempered =>
                    (tempered - (-uniform.log()).log()).argmax(-1)),
                Temperatures = k => temperature.At(k, 1000),
            }).WithFrozenGenerator();
            Assert.Equal(["loss", "discriminator_loss"], method.LossNames);
            var pass = method.At(golden["k"][i].item<long>()).Forward(pair, replay.Batch, RandomKey.FromSeed(0), training: false);
            Assert.Equal(golden["generated"][i].reshape(-1).data<long>().ToArray(), pass.CorruptedIds.data<long>().ToArray());
            Golden.AssertClose(golden["disc_losses"][i], pass.DiscriminatorLoss, 1e-5, "discriminator loss");
            Golden.AssertClose(50 * pass.DiscriminatorLoss, pass.Loss, 1e-6, "loss");
            if (i > 0)
                continue;
            pass.Loss.backward();
            Pretraining.Replay.AssertGradients(golden, "grads/", pair.Store, "discriminator.");
            Assert.All(pair.Store.Parameters.Where(ElectraPair.IsOfGenerator), p => Assert.Equal(0, p.Gradient.abs().sum().item<float>()));
        }
    }

    private static ElectraPair Pair(GeneratorOptions generator) =>
        ElectraPair.Create(TinyPair.Config with { Generator = generator, HiddenDropout = 0, AttentionDropout = 0 }, 0, Compute.Reference);

    private static ElectraPair TwoTowers(Dictionary<string, Tensor> golden)
    {
        var pair = Pair(new() { Kind = GeneratorKind.TwoTower });
        Assert.True(pair.HasGenerator);
        using var _ = no_grad();
        foreach (var (name, value) in pair.Store.Named().Where(weight => golden.ContainsKey($"weights/{InReference(weight.Name)}")))
            value.copy_(golden[$"weights/{InReference(name)}"]);
        Assert.Equal(
            golden.Keys.Count(key => key.StartsWith("weights/", StringComparison.Ordinal)),
            pair.Store.Named().Count(weight => golden.ContainsKey($"weights/{InReference(weight.Name)}"))
        );
        pair.Store.PublishValues();
        return pair;
    }

    private static string InReference(string name) =>
        name.StartsWith("generator.", StringComparison.Ordinal) ? name["generator.".Length..]
        : name.Replace("discriminator.electra.embeddings.", "embeddings.");

    /// <summary>A pass in which every n-th candidate of a row is masked, and replaced by token 7.</summary>
    private static ElectraPass Replay(ElectraPair pair, Dictionary<string, Tensor> golden, ElectraMethod method, int masked)
    {
        var batch = new Replay(golden).Batch;
        long[] places = [.. golden["is_candidate"].view(-1).nonzero().view(-1).data<long>().ToArray().Where((_, i) => i % masked == 0)];
        method = method with
        {
            Mask = (_, _) => new(batch.Ids, places, [.. places.Select(place => batch.Ids[place])]),
            Sample = (_, targets, _) => full_like(targets, 7),
        };
        return method.Forward(pair, batch, RandomKey.FromSeed(0), training: false);
    }

    private static ElectraPass Replay(Dictionary<string, Tensor> golden, ElectraPair pair)
    {
        var replay = new Replay(golden);
        return replay.Method().Forward(pair, replay.Batch, RandomKey.FromSeed(0), training: false);
    }

    private static void AssertSame(Dictionary<string, Tensor> golden, ElectraPair pair)
    {
        pair.Store.PublishValues();
        var pass = Replay(golden, pair);
        Assert.Equal(golden["generated"].view(-1).data<long>().ToArray(), pass.CorruptedIds.data<long>().ToArray());
        if (golden.TryGetValue("generator_logits_at_masked", out var logits))
            Golden.AssertClose(logits, pass.GeneratorLogits, 1e-5, "generator logits");
        Golden.AssertClose(new Replay(golden).AtTokens(golden["discriminator_logits"]), pass.DiscriminatorLogits, 1e-5, "discriminator");
        Golden.AssertClose(golden["gen_loss"], pass.GeneratorLoss, 1e-5, "generator loss");
        Golden.AssertClose(golden["disc_loss"], pass.DiscriminatorLoss, 1e-5, "discriminator loss");
        Golden.AssertClose(golden["loss"], pass.Loss, 1e-5, "loss");
        pass.Loss.backward();
        Pretraining.Replay.AssertGradients(golden, "grads/", pair.Store);
    }
}
