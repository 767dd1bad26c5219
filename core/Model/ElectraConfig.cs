using System.ComponentModel.DataAnnotations;
using Electra.Tokenization;

namespace Electra.Model;

/// <summary>The shape of ELECTRA: of the discriminator, and through <see cref="GeneratorDivisor"/> or <see cref="Generator"/> of the
/// generator.</summary>
public sealed record ElectraConfig
{
    /// <summary>Tokens in the vocabulary; 0: as many as the vocabulary in use has.</summary>
    [Range(0, int.MaxValue)]
    public int VocabularySize { get; init; }

    /// <summary>Width of the embeddings, which both models share unless <c>generator.embeddings</c> says otherwise.</summary>
    [Range(1, 65536)]
    public int EmbeddingSize { get; init; } = 128;

    /// <summary>Width of the discriminator's hidden states.</summary>
    [Range(1, 65536)]
    public int HiddenSize { get; init; } = 256;

    /// <summary>Transformer layers of the discriminator, and of the generator unless <c>generator.layers</c> says otherwise.</summary>
    [Range(1, 1000)]
    public int Layers { get; init; } = 12;

    /// <summary>Attention heads of the discriminator; must divide the hidden size.</summary>
    [Range(1, 1024)]
    public int AttentionHeads { get; init; } = 4;

    /// <summary>Width of the discriminator's feed-forward layers.</summary>
    [Range(1, 1 << 20)]
    public int IntermediateSize { get; init; } = 1024;

    /// <summary>The longest sequence there are position embeddings for.</summary>
    [Range(1, 1 << 20)]
    public int MaxPositions { get; init; } = 512;

    /// <summary>Token types: 0 for the first segment, 1 for the second.</summary>
    [Range(1, 16)]
    public int TokenTypes { get; init; } = 2;

    /// <summary>Dropout of embeddings and hidden states while training.</summary>
    [Range(0.0, 0.99)]
    public double HiddenDropout { get; init; } = 0.1;

    /// <summary>Dropout of attention probabilities while training.</summary>
    [Range(0.0, 0.99)]
    public double AttentionDropout { get; init; } = 0.1;

    /// <summary>Added to the variance in layer normalisation.</summary>
    [Range(0.0, 1.0)]
    public double LayerNormEpsilon { get; init; } = 1e-12;

    /// <summary>Standard deviation of the initial weights.</summary>
    [Range(0.0, 10.0)]
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Google's initial values: normal truncated at two standard deviations, Xavier for the discriminator's last layer.</summary>
    public bool TruncatedInitialization { get; init; }

    /// <summary>
    /// Whether the word embedding of [PAD] also learns from where [PAD] is read, as in Google's code: the generator may sample it.
    /// In electra_pytorch it learns from the generator's output side only.
    /// </summary>
    public bool PaddingInputGradient { get; init; }

    /// <summary>
    /// What the discriminator's hidden size, heads and intermediate size are divided by to give the generator's (paper, section 3.2
    /// and table 6: 4 for small, 3 for base, 4 for large; 1 for the published small "++" checkpoints).
    /// </summary>
    [Range(1, 64)]
    public int GeneratorDivisor { get; init; } = 4;

    /// <summary>The generator, where it is another than the discriminator divided so.</summary>
    public GeneratorOptions Generator { get; init; } = new();

    /// <summary>ELECTRA-Small: 14 million parameters.</summary>
    public static ElectraConfig Small { get; } = new();

    /// <summary>ELECTRA-Base: 110 million parameters.</summary>
    public static ElectraConfig Base { get; } = new()
    {
        EmbeddingSize = 768,
        HiddenSize = 768,
        AttentionHeads = 12,
        IntermediateSize = 3072,
        GeneratorDivisor = 3,
    };

    /// <summary>ELECTRA-Large: 335 million parameters.</summary>
    public static ElectraConfig Large { get; } = new()
    {
        EmbeddingSize = 1024,
        HiddenSize = 1024,
        Layers = 24,
        AttentionHeads = 16,
        IntermediateSize = 4096,
    };

    /// <summary>Width of one attention head.</summary>
    internal int HeadSize => HiddenSize / AttentionHeads;

    /// <summary>The generator's shape, as that of a model of its own.</summary>
    internal ElectraConfig GeneratorShape => Generator.ShapeOf(this);

    /// <summary>The shape of a model that has no generator.</summary>
    internal ElectraConfig WithoutGenerator => this with { GeneratorDivisor = 1, Generator = new() };

    internal Tensors.Initialization WeightInitialization() =>
        TruncatedInitialization ? Tensors.Initialization.TruncatedNormal : Tensors.Initialization.Normal;

    /// <summary>Of the matrices whose initializer Google's code leaves to TensorFlow: the projections of the embeddings and the
    /// discriminator's output layer.</summary>
    internal Tensors.Initialization ProjectionInitialization() =>
        TruncatedInitialization ? Tensors.Initialization.XavierUniform : Tensors.Initialization.Normal;

    /// <summary>The same shapes for a vocabulary.</summary>
    /// <exception cref="UserErrorException">Another size of vocabulary was asked for.</exception>
    public ElectraConfig For(Vocabulary vocabulary) =>
        VocabularySize == 0 || VocabularySize == vocabulary.Count
            ? this with
            {
                VocabularySize = vocabulary.Count,
            }
            : throw new UserErrorException(
                $"model.vocabulary_size is {VocabularySize}, and the vocabulary has {vocabulary.Count} tokens; 0 takes the vocabulary's"
            );

    /// <summary>The same, if it can be built.</summary>
    /// <exception cref="UserErrorException">The shapes do not fit together.</exception>
    internal ElectraConfig Checked() =>
        Problems().FirstOrDefault() is { Key: not null } problem ? throw new UserErrorException($"model.{problem.Key}: {problem.Problem}")
        : VocabularySize > 0 ? this
        : throw new ArgumentException("the vocabulary's size is not set");

    /// <summary>What cannot be built, as (key, problem).</summary>
    public IEnumerable<(string Key, string Problem)> Problems()
    {
        if (HiddenSize % AttentionHeads != 0)
            yield return ("attention_heads", $"cannot be {AttentionHeads}: the heads must divide the hidden size ({HiddenSize})");
        foreach (var problem in Generator.Problems(this))
            yield return problem;
    }
}
