using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Model;

/// <summary>The tied pair against Hugging Face's modules in the original's <c>ELECTRAModel</c>, in float32 without dropout.</summary>
public class ElectraPairTests
{
    private readonly Dictionary<string, Tensor> io = Golden.Tensors("a_tiny_io");

    [Fact]
    public void Hidden_states_and_logits_equal_the_original()
    {
        using var pair = TinyPair.Load();
        var (attention, types) = (Attention(), io["token_type_ids"]);

        var hidden = new List<Tensor>();
        var everywhere = arange(80, dtype: int64);
        var generated = pair.Generate(io["masked_input_ids"], types, attention, everywhere, Dropout.None, hidden.Add);
        AssertReal(io["generator_logits_full"].view(80, 200), generated, "generator logits");
        for (int layer = 0; layer < hidden.Count; layer++)
            AssertReal(io[$"generator_hidden_{layer}"].view(80, 8), hidden[layer], $"generator hidden state {layer}");

        hidden.Clear();
        var judged = pair.Discriminate(io["generated"], types, attention, Dropout.None, hidden.Add);
        AssertReal(io["discriminator_logits"].view(80), judged, "discriminator logits");
        Assert.Equal(4, hidden.Count);
        for (int layer = 0; layer < hidden.Count; layer++)
            AssertReal(io[$"discriminator_hidden_{layer}"].view(80, 32), hidden[layer], $"discriminator hidden state {layer}");
    }

    [Fact]
    public void Loss_and_every_gradient_equal_the_original()
    {
        using var pair = TinyPair.Load();
        var (attention, types) = (Attention(), io["token_type_ids"]);
        var positions = io["is_mlm_applied"].view(80).nonzero().view(-1);

        var logits = pair.Generate(io["masked_input_ids"], types, attention, positions, Dropout.None);
        var generatorLoss = cross_entropy(logits, io["input_ids"].view(80).index_select(0, positions));
        var real = io["attention_mask"].view(80).nonzero().view(-1);
        var judged = pair.Discriminate(io["generated"], types, attention, Dropout.None);
        var discriminatorLoss = binary_cross_entropy_with_logits(
            judged.index_select(0, real),
            io["is_replaced"].view(80).index_select(0, real).to(float32)
        );
        var loss = generatorLoss + 50 * discriminatorLoss;

        Golden.AssertClose(io["gen_loss"], generatorLoss, 1e-5, "generator loss");
        Golden.AssertClose(io["disc_loss"], discriminatorLoss, 1e-5, "discriminator loss");
        Golden.AssertClose(io["loss"], loss, 1e-5, "loss");

        loss.backward();
        pair.Store.CollectGradients();
        Golden.AssertGradients(pair.Store);
    }

    [Fact]
    public void The_padding_row_learns_from_the_output_side_only()
    {
        using var pair = TinyPair.Load();
        var positions = tensor(new long[] { 3 });
        var attention = AttentionMask.FromLengths([10], 10, Compute.Reference);
        var ids = full([1, 10], 7L, dtype: int64);
        ids[0, 5] = 0;
        pair.Discriminate(ids, zeros_like(ids), attention, Dropout.None).sum().backward();
        var words = pair.Store.NamedGradients().First().Gradient;
        Assert.Equal(0f, words[0].abs().sum().item<float>());
        Assert.NotEqual(0f, words[7].abs().sum().item<float>());

        cross_entropy(pair.Generate(ids, zeros_like(ids), attention, positions, Dropout.None), tensor(new long[] { 9 })).backward();
        Assert.NotEqual(0f, words[0].abs().sum().item<float>());
    }

    [Fact]
    public void Names_and_shapes_on_disk_are_hugging_faces()
    {
        using var pair = TinyPair.Load();
        AssertSameNames(Golden.Tensors("a_tiny_generator"), pair.GeneratorWeights());
        AssertSameNames(Golden.Tensors("a_tiny_discriminator"), pair.DiscriminatorWeights());

        static void AssertSameNames(Dictionary<string, Tensor> golden, IEnumerable<(string Name, Tensor Value)> weights)
        {
            // position_ids is a buffer, and the output matrix is the word embeddings.
            var expected = golden.Where(t => t.Key is not ("electra.embeddings.position_ids" or "generator_lm_head.weight"));
            Assert.Equal(
                expected.Select(t => $"{t.Key} [{string.Join(", ", t.Value.shape)}]").Order(),
                weights.Select(w => $"{w.Name} [{string.Join(", ", w.Value.shape)}]").Order());
        }
    }

    [Theory]
    [InlineData("small", 4_620_026, 13_549_057, 14_196_219)]
    [InlineData("base", 33_740_602, 109_483_009, 119_386_427)]
    public void The_published_sizes_have_the_published_numbers_of_parameters(string size, long generator, long discriminator, long joint)
    {
        var config = (size == "small" ? ElectraConfig.Small : ElectraConfig.Base) with { VocabularySize = 30522 };
        using var pair = ElectraPair.Create(config, seed: 1, Compute.Reference, trainable: false);
        Assert.Equal(generator, pair.GeneratorWeights().Sum(weight => weight.Value.numel()));
        Assert.Equal(discriminator, pair.DiscriminatorWeights().Sum(weight => weight.Value.numel()));
        Assert.Equal(joint, pair.Store.ParameterCount);
    }

    [Fact]
    public void Bfloat16_gradients_point_where_float32_gradients_do()
    {
        using var exact = TinyPair.Load();
        using var rounded = TinyPair.Load(Compute.Reference with { Precision = Precision.Bfloat16 });
        foreach (var pair in new[] { exact, rounded })
        {
            var positions = io["is_mlm_applied"].view(80).nonzero().view(-1);
            var logits = pair.Generate(
                io["masked_input_ids"],
                io["token_type_ids"],
                Attention(pair.Store.Compute),
                positions,
                Dropout.None
            );
            var judged = pair.Discriminate(io["generated"], io["token_type_ids"], Attention(pair.Store.Compute), Dropout.None);
            (cross_entropy(logits, io["sampled_tokens"]) + 50 * judged.sigmoid().mean()).backward();
            pair.Store.CollectGradients();
        }
        double cosine = cosine_similarity(exact.Store.Gradients, rounded.Store.Gradients, 0).item<float>();
        Assert.InRange(cosine, 0.995, 1.0001);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_by_key()
    {
        var error = Assert.Throws<UserErrorException>(() =>
            ElectraPair.Create(TinyPair.Config with { AttentionHeads = 5 }, 0, Compute.Reference)
        );
        Assert.Contains("attention_heads", error.Message);
    }

    private AttentionMask Attention(Compute? compute = null) =>
        AttentionMask.FromLengths([20, 13, 17, 6], 20, compute ?? Compute.Reference);

    /// <summary>Padding positions attend too, and what they give is never used: only real positions are compared.</summary>
    private void AssertReal(Tensor expected, Tensor actual, string what)
    {
        var real = io["attention_mask"].view(80).nonzero().view(-1);
        Golden.AssertClose(expected.index_select(0, real), actual.index_select(0, real), 1e-5, what);
    }
}
