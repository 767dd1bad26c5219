using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>Predicts the tokens that were masked: dense, GELU, layer normalisation, then the word embeddings as output matrix.</summary>
internal sealed class GeneratorHead
{
    private readonly ParameterStore store;
    private readonly Embeddings embeddings;
    private readonly LayerNorm norm;
    private readonly Linear dense;
    private readonly Parameter bias;

    /// <summary>Declares the parameters under <paramref name="name"/>.</summary>
    public GeneratorHead(ParameterStore store, string name, ElectraConfig config, Embeddings embeddings)
    {
        (this.store, this.embeddings) = (store, embeddings);
        norm = new LayerNorm(store, $"{name}generator_predictions.LayerNorm", config.EmbeddingSize, config.LayerNormEpsilon);
        dense = new Linear(
            store,
            $"{name}generator_predictions.dense",
            config.HiddenSize,
            config.EmbeddingSize,
            config.WeightInitialization()
        );
        bias = store.Add($"{name}generator_lm_head.bias", [config.VocabularySize], ParameterRole.Other, Initialization.Zeros);
    }

    /// <summary><c>[positions, hidden]</c> to logits over the vocabulary, <c>[positions, vocabulary]</c> float32.</summary>
    public Tensor Forward(Tensor hidden) =>
        FastOperations.Logits(
            norm.Forward(FastOperations.Gelu(dense.Forward(hidden), store.Compute.Threads)),
            embeddings.Words,
            bias,
            store.Compute.Threads
        );
}

/// <summary>Says of every token whether it was replaced: dense, GELU, dense to one logit.</summary>
internal sealed class DiscriminatorHead
{
    private readonly ParameterStore store;
    private readonly Linear dense, prediction;

    /// <summary>Declares the parameters under <paramref name="name"/>.</summary>
    public DiscriminatorHead(ParameterStore store, string name, ElectraConfig config)
    {
        this.store = store;
        dense = new Linear(
            store,
            $"{name}discriminator_predictions.dense",
            config.HiddenSize,
            config.HiddenSize,
            config.WeightInitialization()
        );
        prediction = new Linear(
            store,
            $"{name}discriminator_predictions.dense_prediction",
            config.HiddenSize,
            1,
            config.ProjectionInitialization()
        );
    }

    /// <summary><c>[positions, hidden]</c> to one logit each, <c>[positions]</c>: positive means "replaced".</summary>
    public Tensor Forward(Tensor hidden) =>
        prediction.Forward(FastOperations.Gelu(dense.Forward(hidden), store.Compute.Threads)).squeeze(-1);
}
