using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Kit;

/// <summary>The pair of the golden fixtures a_tiny.</summary>
internal static class TinyPair
{
    public static ElectraConfig Config { get; } = new()
    {
        VocabularySize = 200,
        EmbeddingSize = 16,
        HiddenSize = 32,
        Layers = 3,
        AttentionHeads = 4,
        IntermediateSize = 64,
        MaxPositions = 64,
        GeneratorDivisor = 4,
    };

    /// <summary>Smaller still, for tests that save a model again and again.</summary>
    public static ElectraConfig Smallest { get; } = new()
    {
        EmbeddingSize = 4,
        HiddenSize = 8,
        Layers = 1,
        AttentionHeads = 2,
        IntermediateSize = 8,
        MaxPositions = 8,
        GeneratorDivisor = 1,
    };

    /// <summary>A tokenizer of as many tokens: the special ones, and <c>t0</c> to <c>t194</c>.</summary>
    public static ElectraTokenizer Tokenizer(bool lowercase = true, string prefix = "t") =>
        new(new Vocabulary([.. Vocabulary.SpecialTokens, .. Enumerable.Range(0, 195).Select(i => $"{prefix}{i}")]), lowercase);

    /// <summary>The pair with its golden weights.</summary>
    public static ElectraPair Load(Compute? compute = null, double dropout = 0.1, ElectraConfig? shape = null)
    {
        var pair = ElectraPair.Create(
            (shape ?? Config) with
            {
                HiddenDropout = dropout,
                AttentionDropout = dropout,
            },
            seed: 0,
            compute ?? Compute.Reference
        );
        using var _ = no_grad();
        foreach (
            var (weights, file) in new[]
            {
                (pair.GeneratorWeights(), "a_tiny_generator"),
                (pair.DiscriminatorWeights(), "a_tiny_discriminator"),
            }
        )
        {
            var golden = Golden.Tensors(file);
            foreach (var (name, value) in weights)
                value.copy_(golden[name]);
        }
        pair.Store.PublishValues();
        return pair;
    }
}
