using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// Generator and discriminator. As published, the embeddings are tied: the whole embeddings module (word, position and token type
/// embeddings and their layer normalisation) is one object, and the word embeddings are the generator's output matrix as well; the
/// projection from embeddings to hidden states is each model's own. <see cref="GeneratorOptions"/> says what else there is.
/// </summary>
public sealed class ElectraPair : IDisposable
{
    private const string GeneratorName = "generator.", DiscriminatorName = "discriminator.", Base = "electra";

    private readonly Embeddings embeddings;
    private readonly Embeddings? generatorEmbeddings;
    private readonly Encoder discriminator;
    private readonly Encoder? generator;
    private readonly GeneratorHead? generatorHead;
    private readonly DiscriminatorHead discriminatorHead;

    private ElectraPair(ElectraConfig config, Action<ParameterStore>? extend)
    {
        Config = config;
        var (shape, options) = (config.GeneratorShape, config.Generator);
        if (options.Kind is GeneratorKind.Masked or GeneratorKind.Shared)
        {
            generatorEmbeddings = new Embeddings(Store, $"{GeneratorName}{Base}.embeddings", shape);
            generator = new Encoder(Store, GeneratorName + Base, shape, recomputesLast: options.Kind == GeneratorKind.Masked);
            generatorHead = new GeneratorHead(Store, GeneratorName, shape, generatorEmbeddings);
        }
        bool isShared = options.Embeddings == GeneratorEmbeddings.Shared && generatorEmbeddings is not null;
        embeddings = isShared
            ? generatorEmbeddings!
            : new Embeddings(
                Store,
                $"{DiscriminatorName}{Base}.embeddings",
                config,
                options.Embeddings == GeneratorEmbeddings.Disentangled ? generatorEmbeddings : null
            );
        if (options.Kind == GeneratorKind.TwoTower)
            Towers = new TwoTowerGenerator(Store, config, embeddings, GeneratorName);
        discriminator = options.Kind == GeneratorKind.Shared ? generator! : new Encoder(Store, DiscriminatorName + Base, config);
        discriminatorHead = new DiscriminatorHead(Store, DiscriminatorName, config);
        extend?.Invoke(Store); // last: the pair's own weights begin the same with and without it
    }

    /// <summary>The models' shapes.</summary>
    public ElectraConfig Config { get; }

    /// <summary>All parameters of both models; what is shared is there once.</summary>
    public ParameterStore Store { get; } = new();

    /// <summary>Makes a pair with fresh weights.</summary>
    /// <param name="config">The shapes; the vocabulary's size must be set.</param>
    /// <param name="seed">Seeds the weights.</param>
    /// <param name="compute">Where to put them, and the precision to compute in.</param>
    /// <param name="trainable">False makes no gradients.</param>
    /// <param name="extend">
    /// Declares parameters of one's own, for a head with a loss of its own: <c>store => head = new Linear(store, "head", …)</c>.
    /// They are trained, saved in states and resumed with the pair's; the models that are written for use elsewhere do not have them.
    /// </param>
    /// <exception cref="UserErrorException">The shapes do not fit together.</exception>
    public static ElectraPair Create(
        ElectraConfig config, long seed, Compute compute, bool trainable = true, Action<ParameterStore>? extend = null)
    {
        var pair = new ElectraPair(config.Checked(), extend);
        pair.Store.Allocate(compute, seed, config.InitializerRange, trainable);
        pair.CopyEmbeddings();
        return pair;
    }

    /// <summary>The parameters that a pair has.</summary>
    internal static long CountParameters(ElectraConfig config)
    {
        using var pair = new ElectraPair(config.Checked(), extend: null);
        return pair.Store.ParameterCount;
    }

    /// <summary>Whether the replacements come from a network.</summary>
    internal bool HasGenerator => generator is not null || Towers is not null;

    /// <summary>The generator where it reads the text without masks, from both sides; else null.</summary>
    internal TwoTowerGenerator? Towers { get; }

