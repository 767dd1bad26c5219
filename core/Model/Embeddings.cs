using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// Word, position and token type embeddings, summed and normalised: one object that generator and discriminator may share whole.
/// </summary>
internal sealed class Embeddings
{
    /// <summary>
    /// The row of the word embeddings that stands for padding: it learns from the generator's output side only, unless
    /// <see cref="ElectraConfig.PaddingInputGradient"/> is set.
    /// </summary>
    private const int PaddingIndex = 0;

    private readonly ElectraConfig config;
    private readonly Parameter words, positions, tokenTypes;
    private readonly LayerNorm norm;
    private readonly Embeddings? below;

    /// <summary>Declares the parameters under <paramref name="name"/>.</summary>
    /// <param name="store">Where they are declared.</param>
    /// <param name="name">What their names begin with.</param>
    /// <param name="config">The shape of the model that reads them.</param>
    /// <param name="below">
    /// Embeddings whose words and positions are added to these, without a gradient: then the tables here are differences, and begin as
    /// zero.
    /// </param>
    public Embeddings(ParameterStore store, string name, ElectraConfig config, Embeddings? below = null)
    {
        (this.config, this.below) = (config, below);
        var initialization = below is null ? config.WeightInitialization() : Initialization.Zeros;
        words = store.Add(
            $"{name}.word_embeddings.weight",
            [config.VocabularySize, config.EmbeddingSize],
            ParameterRole.Embedding,
            initialization
        );
        positions = store.Add(
            $"{name}.position_embeddings.weight",
            [config.MaxPositions, config.EmbeddingSize],
            ParameterRole.Embedding,
            initialization
        );
        tokenTypes = store.Add(
            $"{name}.token_type_embeddings.weight",
            [config.TokenTypes, config.EmbeddingSize],
            ParameterRole.Embedding,
            config.WeightInitialization()
        );
        norm = new LayerNorm(store, $"{name}.LayerNorm", config.EmbeddingSize, config.LayerNormEpsilon);
    }

    /// <summary>The word embeddings, which are the generator's output matrix too: <c>[vocabulary, embedding]</c>.</summary>
    public Parameter Words => words;

    /// <summary>Takes over what other embeddings hold, but for tables that are differences.</summary>
    public void CopyFrom(Embeddings other)
    {
        using var _ = no_grad();
        foreach (var (own, others) in Parameters.Zip(other.Parameters).Skip(below is null ? 0 : 2))
            own.Master.copy_(others.Master);
    }

    /// <summary>What a table that is a difference comes to; null for any other.</summary>
    /// <param name="name">The table's full name.</param>
    public Tensor? Sum(string name)
    {
        using var _ = no_grad();
        return Difference(name) is var (own, under) ? own.Master + under.Master : null;
    }

    /// <summary>Makes a table that is a difference come to a sum; does nothing to any other.</summary>
    public void SetSum(string name, Tensor sum)
    {
        using var _ = no_grad();
        if (Difference(name) is var (own, under))
            own.Master.copy_(sum).sub_(under.Master);
    }

    /// <summary>Embeds token ids.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c> int64.</param>
    /// <param name="types">Token types, <c>[batch, length]</c> int64.</param>
    /// <param name="attention">Where sequences that share a row begin.</param>
    /// <param name="dropout">Applied to the result.</param>
    /// <returns><c>[batch, length, embedding]</c> float32.</returns>
    public Tensor Forward(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout)
    {
        using var scope = NewDisposeScope();
        var sum = FastOperations.Embedding(words, ids, config.PaddingInputGradient ? -1 : PaddingIndex)
            + (attention.Places is { } places
                ? FastOperations.Embedding(positions, places, -1)
                : positions.Value.narrow(0, 0, ids.shape[1]))
            + FastOperations.Embedding(tokenTypes, types, -1);
        if (below is not null)
            sum += below.Fixed(ids, attention);
        return dropout.Apply(norm.Forward(sum), config.HiddenDropout).MoveToOuterDisposeScope();
    }

    /// <summary>Words and positions, as they are now.</summary>
    private Tensor Fixed(Tensor ids, AttentionMask attention)
    {
        using var _ = no_grad();
        return TensorFunctions.Embedding(words.Master, ids, -1)
            + (attention.Places is { } places
                ? TensorFunctions.Embedding(positions.Master, places, -1)
                : positions.Master.narrow(0, 0, ids.shape[1]));
    }

    private Parameter[] Parameters => [words, positions, tokenTypes, norm.Parameters.Weight, norm.Parameters.Bias];

    private (Parameter Own, Parameter Below)? Difference(string name) =>
        below is null ? null
        : name == words.Name ? (words, below.words)
        : name == positions.Name ? (positions, below.positions)
        : null;
}
