using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// One encoder that predicts masked tokens, with the word embeddings as output matrix: BERT's model in ELECTRA's shape, and the baseline
/// of what a discriminator is worth. Hugging Face's <c>ElectraForMaskedLM</c>.
/// </summary>
public sealed class MaskedLanguageModel : IDisposable
{
    private readonly Embeddings embeddings;
    private readonly Encoder encoder;
    private readonly GeneratorHead head;
    private readonly HashSet<string> own;

    private MaskedLanguageModel(ElectraConfig config, Action<ParameterStore>? extend)
    {
        Config = config;
        embeddings = new Embeddings(Store, "electra.embeddings", config);
        encoder = new Encoder(Store, "electra", config);
        head = new GeneratorHead(Store, "", config, embeddings);
        own = [.. Store.Parameters.SelectMany(parameter => parameter.Parts)];
        extend?.Invoke(Store);
    }

    /// <summary>The model's shape: that of a discriminator.</summary>
    public ElectraConfig Config { get; }

    /// <summary>All parameters, by Hugging Face's names.</summary>
    public ParameterStore Store { get; } = new();

    /// <summary>Makes a model with fresh weights.</summary>
    /// <param name="config">The shape; the vocabulary's size must be set.</param>
    /// <param name="seed">Seeds the weights.</param>
    /// <param name="compute">Where to put them, and the precision to compute in.</param>
    /// <param name="trainable">False makes no gradients.</param>
    /// <param name="extend">Declares parameters of one's own, as in <see cref="ElectraPair.Create"/>.</param>
    /// <exception cref="UserErrorException">The shapes do not fit together.</exception>
    public static MaskedLanguageModel Create(
        ElectraConfig config, long seed, Compute compute, bool trainable = true, Action<ParameterStore>? extend = null)
    {
        var model = new MaskedLanguageModel(config.WithoutGenerator.Checked(), extend);
        model.Store.Allocate(compute, seed, config.InitializerRange, trainable);
        return model;
    }

    /// <summary>The logits at some positions.</summary>
    /// <param name="ids">Token ids with some masked, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="positions">The masked positions, as indices into <c>[batch · length]</c>.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <returns>Logits, <c>[positions, vocabulary]</c> float32.</returns>
    internal Tensor Predict(Tensor ids, Tensor types, AttentionMask attention, Tensor positions, Dropout dropout) =>
        head.Forward(
            encoder.Forward(embeddings.Forward(ids, types, attention, dropout), attention, dropout).index_select(0, positions)
        );

    /// <summary>The weights under the names of Hugging Face's <c>ElectraForMaskedLM</c>, float32 views.</summary>
    public IEnumerable<(string Name, Tensor Value)> Weights() => Store.Named().Where(weight => own.Contains(weight.Name));

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