    /// <summary>Whether a parameter belongs to the generator; one that both networks have does.</summary>
    internal static bool IsOfGenerator(Parameter parameter) => parameter.Name.StartsWith(GeneratorName, StringComparison.Ordinal);

    /// <summary>Gives the discriminator what the generator's embeddings hold, where its own begin as a copy of them.</summary>
    internal void CopyEmbeddings()
    {
        if (Config.Generator.Embeddings is not (GeneratorEmbeddings.Copied or GeneratorEmbeddings.Disentangled))
            return;
        embeddings.CopyFrom(generatorEmbeddings!);
        Store.PublishValues();
    }

    /// <summary>Takes over weights of the discriminator that <see cref="DiscriminatorWeights"/> gave as sums.</summary>
    internal void SetSums(IEnumerable<(string Name, Tensor Value)> weights)
    {
        foreach (var (name, value) in weights)
            embeddings.SetSum(DiscriminatorName + name, value);
    }

    /// <summary>The logits of a generator that reads masked text, at some positions; without a network, of equal chances.</summary>
    /// <param name="ids">Token ids with some masked, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="positions">The masked positions, as indices into <c>[batch · length]</c>: the output layer is by far the widest,
    /// so only these reach it.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <param name="hidden">Called with each hidden state.</param>
    /// <returns>Logits, <c>[positions, vocabulary]</c> float32.</returns>
    internal Tensor Generate(
        Tensor ids,
        Tensor types,
        AttentionMask attention,
        Tensor positions,
        Dropout dropout,
        Action<Tensor>? hidden = null
    )
    {
        if (generator is null)
            return zeros(positions.shape[0], Config.VocabularySize, device: Store.Compute.Device);
        var encoded = generator.Forward(generatorEmbeddings!.Forward(ids, types, attention, dropout), attention, dropout, hidden);
        return generatorHead!.Forward(encoded.index_select(0, positions));
    }

    /// <summary>The discriminator's logit of every token.</summary>
    /// <param name="ids">Token ids with some replaced, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <param name="hidden">Called with each hidden state.</param>
    /// <returns>Logits, <c>[batch · length]</c> float32: positive means "replaced".</returns>
    internal Tensor Discriminate(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout, Action<Tensor>? hidden = null) =>
        discriminatorHead
            .Forward(discriminator.Forward(embeddings.Forward(ids, types, attention, dropout), attention, dropout, hidden))
            .to(float32);

    /// <summary>
    /// The generator's weights under the names of Hugging Face's <c>ElectraForMaskedLM</c>, float32 views; of two towers, which that class
    /// has not, under those of Google's code.
    /// </summary>
    public IEnumerable<(string Name, Tensor Value)> GeneratorWeights() =>
        from weight in Store.Named()
        where weight.Name.StartsWith(GeneratorName, StringComparison.Ordinal)
        select (weight.Name[GeneratorName.Length..], weight.Value);

    /// <summary>
    /// The discriminator's weights under the names of Hugging Face's <c>ElectraForPreTraining</c>, float32 views; of embeddings that are
    /// differences, the sums.
    /// </summary>
    public IEnumerable<(string Name, Tensor Value)> DiscriminatorWeights()
    {
        // What the generator has of them.
        var shared = Config.Generator.Kind == GeneratorKind.Shared ? $"{GeneratorName}{Base}."
            : embeddings == generatorEmbeddings ? $"{GeneratorName}{Base}.embeddings."
            : null;
        return
            from weight in Store.Named()
            let isShared = shared is not null && weight.Name.StartsWith(shared, StringComparison.Ordinal)
            where isShared || weight.Name.StartsWith(DiscriminatorName, StringComparison.Ordinal)
            select (
                weight.Name[(isShared ? GeneratorName : DiscriminatorName).Length..],
                embeddings.Sum(weight.Name) ?? weight.Value
            );
    }

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
