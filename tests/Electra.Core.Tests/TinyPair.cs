using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests;

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

    /// <summary>The pair with its golden weights.</summary>
    public static ElectraPair Load(Compute? compute = null, double dropout = 0.1)
    {
        var pair = ElectraPair.Create(
            Config with
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
