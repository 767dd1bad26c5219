using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// Word, position and token type embeddings, summed and normalised: one object that generator and discriminator share whole.
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

    /// <summary>Declares the parameters under <paramref name="name"/>.</summary>
    public Embeddings(ParameterStore store, string name, ElectraConfig config)
    {
        this.config = config;
        var initialization = config.WeightInitialization();
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
            initialization
        );
        norm = new LayerNorm(store, $"{name}.LayerNorm", config.EmbeddingSize, config.LayerNormEpsilon);
    }

    /// <summary>The word embeddings, which are the generator's output matrix too: <c>[vocabulary, embedding]</c>.</summary>
    public Parameter Words => words;

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
        return dropout.Apply(norm.Forward(sum), config.HiddenDropout).MoveToOuterDisposeScope();
    }
}
