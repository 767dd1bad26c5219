
namespace Electra.Checkpoints.HuggingFace;

/// <summary>One of the two models of a pair.</summary>
public enum ModelPart
{
    /// <summary>The model that is fine-tuned: <c>ElectraForPreTraining</c>.</summary>
    Discriminator,

    /// <summary>The masked language model: <c>ElectraForMaskedLM</c>.</summary>
    Generator,
}

/// <summary>From the names that weights have in files of any age and origin to those of Hugging Face's library today.</summary>
internal static class WeightNames
{
    /// <summary>
    /// What training frameworks put in front of every name: torch's data parallelism and compiler, Lightning, fastai's sentence classifier.
    /// </summary>
    private static readonly string[] Wrappers = ["module.", "_orig_mod.", "model.", "base_model."];

    /// <summary>The modules of a bare encoder (<c>ElectraModel</c>), which a model with a head has under <c>electra</c>.</summary>
    private static readonly string[] EncoderModules = ["embeddings.", "embeddings_project.", "encoder."];

    private const string Generator = "generator.", Discriminator = "discriminator.", Embeddings = "electra.embeddings.";

    /// <summary>The output matrix of a generator, which is its word embeddings.</summary>
    public const string TiedOutput = "generator_lm_head.weight";

    public const string Words = Embeddings + "word_embeddings.weight";

    /// <summary>Counts from 0: a constant that older versions of the library saved.</summary>
    public const string Positions = Embeddings + "position_ids";

    /// <summary>Whether a weight has a row for each token of the vocabulary.</summary>
    public static bool HasRowPerToken(string name) => name is Words or TiedOutput or "generator_lm_head.bias";

    /// <summary>Whether a tensor is a constant of the library and no weight.</summary>
    public static bool IsConstant(string name) => name is Positions or Embeddings + "token_type_ids";

    /// <summary>The weights of an encoder, each with its shape.</summary>
    public static IEnumerable<(string Name, long[] Shape)> OfEncoder(HuggingFaceConfig config)
    {
        long embedding = config.EmbeddingSize, hidden = config.HiddenSize, intermediate = config.IntermediateSize;
        yield return (Words, [config.VocabularySize, embedding]);
        yield return (Embeddings + "position_embeddings.weight", [config.MaxPositions, embedding]);
        yield return (Embeddings + "token_type_embeddings.weight", [config.TokenTypes, embedding]);
        var project = embedding == hidden ? [] : Linear("electra.embeddings_project", hidden, embedding);
        foreach (var weight in Norm(Embeddings + "LayerNorm", embedding).Concat(project))
            yield return weight;
        for (int layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var name = $"electra.encoder.layer.{layer}";
            foreach (
                var weight in new[] { "query", "key", "value" }
                    .SelectMany(part => Linear($"{name}.attention.self.{part}", hidden, hidden))
                    .Concat(Linear($"{name}.attention.output.dense", hidden, hidden))
                    .Concat(Norm($"{name}.attention.output.LayerNorm", hidden))
                    .Concat(Linear($"{name}.intermediate.dense", intermediate, hidden))
                    .Concat(Linear($"{name}.output.dense", hidden, intermediate))
                    .Concat(Norm($"{name}.output.LayerNorm", hidden))
            )
                yield return weight;
        }

        static (string, long[])[] Linear(string name, long outputs, long inputs) =>
            [($"{name}.weight", [outputs, inputs]), ($"{name}.bias", [outputs])];
        static (string, long[])[] Norm(string name, long width) => [($"{name}.weight", [width]), ($"{name}.bias", [width])];
    }

    /// <summary>Names in a line: the first few, and how many more.</summary>
    public static string Shown(IReadOnlyCollection<string> names, int most = 6) =>
        string.Join(", ", names.Take(most)) + (names.Count > most ? FormattableString.Invariant($" and {names.Count - most:N0} more") : "");

    /// <summary>Whether these are the names of a generator and a discriminator in one file.</summary>
    public static bool ArePair(IEnumerable<string> stored)
    {
        var names = stored.Select(Unwrapped).ToList();
        return names.Exists(name => Is(name, Generator)) && names.Exists(name => Is(name, Discriminator));
    }

    /// <summary>Today's names, each with the name in the file.</summary>
    /// <param name="stored">The names in the file.</param>
    /// <param name="part">Whose weights to take where the file has those of both models.</param>
    /// <exception cref="UserErrorException">Two names in the file mean the same weight.</exception>
    public static IReadOnlyDictionary<string, string> Map(IEnumerable<string> stored, ModelPart part)
    {
        var names = stored.Select(name => (Stored: name, Name: Unwrapped(name))).ToList();
        if (ArePair(names.Select(n => n.Name)))
            names = [.. OfPair(names, part)];

        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (file, unwrapped) in names)
        {
            var name = unwrapped;
            if (Is(name, Generator) || Is(name, Discriminator))
                name = name[(name.IndexOf('.') + 1)..];
            if (EncoderModules.Any(module => Is(name, module)))
                name = "electra." + name;
            name = Renamed(Renamed(name, "LayerNorm.gamma", "LayerNorm.weight"), "LayerNorm.beta", "LayerNorm.bias");
            if (!map.TryAdd(name, file))
                throw new UserErrorException($"the tensors {map[name]} and {file} are both {name}");
        }
        return map;
    }

    /// <summary>The names of one model of a pair. Embeddings that were saved once, because they are shared, belong to both.</summary>
    private static IEnumerable<(string Stored, string Name)> OfPair(List<(string Stored, string Name)> names, ModelPart part)
    {
        var (own, other) = part == ModelPart.Generator ? (Generator, Discriminator) : (Discriminator, Generator);
        bool hasEmbeddings = names.Exists(n => Is(n.Name, own + Embeddings));
        return names.Where(n => Is(n.Name, own) || (!hasEmbeddings && Is(n.Name, other + Embeddings)));
    }

    private static string Unwrapped(string name)
    {
        while (Array.Find(Wrappers, wrapper => Is(name, wrapper)) is { } wrapper)
            name = name[wrapper.Length..];
        return name;
    }

    private static string Renamed(string name, string old, string current) =>
        name.EndsWith(old, StringComparison.Ordinal) ? name[..^old.Length] + current : name;

    private static bool Is(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal);
}
