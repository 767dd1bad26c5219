using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;

namespace Electra.Checkpoints;

/// <summary>The configuration of a model of which there is nothing but weights, as in the original's own checkpoints.</summary>
internal static class ShapeInference
{
    private const int PublishedHeadSize = 64; // of every published discriminator and generator (paper, table 6)
    private const string Encoder = "electra.encoder.layer.", Intermediate = ".intermediate.dense.weight";

    /// <summary>
    /// The shapes that the weights have. The number of heads leaves no trace in them: heads of 64 are taken, as all published models have.
    /// </summary>
    /// <exception cref="UserErrorException">The weights are of no ELECTRA.</exception>
    public static HuggingFaceConfig From(IReadOnlyDictionary<string, StoredTensor> tensors, string source, ModelPart part)
    {
        IReadOnlyList<long> Shape(string name) => Matrix(tensors, name, source);
        var (words, intermediate) = (Shape(WeightNames.Words), Shape($"{Encoder}0{Intermediate}"));
        int hidden = checked((int)intermediate[1]);
        if (hidden % PublishedHeadSize != 0)
            throw new UserErrorException(
                $"{source}: a hidden size of {hidden} leaves the number of attention heads open; "
                    + "put the model's config.json beside the file"
            );
        return new HuggingFaceConfig
        {
            Architectures = [part == ModelPart.Generator ? "ElectraForMaskedLM" : "ElectraForPreTraining"],
            VocabularySize = checked((int)words[0]),
            EmbeddingSize = checked((int)words[1]),
            HiddenSize = hidden,
            IntermediateSize = checked((int)intermediate[0]),
            NumAttentionHeads = hidden / PublishedHeadSize,
            NumHiddenLayers = Enumerable.Range(0, int.MaxValue).TakeWhile(i => tensors.ContainsKey($"{Encoder}{i}{Intermediate}")).Count(),
            MaxPositions = checked((int)Shape("electra.embeddings.position_embeddings.weight")[0]),
            TokenTypes = checked((int)Shape("electra.embeddings.token_type_embeddings.weight")[0]),
        };
    }
    /// <summary>
    /// The generator's configuration where a file has both models and the configuration beside it is the discriminator's.
    /// </summary>
    /// <exception cref="UserErrorException">The weights are of no ELECTRA.</exception>
    public static HuggingFaceConfig Generator(
        HuggingFaceConfig discriminator,
        IReadOnlyDictionary<string, StoredTensor> tensors,
        string source
    )
    {
        var intermediate = Matrix(tensors, $"{Encoder}0{Intermediate}", source);
        int hidden = checked((int)intermediate[1]);
        return discriminator with
        {
            Architectures = ["ElectraForMaskedLM"],
            HiddenSize = hidden,
            IntermediateSize = checked((int)intermediate[0]),
            NumAttentionHeads = Math.Max(1, (int)((long)discriminator.NumAttentionHeads * hidden / discriminator.HiddenSize)),
        };
    }

    private static IReadOnlyList<long> Matrix(IReadOnlyDictionary<string, StoredTensor> tensors, string name, string source) =>
        tensors.TryGetValue(name, out var tensor) && tensor.Shape.Count == 2
            ? tensor.Shape
            : throw new UserErrorException($"{source} is not an ELECTRA model: it has no matrix {name}");
}
