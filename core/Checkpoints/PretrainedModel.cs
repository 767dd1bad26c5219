using Electra.Files;
using Electra.Tensors;
using Electra.Text;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>What became of the weights of a file.</summary>
/// <param name="Filled">The parameters that were read.</param>
/// <param name="Missing">Parameters that the file does not have: they are as they were.</param>
/// <param name="LeftOver">Weights in the file that no parameter has the name of.</param>
public sealed record FilledWeights(IReadOnlyList<string> Filled, IReadOnlyList<string> Missing, IReadOnlyList<string> LeftOver);

/// <summary>A pre-trained model that is open to be read: its weights by Hugging Face's names, its configuration, its tokenizer.</summary>
public sealed class PretrainedModel : IDisposable
{
    private const string Encoder = "electra.";

    private readonly IWeightFile weights;
    private readonly IReadOnlyDictionary<string, string> storedNames;
    private readonly Lazy<ElectraTokenizer> tokenizer;

    private PretrainedModel(string source, string folder, IWeightFile weights, ModelPart part)
    {
        (Source, this.weights) = (source, weights);
        storedNames = WeightNames.Map(weights.Tensors.Keys, part);
        Tensors = storedNames.ToDictionary(name => name.Key, name => weights.Tensors[name.Value] with { Name = name.Key }, StringComparer.Ordinal);
        Config = HuggingFaceConfig.Load(Path.Combine(folder, "config.json"));
        tokenizer = new(() => TokenizerFiles.Load(folder));
    }

    /// <summary>The model as it was asked for.</summary>
    public string Source { get; }

    /// <summary>Its configuration.</summary>
    public HuggingFaceConfig Config { get; }

    /// <summary>Its tokenizer.</summary>
    /// <exception cref="UserErrorException">There is no vocabulary beside the weights.</exception>
    public ElectraTokenizer Tokenizer => tokenizer.Value;

    /// <summary>Its weights by their names in Hugging Face's library (<c>electra.embeddings.word_embeddings.weight</c>, …).</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// A model of this kit (<c>checkpoints/pretrain/small_11081_100</c>), or a folder of Hugging Face's form. A relative path is looked for in the working
    /// directory, then at the project's root.
    /// </param>
    /// <param name="part">Which model to take where there are two.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be read.</exception>
    public static PretrainedModel Open(string source, ModelPart part = ModelPart.Discriminator,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        var folder = FindFolder(source, part);
        return new PretrainedModel(source, folder, SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors")), part);
    }

    /// <summary>Reads a weight into an existing tensor of the same shape, on any device, converting its type where it differs.</summary>
    /// <exception cref="UserErrorException">There is no weight of this name, or it has another shape.</exception>
    public void CopyTo(string name, Tensor destination) =>
        weights.CopyTo(storedNames.TryGetValue(name, out var stored) ? stored : throw new UserErrorException($"{Source} has no weight {name}"), destination);

    /// <summary>Reads every parameter of a model that has the name of a weight, and says what is missing or left over.</summary>
    /// <param name="store">The model's parameters, by Hugging Face's names.</param>
    /// <exception cref="UserErrorException">A parameter of the encoder (<c>electra.…</c>) is missing, or a weight has another shape.</exception>
    public FilledWeights Fill(ParameterStore store)
    {
        var filled = Fill(store.Named());
        store.PublishValues();
        return filled;
    }

    /// <inheritdoc cref="Fill(ParameterStore)"/>
    /// <param name="parameters">The parameters with their names in Hugging Face's library.</param>
    public FilledWeights Fill(IEnumerable<(string Name, Tensor Value)> parameters)
    {
        var all = parameters.ToList();
        var (filled, missing) = (new List<string>(), new List<string>());
        foreach (var (name, _) in all)
            (storedNames.ContainsKey(name) ? filled : missing).Add(name);
        if (missing.Where(name => name.StartsWith(Encoder, StringComparison.Ordinal)).ToArray() is { Length: > 0 } lost)
            throw new UserErrorException($"{Source} is no ELECTRA of this shape: it has no {string.Join(", ", lost.Take(3))}{(lost.Length > 3 ? $" and {lost.Length - 3} more" : "")}");
        foreach (var (name, value) in all.Where(parameter => storedNames.ContainsKey(parameter.Name)))
            CopyTo(name, value);
        var leftOver = storedNames.Keys.Except(filled).Where(name => !WeightNames.IsConstant(name) && !IsTiedOutput(name)).ToList();
        return new FilledWeights(filled, missing, leftOver);
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();

    /// <summary>Whether a weight is the generator's output matrix, and equal to the word embeddings as it must be.</summary>
    private bool IsTiedOutput(string name)
    {
        if (name != WeightNames.TiedOutput || !Tensors.TryGetValue(WeightNames.Words, out var words) || !words.Shape.SequenceEqual(Tensors[name].Shape))
            return false;
        using var scope = NewDisposeScope();
        Tensor a = empty([.. words.Shape]), b = empty([.. words.Shape]);
        CopyTo(name, a);
        CopyTo(WeightNames.Words, b);
        return a.eq(b).all().item<bool>();
    }

    private static string FindFolder(string source, ModelPart part)
    {
        var folder = ProjectPath.Find(source);
        AtomicFolder.Recover(folder);
        var inPair = Path.Combine(folder, part == ModelPart.Generator ? "generator" : "discriminator");
        if (File.Exists(Path.Combine(folder, "config.json")))
            return folder;
        if (File.Exists(Path.Combine(inPair, "config.json")))
            return inPair;
        throw new UserErrorException($"{source}: {(Directory.Exists(folder) ? "the folder holds no config.json, and so no model" : $"there is no such folder (looked for {string.Join(" and ", ProjectPath.Candidates(source).Select(ProjectPath.Shown))})")}");
    }
}
