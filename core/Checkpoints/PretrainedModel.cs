using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Hub;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>A pre-trained model that is open to be read: its weights by Hugging Face's names, its configuration, its tokenizer.</summary>
public sealed class PretrainedModel : IDisposable
{
    private const string Encoder = "electra.", ConfigFile = "config.json";

    private readonly IWeightFile weights;
    private readonly IReadOnlyDictionary<string, string> storedNames;
    private readonly Lazy<LoadedTokenizer> tokenizer;
    private readonly ModelArchive? archive;
    private readonly string? notKept;

    private PretrainedModel(string source, string folder, bool isBesideOther, IWeightFile weights, ModelPart part, ModelArchive? archive)
    {
        (Source, Folder, this.weights, this.archive) = (source, folder, weights, archive);
        bool isInOneFile = WeightNames.ArePair(weights.Tensors.Keys);
        storedNames = WeightNames.Map(weights.Tensors.Keys, part);
        Tensors = storedNames.ToDictionary(
            name => name.Key,
            name => weights.Tensors[name.Value] with { Name = name.Key },
            StringComparer.Ordinal
        );
        var config = Path.Combine(folder, ConfigFile);
        Config = !InputFile.IsNamed(config) ? ShapeInference.From(Tensors, source, part, weights.Task)
            : isInOneFile && part == ModelPart.Generator ? ShapeInference.Generator(HuggingFaceConfig.Load(config), Tensors, source)
            : HuggingFaceConfig.Load(config);
        if (weights.Task is { } task && Config.Architectures.Count == 0) // beside Google's checkpoints it is written for the sizes
            Config = ShapeInference.OfTask(Config, task, Tensors);
        if (SentenceTransformerFiles.Activation(folder) is { } activation)
            Config = Config with { SentenceTransformers = activation };
        Head = ModelHeads.Of(Config, storedNames.Keys.ToHashSet(StringComparer.Ordinal));
        HasTokenizer = TokenizerFiles.AreIn(folder);
        (NotRead, notKept) = (SentenceTransformerFiles.NotRead(folder), SentenceTransformerFiles.NotRead(folder, keepsActivation: true));
        Pooling = Head == ModelHead.None ? SentenceTransformerFiles.Read(folder) : null;
        tokenizer = new(() => TokenizerFiles.Load(folder).Lowercased(Pooling is { Lowercases: true }));
        IsOfPair = isBesideOther || isInOneFile;
    }

    /// <summary>The model as it was asked for.</summary>
    public string Source { get; }

    /// <summary>The folder that its files lie in.</summary>
    public string Folder { get; }

    /// <summary>Its configuration.</summary>
    internal HuggingFaceConfig Config { get; }

    /// <summary>What it computes from its hidden states.</summary>
    internal ModelHead Head { get; }

    /// <summary>What was chosen or left out in opening it, for the user to know; null where there is nothing to say.</summary>
    internal string? Remark => Joined(weights.Remark, NotRead);

    /// <summary>What another library puts around a model, and is not read, in words; null where there is nothing.</summary>
    internal string? NotRead { get; }

    /// <summary>How it makes a vector of a text, where it is a sentence-transformers model whose way is known; else null.</summary>
    internal TextPooling? Pooling { get; }

    /// <summary>What an export of it lacks, or was chosen in opening it, in words; null where there is nothing to say.</summary>
    internal string? LostInExport => Joined(weights.Remark, Pooling is null ? notKept : null);

    /// <summary>Rows of its embeddings beyond its vocabulary, which are never used: some models have a round number of rows.</summary>
    /// <exception cref="UserErrorException">The vocabulary has more tokens than there are rows: it is another model's.</exception>
    internal int UnusedRows =>
        Config.VocabularySize >= Tokenizer.Vocabulary.Count
            ? Config.VocabularySize - Tokenizer.Vocabulary.Count
            : throw new UserErrorException(
                $"{Source} has embeddings for {Config.VocabularySize} tokens, and its vocabulary has {Tokenizer.Vocabulary.Count}: "
                    + "that is another model's vocabulary"
            );

    /// <summary>Whether the generator and the discriminator that were trained together are both in <see cref="Source"/>.</summary>
    internal bool IsOfPair { get; }

    /// <summary>Whether a vocabulary lies beside the weights.</summary>
    internal bool HasTokenizer { get; }

    /// <summary>Its tokenizer.</summary>
    /// <exception cref="UserErrorException">There is no vocabulary beside the weights.</exception>
    public ElectraTokenizer Tokenizer => tokenizer.Value.Tokenizer;

