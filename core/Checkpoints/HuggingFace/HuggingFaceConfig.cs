using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Model;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// The <c>config.json</c> of an ELECTRA model, key by key as Hugging Face's library writes it; a key that a file leaves out has that
/// library's default (transformers, <c>configuration_electra.py</c>).
/// </summary>
internal sealed record HuggingFaceConfig
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The class to load the weights into.</summary>
    public IReadOnlyList<string> Architectures { get; init; } = [];

    /// <summary>Dropout of attention probabilities.</summary>
    [JsonPropertyName("attention_probs_dropout_prob")]
    public double AttentionDropout { get; init; } = 0.1;

    /// <summary>Dropout before a classifier; null: as that of hidden states.</summary>
    public double? ClassifierDropout { get; init; }

    /// <summary>The type of the weights in the files.</summary>
    public string Dtype { get; init; } = "float32";

    /// <summary>Width of the embeddings.</summary>
    public int EmbeddingSize { get; init; } = 128;

    /// <summary>The activation function.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>Dropout of embeddings and hidden states.</summary>
    [JsonPropertyName("hidden_dropout_prob")]
    public double HiddenDropout { get; init; } = 0.1;

    /// <summary>Width of the hidden states.</summary>
    public int HiddenSize { get; init; } = 256;

    /// <summary>Standard deviation of the initial weights.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Width of the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 1024;

    /// <summary>Added to the variance in layer normalisation.</summary>
    [JsonPropertyName("layer_norm_eps")]
    public double LayerNormEpsilon { get; init; } = 1e-12;

    /// <summary>The longest sequence there are position embeddings for.</summary>
    [JsonPropertyName("max_position_embeddings")]
    public int MaxPositions { get; init; } = 512;

    /// <summary>The family of models.</summary>
    public string ModelType { get; init; } = "electra";

    public int NumAttentionHeads { get; init; } = 4;

    public int NumHiddenLayers { get; init; } = 12;

    public int PadTokenId { get; init; }

    /// <summary>How positions are embedded.</summary>
    public string PositionEmbeddingType { get; init; } = "absolute";

    /// <summary>False where the generator has an output matrix of its own; null: it is the word embeddings.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? TieWordEmbeddings { get; init; }

    [JsonPropertyName("type_vocab_size")]
    public int TokenTypes { get; init; } = 2;

    /// <summary>Tokens in the vocabulary.</summary>
    [JsonPropertyName("vocab_size")]
    public int VocabularySize { get; init; } = 30522;

    /// <summary>A classifier's labels by id; null where the model is not a classifier.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<int, string>? Id2label { get; init; }

    /// <summary>A classifier's ids by label; null where the model is not a classifier.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, int>? Label2id { get; init; }

    /// <summary><c>regression</c> or <c>single_label_classification</c>; null where the model is not a classifier.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ProblemType { get; init; }

    /// <summary>What sentence-transformers does with the score of a cross-encoder; null of other models.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CrossEncoderSettings? SentenceTransformers { get; init; }

    /// <summary><c>electric</c> where the discriminator's outputs are energies; null: it says which tokens were replaced.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Objective { get; init; }

    /// <summary>How a model reads and decides, where that is more than its weights; null: not said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TaskParameters? TaskSpecificParams { get; init; }

    /// <summary>The configuration of a model.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="architecture">The class to load the weights into.</param>
    /// <param name="padId">The id of [PAD].</param>
    public static HuggingFaceConfig Of(ElectraConfig config, string architecture, int padId) => new()
    {
        Architectures = [architecture],
        AttentionDropout = config.AttentionDropout,
        EmbeddingSize = config.EmbeddingSize,
        HiddenDropout = config.HiddenDropout,
        HiddenSize = config.HiddenSize,
        InitializerRange = config.InitializerRange,
        IntermediateSize = config.IntermediateSize,
        LayerNormEpsilon = config.LayerNormEpsilon,
        MaxPositions = config.MaxPositions,
        NumAttentionHeads = config.AttentionHeads,
        NumHiddenLayers = config.Layers,
        PadTokenId = padId,
        TokenTypes = config.TokenTypes,
        VocabularySize = config.VocabularySize,
    };

    /// <summary>The shapes of the model, as those of a discriminator; a generator made with them is as wide.</summary>
    public ElectraConfig ToModel() => new()
    {
        VocabularySize = VocabularySize,
        EmbeddingSize = EmbeddingSize,
        HiddenSize = HiddenSize,
        Layers = NumHiddenLayers,
        AttentionHeads = NumAttentionHeads,
        IntermediateSize = IntermediateSize,
        MaxPositions = MaxPositions,
        TokenTypes = TokenTypes,
        HiddenDropout = HiddenDropout,
        AttentionDropout = AttentionDropout,
        LayerNormEpsilon = LayerNormEpsilon,
        InitializerRange = InitializerRange,
        GeneratorDivisor = 1,
    };

    /// <summary>Reads a <c>config.json</c>: the keys that a model is made of, and no other.</summary>
    /// <exception cref="UserErrorException">There is no such file, it is not the configuration of an ELECTRA model, or of one
    /// with other parts than the published ones.</exception>
    public static HuggingFaceConfig Load(string path)
    {
        var (json, usual) = (ModelJson.Load(path), new HuggingFaceConfig());
        var labels = Labels(json);
        var config = new HuggingFaceConfig
        {
            Architectures = [.. json.Elements("architectures").Select(name => name.ToString())],
            AttentionDropout = json.Number("attention_probs_dropout_prob") ?? usual.AttentionDropout,
            ClassifierDropout = json.Number("classifier_dropout"),
            EmbeddingSize = json.Integer("embedding_size") ?? usual.EmbeddingSize,
            HiddenAct = json.Text("hidden_act") ?? usual.HiddenAct,
            HiddenDropout = json.Number("hidden_dropout_prob") ?? usual.HiddenDropout,
            HiddenSize = json.Integer("hidden_size") ?? usual.HiddenSize,
            InitializerRange = json.Number("initializer_range") ?? usual.InitializerRange,
            IntermediateSize = json.Integer("intermediate_size") ?? usual.IntermediateSize,
            LayerNormEpsilon = json.Number("layer_norm_eps") ?? usual.LayerNormEpsilon,
            MaxPositions = json.Integer("max_position_embeddings") ?? usual.MaxPositions,
            ModelType = json.Text("model_type") ?? usual.ModelType,
            NumAttentionHeads = json.Integer("num_attention_heads") ?? usual.NumAttentionHeads,
            NumHiddenLayers = json.Integer("num_hidden_layers") ?? usual.NumHiddenLayers,
            PadTokenId =
                json["pad_token_id"] is { ValueKind: JsonValueKind.Number } pad && pad.TryGetInt32(out int id) ? id : usual.PadTokenId,
            PositionEmbeddingType = json.Text("position_embedding_type") ?? usual.PositionEmbeddingType,
            TieWordEmbeddings = json.Flag("tie_word_embeddings") == false ? false : null,
            TokenTypes = json.Integer("type_vocab_size") ?? usual.TokenTypes,
            VocabularySize = json.Integer("vocab_size") ?? usual.VocabularySize,
            Id2label = labels,
            Label2id = labels?.GroupBy(label => label.Value, label => label.Key).ToDictionary(label => label.Key, label => label.First()),
            Objective = json["objective"] is { ValueKind: JsonValueKind.String } objective ? objective.GetString() : null,
            SentenceTransformers = CrossEncoderSettings.Read(json),
            ProblemType = json["problem_type"] is { ValueKind: JsonValueKind.String } type ? type.GetString() : null,
            TaskSpecificParams = TaskParameters.Read(json, path, Json),
        };
        if (json.Flag("is_decoder") == true)
            throw json.Problem("is_decoder", "is true: a model that sees only what is to the left cannot be read");
        if (json["quantization_config"] is not null)
            throw json.Problem("quantization_config", "is there: quantized weights cannot be read");
        if (json["pruned_heads"] is { ValueKind: JsonValueKind.Object } pruned && pruned.EnumerateObject().Any())
            throw json.Problem("pruned_heads", "is not empty: a model without some of its attention heads cannot be read");
        return config.Problem() is { } problem ? throw new UserErrorException($"{Paths.Shown(path)}: {problem}") : config;
    }

    /// <summary>Labels by id, whatever their type in the file; null where it names none.</summary>
    private static Dictionary<int, string>? Labels(ModelJson json)
    {
        if (json["id2label"] is { ValueKind: JsonValueKind.Object } names)
        {
            var labels = new Dictionary<int, string>();
            foreach (var entry in names.EnumerateObject())
                if (int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                    labels[id] = entry.Value.ValueKind == JsonValueKind.Null ? $"LABEL_{id}" : entry.Value.ToString();
            return labels;
        }
        return
            json["num_labels"] is { ValueKind: JsonValueKind.Number } number
            && number.TryGetInt32(out int count)
            && count is > 0 and < 1 << 16
            ? Enumerable.Range(0, count).ToDictionary(id => id, id => $"LABEL_{id}")
            : null;
    }

    /// <summary>What in a file cannot be built, with its key.</summary>
    private string? Problem()
    {
        if (Architectures.Contains("ElectraForCausalLM"))
            return "architectures is ElectraForCausalLM: a model that sees only what is to the left cannot be read";
        if (ModelType != "electra")
            return $"model_type is {ModelType}, and only electra can be loaded";
        if (HiddenAct is not ("gelu" or "gelu_python")) // one function, by two names
            return $"hidden_act is {HiddenAct}, and only gelu is there";
        if (PositionEmbeddingType != "absolute")
            return $"position_embedding_type is {PositionEmbeddingType}, and only absolute is there";
        (string Key, int Value, int Most)[] sizes =
        [
            ("vocab_size", VocabularySize, 1 << 24),
            ("embedding_size", EmbeddingSize, 1 << 16),
            ("hidden_size", HiddenSize, 1 << 16),
            ("num_hidden_layers", NumHiddenLayers, 1000),
            ("num_attention_heads", NumAttentionHeads, 1024),
            ("intermediate_size", IntermediateSize, 1 << 20),
            ("max_position_embeddings", MaxPositions, 1 << 20),
            ("type_vocab_size", TokenTypes, 16),
        ];
        foreach (var (key, value, most) in sizes)
            if (value < 1 || value > most)
                return $"{key} is {value}, which is not between 1 and {most}";
        if (HiddenSize % NumAttentionHeads != 0)
            return $"num_attention_heads is {NumAttentionHeads}, which does not divide hidden_size ({HiddenSize})";
        return null;
    }

    /// <summary>The file's text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";
}

/// <summary>The entry <c>sentence_transformers</c> of a <c>config.json</c>.</summary>
/// <param name="ActivationFn">The class of PyTorch that is applied to scores.</param>
internal sealed record CrossEncoderSettings(string ActivationFn)
{
    /// <summary>The version of the library whose form this is.</summary>
    public string Version { get; } = SentenceTransformerFiles.Version;

    /// <summary>What a <c>config.json</c> says, by the key of versions from 4 on or that of older ones; null where it says nothing.
    /// </summary>
    public static CrossEncoderSettings? Read(ModelJson json) =>
        (json["sentence_transformers.activation_fn"] ?? json["sbert_ce_default_activation_function"])
            is { ValueKind: JsonValueKind.String } activation
            ? new(activation.GetString()!)
            : null;
}
