using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// Electric's two networks: a two-tower cloze model, which makes noise and says how likely each token of it is, and an energy model in
/// the shape of ELECTRA's discriminator. They share the embeddings, whose words are the cloze model's output matrix too.
/// </summary>
public sealed class ElectricPair : IDisposable
{
    private const string DiscriminatorName = "discriminator.";

    private readonly Embeddings embeddings;
    private readonly TwoTowerGenerator towers;
    private readonly Encoder encoder;
    private readonly DiscriminatorHead head;

    private ElectricPair(ElectraConfig config, Action<ParameterStore>? extend)
    {
        Config = config;
        embeddings = new Embeddings(Store, DiscriminatorName + "electra.embeddings", config);
        towers = new TwoTowerGenerator(Store, config, embeddings);
        encoder = new Encoder(Store, DiscriminatorName + "electra", config);
        head = new DiscriminatorHead(Store, DiscriminatorName, config);
        extend?.Invoke(Store);
    }

    /// <summary>The shape of the energy model; each tower has that of its generator.</summary>
    public ElectraConfig Config { get; }

    /// <summary>All parameters of both networks; what is shared is there once.</summary>
    public ParameterStore Store { get; } = new();

    /// <summary>Makes both networks with fresh weights.</summary>
    /// <param name="config">The shapes; the vocabulary's size must be set.</param>
    /// <param name="seed">Seeds the weights.</param>
    /// <param name="compute">Where to put them, and the precision to compute in.</param>
    /// <param name="trainable">False makes no gradients.</param>
    /// <param name="extend">Declares parameters of one's own, as in <see cref="ElectraPair.Create"/>.</param>
    /// <exception cref="UserErrorException">The shapes do not fit together.</exception>
    public static ElectricPair Create(
        ElectraConfig config, long seed, Compute compute, bool trainable = true, Action<ParameterStore>? extend = null)
    {
        var pair = new ElectricPair(config.Checked(), extend);
        pair.Store.Allocate(compute, seed, config.InitializerRange, trainable);
        return pair;
    }

    /// <summary>The cloze model, which predicts every token from what stands on both sides of it.</summary>
    internal TwoTowerGenerator Towers => towers;

    /// <summary>The energy of every token in its context: the lower, the likelier.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <returns><c>[batch · length]</c> float32.</returns>
    internal Tensor Energies(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout) =>
        head.Forward(encoder.Forward(embeddings.Forward(ids, types, attention, dropout), attention, dropout)).to(float32);

    /// <summary>The energy model's weights under the names of Hugging Face's <c>ElectraForPreTraining</c>, float32 views.</summary>
    public IEnumerable<(string Name, Tensor Value)> Weights() =>
        from weight in Store.Named()
        where weight.Name.StartsWith(DiscriminatorName, StringComparison.Ordinal)
        select (weight.Name[DiscriminatorName.Length..], weight.Value);

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
