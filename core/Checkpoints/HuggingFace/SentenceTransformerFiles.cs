using System.Text.Json;
using Electra.Data.Readers;
using Electra.Data.Tasks;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// What the sentence-transformers library puts around a model in its folder: poolings, prompts, an activation of scores. The folder opens
/// as the encoder, with its head, that it is; how it pools is read for embeddings and exports, and the rest is not.
/// </summary>
internal static class SentenceTransformerFiles
{
    private const string ModulesFile = "modules.json", ConfigFile = "config_sentence_transformers.json",
        TransformerFile = "sentence_bert_config.json", PoolingFolder = "1_Pooling", PoolingFile = "config.json";

    private const string VersionKey = "__version__", IncludePrompt = "include_prompt", ActivationKey = "activation_fn",
        MaxLengthKey = "max_seq_length", LowercaseKey = "do_lower_case";

    private const string Transformer = "Transformer", PoolingModule = "Pooling", Normalize = "Normalize";

    /// <summary>The form that versions from 2 to 6 read.</summary>
    internal const string Version = "5.1.2";

    private const string Namespace = "sentence_transformers.models.";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly (Pooling Mode, string Name, string Flag)[] Modes =
    [
        (Pooling.Cls, "cls", "pooling_mode_cls_token"),
        (Pooling.Mean, "mean", "pooling_mode_mean_tokens"),
        (Pooling.Max, "max", "pooling_mode_max_tokens"),
        (Pooling.MeanSqrtLen, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"),
    ];

    /// <summary>Modes that are not read, which old files name all the same.</summary>
    private static readonly string[] OtherFlags = ["pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"];

    /// <summary>The files that <see cref="Write"/> makes.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [ModulesFile, ConfigFile, TransformerFile, Path.Combine(PoolingFolder, PoolingFile)];

    /// <summary>How the model of a folder makes vectors; null where it makes none, or in a way that is not known here.</summary>
    /// <exception cref="UserErrorException">One of its files cannot be read.</exception>
    public static TextPooling? Read(string folder)
    {
        var path = Path.Combine(folder, ModulesFile);
        if (!InputFile.IsNamed(path))
            return null;
        using var modules = TolerantJson.Load(path);
        if (Modules(modules.RootElement).ToArray() is not [Transformer, PoolingModule, .. [] or [Normalize]] names)
            return null;
        var where = modules.RootElement[1].TryGetProperty("path", out var inside) && inside.ValueKind == JsonValueKind.String
            ? inside.GetString()! : PoolingFolder;
        var pooling = ModelJson.Load(Path.Combine(folder, where, PoolingFile));
        string[] modes = pooling.Text("pooling_mode") is { } mode ? [mode]
            : [.. Modes.Select(known => (known.Name, known.Flag)).Concat(OtherFlags.Select(flag => (Name: flag, Flag: flag)))
                .Where(known => pooling.Flag(known.Flag) == true)
                .Select(known => known.Name)];
        if (modes is not [var only] || Array.Find(Modes, known => known.Name == only) is not { Name: not null } found)
            return null;
        var transformer = ModelJson.LoadIfThere(Path.Combine(folder, TransformerFile));
        return new TextPooling(found.Mode, names.Length == 3)
        {
            MaxLength = TokenizerFiles.MaxLength(transformer, MaxLengthKey),
            Lowercases = transformer?.Flag(LowercaseKey) ?? false,
            ReadsPrompt = pooling.Flag(IncludePrompt) ?? true,
            Settings = ModelJson.LoadIfThere(Path.Combine(folder, ConfigFile))?[""],
        };
    }

    /// <summary>Writes what says how a model makes vectors into its folder.</summary>
    /// <param name="folder">The folder, in which the model is.</param>
    /// <param name="pooling">How.</param>
    /// <param name="width">The length of a vector.</param>
    public static void Write(string folder, TextPooling pooling, int width)
    {
        (string Path, string Module)[] modules =
        [
            ("", Transformer),
            (PoolingFolder, PoolingModule),
            .. pooling.Normalises ? [("2_Normalize", Normalize)] : Array.Empty<(string, string)>(),
        ];
        Save(ModulesFile, modules.Select((module, idx) =>
            new { idx, name = $"{idx}", path = module.Path, type = Namespace + module.Module }));
        Directory.CreateDirectory(Path.Combine(folder, PoolingFolder));
        var settings = new Dictionary<string, object> { ["word_embedding_dimension"] = width, [IncludePrompt] = pooling.ReadsPrompt };
        foreach (var (mode, _, flag) in Modes)
            settings[flag] = mode == pooling.Mode;
        foreach (var flag in OtherFlags)
            settings[flag] = false;
        Save(Path.Combine(PoolingFolder, PoolingFile), settings);
        if (pooling.MaxLength is { } length)
            Save(TransformerFile, new Dictionary<string, object>
            {
                [MaxLengthKey] = length,
                [LowercaseKey] = false, // the tokenizer's files say that
            });
        var config = new Dictionary<string, object?>
        {
            [VersionKey] = new { sentence_transformers = Version },
            ["prompts"] = new { },
            ["default_prompt_name"] = null,
            ["similarity_fn_name"] = "cosine",
        };
        foreach (var given in pooling.Settings?.EnumerateObject().Where(given => given.Name != VersionKey) ?? [])
            config[given.Name] = given.Value;
        Save(ConfigFile, config);

        void Save<T>(string file, T value) =>
            AtomicFile.WriteAllText(Path.Combine(folder, file), JsonSerializer.Serialize(value, Indented) + "\n");
    }

    /// <summary>
    /// What versions from 6 on apply to the scores of the cross-encoder in a folder; null where its file does not say it: older ones have
    /// it in <c>config.json</c>.
    /// </summary>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    public static CrossEncoderSettings? Activation(string folder) =>
        ModelJson.LoadIfThere(Path.Combine(folder, ConfigFile))?[ActivationKey] is { ValueKind: JsonValueKind.String } activation
            ? new(activation.GetString()!)
            : null;

    /// <summary>What of a folder is not read, in words; null where it is not of that library, or has nothing around the model.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="keepsActivation">Whether the activation of scores is not counted: an export has it in its <c>config.json</c>.</param>
    /// <exception cref="UserErrorException">One of its files cannot be read.</exception>
    public static string? NotRead(string folder, bool keepsActivation = false)
    {
        var path = Path.Combine(folder, ModulesFile);
        if (!InputFile.IsNamed(path))
            return null;
        using var modules = TolerantJson.Load(path);
        var config = ModelJson.LoadIfThere(Path.Combine(folder, ConfigFile));
        var activation = keepsActivation ? null : Activation(folder)?.ActivationFn.Split('.')[^1];
        string[] parts =
        [
            .. Modules(modules.RootElement).Where(name => name != "Transformer"),
            .. config?["prompts"] is { ValueKind: JsonValueKind.Object } prompts && prompts.EnumerateObject().Any(IsNotEmpty)
                ? ["prompts"]
                : Array.Empty<string>(),
            .. activation is null or "Identity" ? Array.Empty<string>() : [$"{activation} on its scores"],
        ];
        return parts.Length == 0 ? null : $"a sentence-transformers model, of which this is not read: {string.Join(", ", parts)}";

        static bool IsNotEmpty(JsonProperty prompt) => prompt.Value is { ValueKind: JsonValueKind.String } text && text.GetString() != "";
    }

    /// <summary>The classes of the modules, without their namespaces, which differ from version to version.</summary>
    private static IEnumerable<string> Modules(JsonElement modules) =>
        modules.ValueKind != JsonValueKind.Array
            ? []
            : modules
                .EnumerateArray()
                .Where(module =>
                    module.ValueKind == JsonValueKind.Object
                    && module.TryGetProperty("type", out var type)
                    && type.ValueKind == JsonValueKind.String
                )
                .Select(module => LastName(module.GetProperty("type")));

    private static string LastName(JsonElement qualified) => qualified.GetString()!.Split('.')[^1];
}
