using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Model;

/// <summary>
/// The two-tower cloze model against a translation of Google's <c>TwoTowerClozeTransformer</c>, in float32 without dropout.
/// </summary>
public sealed class TwoTowerGeneratorTests
{
    private static readonly int[] Lengths = [20, 13, 17, 6];
    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("m_two_tower");

    [Fact]
    public void Logits_loss_and_every_gradient_equal_the_reference()
    {
        var (store, towers) = Load();
        using var _ = store;
        var candidates = golden["is_candidate"].view(-1).nonzero().view(-1);
        var targets = golden["input_ids"].view(-1).index_select(0, candidates);
        var encoded = Encode(towers, golden["input_ids"]).index_select(0, candidates);

        var logits = towers.Logits(encoded);
        Golden.AssertClose(golden["logits_at_candidates"], logits, 1e-5, "logits");
        var loss = -towers.LogProbabilities(encoded, targets).mean();
        Golden.AssertClose(golden["loss"], loss, 1e-5, "loss");

        loss.backward();
        store.CollectGradients();
        foreach (var (name, gradient) in store.NamedGradients())
            Assert.True((golden[$"grads/{name}"] - gradient).abs().max().item<float>() < 1e-5, name);
    }

    [Fact]
    public void A_token_does_not_move_its_own_logits_and_moves_its_neighbours()
    {
        var (store, towers) = Load();
        using var _ = store;
        using var noGradient = no_grad();
        var before = towers.Logits(Encode(towers, golden["input_ids"])).view(4, 20, -1);
        for (int row = 0; row < 4; row++)
            for (int t = 1; t < Lengths[row] - 1; t++)
            {
                var changed = golden["input_ids"].clone();
                changed[row, t] = (changed[row, t] + 7) % 200;
                var moved = (towers.Logits(Encode(towers, changed)).view(4, 20, -1) - before).abs().amax(-1);
                Assert.Equal(0, moved[row, t].item<float>());
                foreach (int neighbour in new[] { t - 1, t + 1 }.Where(at => at > 0 && at < Lengths[row] - 1))
                    Assert.True(moved[row, neighbour].item<float>() > 0.01, $"row {row}, token {t}, at {neighbour}");
                moved[row] = 0;
                Assert.Equal(0, moved.sum().item<float>());
            }
    }

    [Fact]
    public void Padding_does_not_move_what_tokens_are_predicted_from()
    {
        var (store, towers) = Load();
        using var _ = store;
        using var noGradient = no_grad();
        var padded = Encode(towers, golden["input_ids"]).view(4, 20, -1);
        for (int row = 0; row < 4; row++)
        {
            int length = Lengths[row];
            Tensor Own(string name) => golden[name].narrow(0, row, 1).narrow(1, 0, length);
            var alone = towers.Encode(
                Own("input_ids"),
                Own("token_type_ids"),
                AttentionMask.FromLengths([length], length, Compute.Reference),
                Dropout.None
            );
            Golden.AssertClose(padded[row].narrow(0, 1, length - 2), alone.narrow(0, 1, length - 2), 1e-5, $"row {row}");
        }
    }

    /// <summary>In bfloat16, where kernels take undirected layers, the towers must not be among these.</summary>
    [Fact]
    public void Bfloat16_sees_no_token_at_its_own_place_either()
    {
        var compute = Compute.Reference with { Precision = Precision.Bfloat16 };
        var config = TinyPair.Config with { HiddenSize = 64, AttentionHeads = 2, GeneratorDivisor = 1, EmbeddingSize = 32 };
        using var store = new ParameterStore();
        var towers = new TwoTowerGenerator(store, config, new Embeddings(store, "embeddings", config));
        store.Allocate(compute, seed: 3, standardDeviation: 0.1);
        var attention = AttentionMask.FromLengths(Lengths, 20, compute);
        Tensor Read(Tensor ids) => towers.Encode(ids, golden["token_type_ids"], attention, Dropout.None).view(4, 20, -1);
        var changed = golden["input_ids"].clone();
        changed[1, 5] = 9;
        var moved = (Read(changed) - Read(golden["input_ids"])).abs().amax(-1).to(float32);
        Assert.Equal(0, moved[1, 5].item<float>());
        Assert.NotEqual(0, moved[1, 4].item<float>());
        Assert.NotEqual(0, moved[1, 6].item<float>());
    }

    /// <summary>A part of the rows at a time, with a rest, gives what all at once give.</summary>
    [Fact]
    public void Log_probabilities_and_their_gradients_are_those_of_all_logits_at_once()
    {
        const int Rows = 700, Width = 8, Tokens = 30_000;
        using var store = new ParameterStore();
        var words = store.Add("words", [Tokens, Width], ParameterRole.Embedding, Initialization.Normal);
        var bias = store.Add("bias", [Tokens], ParameterRole.Other, Initialization.Normal);
        store.Allocate(Compute.Reference, seed: 1, standardDeviation: 0.5);
        manual_seed(2);
        Tensor x = randn(Rows, Width).requires_grad_(), tokens = randint(Tokens, [Rows], dtype: int64), weights = randn(Rows);

        var parts = FastOperations.LogProbabilities(x, tokens, words, bias, threads: 1);
        parts.mul(weights).sum().backward();
        var (ofX, ofParameters) = (x.grad!.clone(), store.Gradients.clone());
        x.grad!.zero_();
        store.ZeroGradients();
        var whole = nn.functional.log_softmax(FastOperations.Logits(x, words, bias, 1), -1).gather(1, tokens.unsqueeze(1)).squeeze(1);
        whole.mul(weights).sum().backward();

        Golden.AssertClose(whole, parts, 1e-6, "log-probabilities");
        Golden.AssertClose(x.grad!, ofX, 1e-5, "gradient of the activations");
        Golden.AssertClose(store.Gradients, ofParameters, 1e-5, "gradient of the parameters");
    }

    private Tensor Encode(TwoTowerGenerator towers, Tensor ids) =>
        towers.Encode(ids, golden["token_type_ids"], Attention, Dropout.None);

    private static AttentionMask Attention => AttentionMask.FromLengths(Lengths, 20, Compute.Reference);

    private (ParameterStore Store, TwoTowerGenerator Towers) Load()
    {
        var store = new ParameterStore();
        var towers = new TwoTowerGenerator(store, TinyPair.Config, new Embeddings(store, "embeddings", TinyPair.Config));
        store.Allocate(Compute.Reference, seed: null);
        using var _ = no_grad();
        foreach (var (name, value) in store.Named())
            value.copy_(golden[$"weights/{name}"]);
        Assert.Equal(golden.Keys.Count(key => key.StartsWith("weights/", StringComparison.Ordinal)), store.Named().Count());
        return (store, towers);
    }
}
