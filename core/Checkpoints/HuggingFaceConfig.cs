using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Model;

namespace Electra.Checkpoints;

/// <summary>The <c>config.json</c> of an ELECTRA model, key by key as Hugging Face's library writes it.</summary>
public sealed record HuggingFaceConfig
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The class to load the weights into.</summary>
    public required IReadOnlyList<string> Architectures { get; init; }

    /// <summary>Dropout of attention probabilities.</summary>
    [JsonPropertyName("attention_probs_dropout_prob")]
    public double AttentionDropout { get; init; }

    /// <summary>Dropout before a classifier; null: as that of hidden states.</summary>
    public double? ClassifierDropout { get; init; }

    /// <summary>Width of the embeddings.</summary>
    public int EmbeddingSize { get; init; }

    /// <summary>The activation function.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>Dropout of embeddings and hidden states.</summary>
    [JsonPropertyName("hidden_dropout_prob")]
    public double HiddenDropout { get; init; }

    /// <summary>Width of the hidden states.</summary>
    public int HiddenSize { get; init; }

    /// <summary>Standard deviation of the initial weights.</summary>
    public double InitializerRange { get; init; }

    /// <summary>Width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; }

    /// <summary>Added to the variance in layer normalisation.</summary>
    [JsonPropertyName("layer_norm_eps")]
    public double LayerNormEpsilon { get; init; }

    /// <summary>The longest sequence there are position embeddings for.</summary>
    [JsonPropertyName("max_position_embeddings")]
    public int MaxPositions { get; init; }

    /// <summary>The family of models.</summary>
    public string ModelType { get; init; } = "electra";

    /// <summary>Attention heads.</summary>
    public int NumAttentionHeads { get; init; }

    /// <summary>Transformer layers.</summary>
    public int NumHiddenLayers { get; init; }

    /// <summary>The id of [PAD].</summary>
    public int PadTokenId { get; init; }

    /// <summary>How positions are embedded.</summary>
    public string PositionEmbeddingType { get; init; } = "absolute";

    /// <summary>Activation of the summary head, which is not used here.</summary>
    public string SummaryActivation { get; init; } = "gelu";

    /// <summary>Dropout of the summary head.</summary>
    public double SummaryLastDropout { get; init; } = 0.1;

    /// <summary>What the summary head reads.</summary>
    public string SummaryType { get; init; } = "first";

    /// <summary>Whether the summary head projects.</summary>
    public bool SummaryUseProj { get; init; } = true;

    /// <summary>The number format of the weights.</summary>
    public string TorchDtype { get; init; } = "float32";

    /// <summary>Token types.</summary>
    [JsonPropertyName("type_vocab_size")]
    public int TokenTypes { get; init; }

    /// <summary>Unused by an encoder.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>Tokens in the vocabulary.</summary>
    [JsonPropertyName("vocab_size")]
    public int VocabularySize { get; init; }

    /// <summary>The configuration of one of the two models of a pair.</summary>
    /// <param name="config">The pair's shapes.</param>
    /// <param name="shape">Which of the two.</param>
    /// <param name="architecture">The class to load the weights into.</param>
    /// <param name="padId">The id of [PAD].</param>
    public static HuggingFaceConfig Of(ElectraConfig config, EncoderShape shape, string architecture, int padId) => new()
    {
        Architectures = [architecture],
        AttentionDropout = config.AttentionDropout,
        EmbeddingSize = config.EmbeddingSize,
        HiddenDropout = config.HiddenDropout,
        HiddenSize = shape.HiddenSize,
        InitializerRange = config.InitializerRange,
        IntermediateSize = shape.IntermediateSize,
        LayerNormEpsilon = config.LayerNormEpsilon,
        MaxPositions = config.MaxPositions,
        NumAttentionHeads = shape.AttentionHeads,
        NumHiddenLayers = config.Layers,
        PadTokenId = padId,
        TokenTypes = config.TokenTypes,
        VocabularySize = config.VocabularySize,
    };

    /// <summary>The file's text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";
}
