using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Hub;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;
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
    private const string Encoder = "electra.", ConfigFile = "config.json";

    private readonly IWeightFile weights;
    private readonly IReadOnlyDictionary<string, string> storedNames;
    private readonly Lazy<ElectraTokenizer> tokenizer;

    private PretrainedModel(string source, string folder, bool isBesideOther, IWeightFile weights, ModelPart part)
    {
        (Source, Folder, this.weights) = (source, folder, weights);
        bool isInOneFile = WeightNames.ArePair(weights.Tensors.Keys);
        storedNames = WeightNames.Map(weights.Tensors.Keys, part);
        Tensors = storedNames.ToDictionary(name => name.Key, name => weights.Tensors[name.Value] with { Name = name.Key }, StringComparer.Ordinal);
        var config = Path.Combine(folder, ConfigFile);
        Config = !File.Exists(config) ? ShapeInference.From(Tensors, source, part)
            : isInOneFile && part == ModelPart.Generator ? ShapeInference.Generator(HuggingFaceConfig.Load(config), Tensors, source)
            : HuggingFaceConfig.Load(config);
        tokenizer = new(() => TokenizerFiles.Load(folder).Tokenizer);
        HasTokenizer = TokenizerFiles.AreIn(folder);
        IsOfPair = isBesideOther || isInOneFile;
    }

    /// <summary>The model as it was asked for.</summary>
    public string Source { get; }

    /// <summary>The folder that its files lie in.</summary>
    public string Folder { get; }

    /// <summary>Its configuration.</summary>
    public HuggingFaceConfig Config { get; }

    /// <summary>Whether the generator and the discriminator that were trained together are both in <see cref="Source"/>.</summary>
    public bool IsOfPair { get; }

    /// <summary>Whether a vocabulary lies beside the weights.</summary>
    public bool HasTokenizer { get; }

    /// <summary>Its tokenizer.</summary>
    /// <exception cref="UserErrorException">There is no vocabulary beside the weights.</exception>
    public ElectraTokenizer Tokenizer => tokenizer.Value;

    /// <summary>Its weights by their names in Hugging Face's library (<c>electra.embeddings.word_embeddings.weight</c>, …).</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// A model of this kit (<c>checkpoints/pretrain/small_11081_100</c>), a folder of Hugging Face's form, a file of weights
    /// (<c>.safetensors</c>, <c>.bin</c>, <c>.pth</c>; the original's own too), beside which <c>config.json</c> and <c>vocab.txt</c>
    /// are looked for, or a model on the hub (<c>google/electra-small-discriminator</c>). A relative path is looked for in the working
    /// directory, then at the project's root.
    /// </param>
    /// <param name="part">Which model to take where there are two.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <param name="hub">The hub; by default what the environment says.</param>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be read.</exception>
    public static PretrainedModel Open(string source, ModelPart part = ModelPart.Discriminator,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default, HubClient? hub = null)
    {
        AtomicFolder.Recover(ProjectPath.Find(source));
        var (file, isOfPair) = FindFile(source, part, files => OnThisMachine(source, files, hub, progress, cancellation));
        var weights = WeightFiles.Open(file);
        try
        {
            return new PretrainedModel(source, Path.GetDirectoryName(file)!, isOfPair, weights, part);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
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

    /// <summary>All weights in the types they are stored in, without constants of the library and a tied output matrix. Each is read when it is asked for.</summary>
    public IEnumerable<(string Name, Tensor Value)> Weights()
    {
        foreach (var (name, stored) in Tensors.Where(weight => !WeightNames.IsConstant(weight.Key) && !IsTiedOutput(weight.Key)))
        {
            var value = empty([.. stored.Shape], dtype: stored.Type);
            CopyTo(name, value);
            yield return (name, value);
        }
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

    /// <summary>The file of weights, or the index of several, that a source means; and whether it lies beside the other model of a pair.</summary>
    /// <param name="source">A folder, a file, or a model on the hub.</param>
    /// <param name="part">Which model to take where there are two.</param>
    /// <param name="find">Finds the source, with files of the given names where it is a folder on the hub.</param>
    private static (string File, bool IsOfPair) FindFile(string source, ModelPart part, Func<string[], string> find)
    {
        string[] beside = ["*.json", "vocab.txt"];
        var path = find([.. beside, "model.safetensors", "model-*.safetensors"]);
        if (File.Exists(path))
            return WeightFiles.IsWeights(path) ? (path, false) : throw new UserErrorException($"{source} is no file of weights: .safetensors, .bin and .pth can be loaded");
        if (!Directory.Exists(path))
            throw new UserErrorException($"{source}: there is no such folder or file (looked for {string.Join(" and ", ProjectPath.Candidates(source).Select(ProjectPath.Shown))})");
        if (!Path.Exists(ProjectPath.Find(source)) && WeightsIn(path) is null)
            path = find([.. beside, "pytorch_model.bin", "pytorch_model-*.bin"]); // older repositories have nothing else
        if (WeightsIn(path) is { } file)
            return (file, false);
        return WeightsIn(Path.Combine(path, FolderOf(part))) is { } ofPair
            ? (ofPair, Enum.GetValues<ModelPart>().All(either => WeightsIn(Path.Combine(path, FolderOf(either))) is not null))
            : throw new UserErrorException($"{source} holds no model: none of {string.Join(", ", WeightFiles.Names)}{Milestones(path)}");
    }

    private static string OnThisMachine(string source, string[] files, HubClient? hub, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        try
        {
            return HubFolders.Find(source, HubKind.Model, files, hub, progress, cancellation);
        }
        catch (HubException e)
        {
            throw new UserErrorException(e.Message, e);
        }
    }

    private static string? WeightsIn(string folder) => WeightFiles.Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>The folder of one model of a pair, in the folder of both.</summary>
    internal static string FolderOf(ModelPart part) => part == ModelPart.Generator ? "generator" : "discriminator";

    /// <summary>Names the models of a run, if the folder is the run's own: they lie beside it.</summary>
    internal static string Milestones(string folder)
    {
        string[] beside = [.. Directory.GetDirectories(Path.GetDirectoryName(folder)!, $"{Path.GetFileName(folder)}_*").Select(ProjectPath.Shown).Order(StringComparer.Ordinal)];
        return beside.Length == 0 ? "" : $". The models of this run are in {string.Join(", ", beside)}";
    }
}