    /// <summary>Tokens to which Python cuts longer texts: its positions, or fewer where its tokenizer or its pooling says so.</summary>
    /// <exception cref="UserErrorException">There is no vocabulary beside the weights.</exception>
    internal int MaxTokens => Math.Min(Config.MaxPositions, Pooling?.MaxLength ?? tokenizer.Value.MaxLength ?? int.MaxValue);

    /// <summary>Its weights by their names in Hugging Face's library (<c>electra.embeddings.word_embeddings.weight</c>, …).</summary>
    internal IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// A model of this kit (<c>checkpoints/pretrain/small_11081_100</c>), a folder of Hugging Face's form, a file of weights
    /// (<c>.safetensors</c>, <c>.bin</c>, <c>.pth</c>; the original's own too), a TensorFlow checkpoint of Google's code (its folder, or
    /// the beginning of its files' names, <c>model.ckpt-1000000</c>), beside which <c>config.json</c> and <c>vocab.txt</c>
    /// are looked for, a zip archive of one such folder (<c>electra_small.zip</c>), or a model on the hub
    /// (<c>google/electra-small-discriminator</c>). A relative path is looked for in the working directory, then at the project's root.
    /// </param>
    /// <param name="part">Which model to take where there are two.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be read.</exception>
    public static PretrainedModel Open(string source, ModelPart part = ModelPart.Discriminator,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        Open(source, hub: null, part, progress, cancellation);

    /// <summary>Opens a model. Without a hub, names are looked for where the environment says.</summary>
    internal static PretrainedModel Open(string source, HubClient? hub, ModelPart part = ModelPart.Discriminator,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        var path = Paths.Find(source);
        AtomicFolder.Recover(path);
        if (ModelArchive.Is(path))
            return Open(source, ModelArchive.Open(path, withWeights: true, progress, cancellation), part);
        var (file, isOfPair) = ModelFiles.Find(source, part, files => ModelFiles.OnThisMachine(source, files, hub, progress, cancellation));
        return Open(source, file, isOfPair, part, archive: null);
    }

    /// <summary>Opens the generator or discriminator of the pair that this model is one of.</summary>
    internal PretrainedModel OfPair(ModelPart part, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        archive is null ? Open(Source, part, progress, cancellation) : Open(Source, archive.Shared(), part);

    /// <summary>
    /// The mean of several models, weight by weight: checkpoints of one run, or runs that began with one model. Configuration and
    /// tokenizer are the first's.
    /// </summary>
    /// <param name="name">What to call it.</param>
    /// <param name="models">The models, of one shape and one vocabulary; they are closed with the result.</param>
    /// <param name="weights">What each counts; none: all the same.</param>
    /// <exception cref="UserErrorException">They are not alike.</exception>
    public static PretrainedModel Merge(string name, IReadOnlyList<PretrainedModel> models, params IReadOnlyList<double> weights)
    {
        var first = models.Count > 0 ? models[0] : throw new UserErrorException($"merge: {name} is to be the mean of no model");
        var part = first.Head == ModelHead.Generator ? ModelPart.Generator : ModelPart.Discriminator;
        return new PretrainedModel(name, first.Folder, first.IsOfPair, new MergedWeights(models, weights), part, archive: null);
    }

    private static PretrainedModel Open(string source, ModelArchive archive, ModelPart part)
    {
        try
        {
            var (file, isOfPair) = ModelFiles.Find(archive, part);
            return Open(source, file, isOfPair, part, archive);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    private static PretrainedModel Open(string source, string file, bool isOfPair, ModelPart part, ModelArchive? archive)
    {
        var weights = WeightFiles.Open(file);
        try
        {
            return new PretrainedModel(source, Path.GetDirectoryName(file)!, isOfPair, weights, part, archive);
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
        weights.CopyTo(
            storedNames.TryGetValue(name, out var stored) ? stored : throw new UserErrorException($"{Source} has no weight {name}"),
            destination
        );

    /// <summary>Reads every parameter of a model that has the name of a weight, and says what is missing or left over.</summary>
    /// <param name="store">The model's parameters, by Hugging Face's names.</param>
    /// <exception cref="UserErrorException">A parameter of the encoder (<c>electra.…</c>) is missing, or a weight has another
    /// shape.</exception>
    internal FilledWeights Fill(ParameterStore store)
    {
        var filled = Fill(store.Named());
        store.PublishValues();
        return filled;
    }

    /// <inheritdoc cref="Fill(ParameterStore)"/>
    /// <param name="parameters">The parameters with their names in Hugging Face's library.</param>
    internal FilledWeights Fill(IEnumerable<(string Name, Tensor Value)> parameters)
    {
        var all = parameters.ToList();
        var (filled, missing) = (new List<string>(), new List<string>());
        foreach (var (name, _) in all)
            (storedNames.ContainsKey(name) ? filled : missing).Add(name);
        if (missing.Where(name => name.StartsWith(Encoder, StringComparison.Ordinal)).ToArray() is { Length: > 0 } lost)
            throw new UserErrorException($"{Source} is not an ELECTRA model of this shape: it has no {WeightNames.Shown(lost, 3)}");
        foreach (var (name, value) in all.Where(parameter => storedNames.ContainsKey(parameter.Name)))
        {
            CopyTokens(name, value);
            RequireFinite(name, value);
        }
        return new FilledWeights(missing, [.. NotAmong(filled)]);
    }

    /// <summary>
    /// All weights in the types they are stored in, without constants of the library and a tied output matrix. Each is read when it is
    /// asked for.
    /// </summary>
    /// <exception cref="UserErrorException">The encoder is not whole, of another shape than <see cref="Config"/> says, or has non-finite
    /// values.</exception>
    public IEnumerable<(string Name, Tensor Value)> Weights()
    {
        foreach (var (name, shape) in WeightNames.OfEncoder(Config))
            if (!Tensors.TryGetValue(name, out var stored))
                throw new UserErrorException($"{Source} has no weight {name}");
            else if (!stored.Shape.SequenceEqual(shape))
                throw new UserErrorException(
                    $"{Source}: {name} is [{string.Join(", ", stored.Shape)}], and config.json makes it [{string.Join(", ", shape)}]"
                );
        foreach (
            var (name, stored) in Tensors.Where(weight =>
                !WeightNames.IsConstant(weight.Key) && !(weight.Key == WeightNames.TiedOutput && Config.TieWordEmbeddings != false)
            )
        )
        {
            var value = empty([.. stored.Shape], dtype: stored.Type);
            CopyTo(name, value);
            RequireFinite(name, value);
            yield return (name, value);
        }
    }

    /// <summary>The weights whose names are not among the given ones, constants of the library and a tied output matrix excepted.</summary>
    internal IEnumerable<string> NotAmong(IEnumerable<string> names) =>
        storedNames.Keys.Except(names).Where(name => !WeightNames.IsConstant(name) && !IsTiedOutput(name)).Order(StringComparer.Ordinal);

    /// <summary>
    /// Reads a weight as <see cref="CopyTo"/> does; of one with a row for each token, the rows of the tokens that there are.
    /// </summary>
    internal void CopyTokens(string name, Tensor destination)
    {
        if (
            !WeightNames.HasRowPerToken(name)
            || Tensors[name].Shape is not [var rows, ..]
            || rows != Config.VocabularySize
            || rows <= destination.shape[0]
        )
        {
            CopyTo(name, destination);
            return;
        }
        using var _ = no_grad();
        using var whole = empty([rows, .. destination.shape[1..]], dtype: Tensors[name].Type);
        CopyTo(name, whole);
        using var used = whole.narrow(0, 0, destination.shape[0]);
        destination.copy_(used);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        weights.Dispose();
        archive?.Dispose();
    }

    private static string? Joined(string? first, string? second) =>
        first is not null && second is not null ? $"{first}; {second}" : first ?? second;

    private void RequireFinite(string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        if (value.is_floating_point() && !value.detach().isfinite().all().item<bool>())
            throw new UserErrorException(
                $"{Source}: {name} has values that are NaN or infinite: the model diverged in training, or the file is damaged"
            );
    }

    /// <summary>Whether a weight is the generator's output matrix, and equal to the word embeddings as it must be.</summary>
    private bool IsTiedOutput(string name)
    {
        if (
            name != WeightNames.TiedOutput
            || !Tensors.TryGetValue(WeightNames.Words, out var words)
            || !words.Shape.SequenceEqual(Tensors[name].Shape)
        )
            return false;
        using var scope = NewDisposeScope();
        Tensor a = empty([.. words.Shape]), b = empty([.. words.Shape]);
        CopyTo(name, a);
        CopyTo(WeightNames.Words, b);
        return a.eq(b).all().item<bool>();
    }
}
