using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;

namespace Electra.Checkpoints;

/// <summary>The configuration of a model of which there is nothing but weights, as in the original's own checkpoints.</summary>
internal static class ShapeInference
{
    private const int PublishedHeadSize = 64; // of every published discriminator and generator (paper, table 6)
    private const string Encoder = "electra.encoder.layer.", Intermediate = ".intermediate.dense.weight";

    /// <summary>
    /// The shapes that the weights have. The number of heads leaves no trace in them: heads of 64 are taken, as all published models have.
    /// </summary>
    /// <param name="tensors">The weights by Hugging Face's names.</param>
    /// <param name="source">What the user calls them.</param>
    /// <param name="part">Which model they are.</param>
    /// <param name="task">The task of Google's code that they were fine-tuned on; null: none.</param>
    /// <exception cref="UserErrorException">The weights are of no ELECTRA.</exception>
    public static HuggingFaceConfig From(
        IReadOnlyDictionary<string, StoredTensor> tensors,
        string source,
        ModelPart part,
        string? task = null
    )
    {
        IReadOnlyList<long> Shape(string name) => Matrix(tensors, name, source);
        var (words, intermediate) = (Shape(WeightNames.Words), Shape($"{Encoder}0{Intermediate}"));
        int hidden = checked((int)intermediate[1]);
        var config = new HuggingFaceConfig
        {
            Architectures = [part == ModelPart.Generator ? "ElectraForMaskedLM" : "ElectraForPreTraining"],
            VocabularySize = checked((int)words[0]),
            EmbeddingSize = checked((int)words[1]),
            HiddenSize = hidden,
            IntermediateSize = checked((int)intermediate[0]),
            NumAttentionHeads = Math.Max(1, hidden / PublishedHeadSize),
            NumHiddenLayers = Enumerable.Range(0, int.MaxValue).TakeWhile(i => tensors.ContainsKey($"{Encoder}{i}{Intermediate}")).Count(),
            MaxPositions = checked((int)Shape("electra.embeddings.position_embeddings.weight")[0]),
            TokenTypes = checked((int)Shape("electra.embeddings.token_type_embeddings.weight")[0]),
        };
        if (hidden % PublishedHeadSize != 0)
            throw new UserErrorException(
                $"{source}: a hidden size of {hidden} leaves the number of attention heads open, and there is no config.json beside it "
                    + "that says it. Write one, with the right number in it (into the folder of an archive, when it is unpacked):\n"
                    + Sizes(config)
            );
        return task is null ? config : OfTask(config, task, tensors);
    }

    /// <summary>A classifier of Google's fine-tuning, with its labels in the order of that code.</summary>
    /// <param name="config">Its sizes.</param>
    /// <param name="task">The task of Google's code.</param>
    /// <param name="tensors">The weights by Hugging Face's names.</param>
    public static HuggingFaceConfig OfTask(
        HuggingFaceConfig config,
        string task,
        IReadOnlyDictionary<string, StoredTensor> tensors
    )
    {
        var name = task switch { "sst" => "sst2", "sts" => "stsb", _ => task };
        if (!tensors.TryGetValue("classifier.weight", out var weight) || GlueTasks.FindGoogles(name) is not { } known)
            return config with { Architectures = [$"{task} of Google's code"] };
        string[] labels = known.IsRegression ? ["value"]
            : known.Labels.Count == weight.Shape[0] ? [.. known.Labels]
            : [.. Enumerable.Range(0, (int)Math.Min(weight.Shape[0], config.HiddenSize)).Select(i => $"LABEL_{i}")];
        return config with
        {
            Architectures = [nameof(ElectraClassifier)],
            ProblemType = known.IsRegression ? "regression" : "single_label_classification",
            Id2label = labels.Index().ToDictionary(label => label.Index, label => label.Item),
            Label2id = labels.Index().ToDictionary(label => label.Item, label => label.Index),
        };
    }

    private static string Sizes(HuggingFaceConfig config)
    {
        (string Key, int Value)[] sizes =
        [
            ("vocab_size", config.VocabularySize),
            ("embedding_size", config.EmbeddingSize),
            ("hidden_size", config.HiddenSize),
            ("num_hidden_layers", config.NumHiddenLayers),
            ("num_attention_heads", config.NumAttentionHeads),
            ("intermediate_size", config.IntermediateSize),
            ("max_position_embeddings", config.MaxPositions),
        ];
        return $"{{\"model_type\": \"electra\", {string.Join(", ", sizes.Select(size => $"\"{size.Key}\": {size.Value}"))}}}";
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
