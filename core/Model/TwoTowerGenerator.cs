using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>
/// The two-tower cloze model: one encoder reads the text from left to right, another from right to left, and a token is predicted
/// from what both know up to its neighbours. One pass gives the distribution at every position, of unmasked text (Clark et al. 2020,
/// "Pre-Training Transformers as Energy-Based Cloze Models"; google-research/electra, <c>TwoTowerClozeTransformer</c>).
/// </summary>
/// <remarks>
/// States wrap around the ends of a row, as in Google's code: what the first position has from the left, and the last from the right,
/// comes from the other end. These are [CLS], and [SEP] or padding, which are never predicted.
/// </remarks>
internal sealed class TwoTowerGenerator
{
    private readonly ParameterStore store;
    private readonly Embeddings embeddings;
    private readonly Encoder leftToRight, rightToLeft;
    private readonly Linear dense;
    private readonly LayerNorm norm;
    private readonly Parameter bias;

    /// <summary>Declares the parameters: <c>generator_ltr.…</c>, <c>generator_rtl.…</c> and <c>cloze_predictions.…</c>.</summary>
    /// <param name="store">Where they are declared.</param>
    /// <param name="config">The shapes; each tower has the generator's.</param>
    /// <param name="embeddings">What both towers read, and the output matrix.</param>
    /// <param name="name">What their names begin with.</param>
    public TwoTowerGenerator(ParameterStore store, ElectraConfig config, Embeddings embeddings, string name = "")
    {
        (this.store, this.embeddings) = (store, embeddings);
        leftToRight = new Encoder(store, $"{name}generator_ltr", config.GeneratorShape, recomputesLast: true);
        rightToLeft = new Encoder(store, $"{name}generator_rtl", config.GeneratorShape, recomputesLast: true);
        string head = $"{name}cloze_predictions";
        bias = store.Add($"{head}.bias", [config.VocabularySize], ParameterRole.Other, Initialization.Zeros);
        int width = 2 * config.GeneratorShape.HiddenSize;
        dense = new Linear(store, $"{head}.dense", width, config.EmbeddingSize, config.WeightInitialization());
        norm = new LayerNorm(store, $"{head}.LayerNorm", config.EmbeddingSize, config.LayerNormEpsilon);
    }

    /// <summary>What each token is predicted from: all other tokens of its row, and not itself.</summary>
    /// <param name="ids">Token ids, none masked, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <returns><c>[batch · length, embedding]</c>, for <see cref="Logits"/> and <see cref="LogProbabilities"/>.</returns>
    public Tensor Encode(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout)
    {
        using var scope = NewDisposeScope();
        Tensor States(Encoder tower, Direction direction) =>
            tower
                .Forward(embeddings.Forward(ids, types, attention, dropout), attention.Directed(direction, store.Compute, ids), dropout)
                .view(attention.Batch, attention.Length, -1);
        var before = States(leftToRight, Direction.LeftToRight).roll(1, 1);
        var after = States(rightToLeft, Direction.RightToLeft).roll(-1, 1);
        var joined = cat([before, after], -1).flatten(0, 1);
        return norm.Forward(FastOperations.Gelu(dense.Forward(joined), store.Compute.Threads)).MoveToOuterDisposeScope();
    }

    /// <summary>Logits over the vocabulary, <c>[positions, vocabulary]</c> float32, of <c>[positions, embedding]</c>.</summary>
    public Tensor Logits(Tensor encoded) => FastOperations.Logits(encoded, embeddings.Words, bias, store.Compute.Threads);

    /// <summary>
    /// The log-probability of one token at each position, <c>[positions]</c> float32, of <c>[positions, embedding]</c> and token ids.
    /// Only as many logits are in memory at once as a few hundred positions have.
    /// </summary>
    public Tensor LogProbabilities(Tensor encoded, Tensor tokens) =>
        FastOperations.LogProbabilities(encoded, tokens, embeddings.Words, bias, store.Compute.Threads);
}
