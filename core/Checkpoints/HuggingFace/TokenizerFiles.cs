using System.Globalization;
using System.Text.Json;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>A tokenizer of a folder.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="StatesSettings">Whether a file says how text is normalised; else the settings are those of the library.</param>
internal sealed record LoadedTokenizer(ElectraTokenizer Tokenizer, bool StatesSettings)
{
    /// <summary>Tokens to which longer texts are cut, [CLS] and [SEP] included; null where no file says.</summary>
    public int? MaxLength { get; init; }

    /// <summary>The same of texts in small letters, where a library makes them that before.</summary>
    public LoadedTokenizer Lowercased(bool areLowercased) =>
        !areLowercased || Tokenizer.Settings is not { Lowercase: false } settings
            ? this
            : this with
            {
                Tokenizer = new(Tokenizer.Vocabulary, settings with { Lowercase = true, StripAccents = settings.StripAccents ?? false }),
            };
}

/// <summary>
/// A tokenizer's files in a model's folder, read as Hugging Face's <c>AutoTokenizer</c> reads them: <c>tokenizer.json</c> or
/// <c>vocab.txt</c> has the tokens, <c>tokenizer_config.json</c> says how text is normalised. What would give other ids is refused.
/// </summary>
internal static class TokenizerFiles
{
    /// <summary>The names of the files.</summary>
    internal const string VocabularyFile = "vocab.txt", ConfigFile = "tokenizer_config.json", FastFile = "tokenizer.json";

    private const string NamesFile = "special_tokens_map.json", AddedFile = "added_tokens.json", ModelFile = "config.json";

    /// <summary>All files that a tokenizer may be made of, as they are looked for on the hub.</summary>
    public static IReadOnlyList<string> Names { get; } = [VocabularyFile, ConfigFile, FastFile, NamesFile, AddedFile, ModelFile];

    /// <summary>Classes that are BERT's tokenizer by another name, without <c>Fast</c> at the end.</summary>
    private static readonly HashSet<string> BertClasses =
        ["ElectraTokenizer", "BertTokenizer", "DistilBertTokenizer", "MobileBertTokenizer", "ConvBertTokenizer"];

    /// <summary>Classes that take <c>tokenizer.json</c> as it is.</summary>
    internal static readonly HashSet<string> JsonClasses = ["PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"];

    private static readonly (
        string Key,
        Func<SpecialTokenNames, string, SpecialTokenNames> Named,
        Func<SpecialTokenNames, string> Name
    )[] NameKeys =
    [
        ("pad_token", (names, token) => names with { Pad = token }, names => names.Pad),
        ("unk_token", (names, token) => names with { Unk = token }, names => names.Unk),
        ("cls_token", (names, token) => names with { Cls = token }, names => names.Cls),
        ("sep_token", (names, token) => names with { Sep = token }, names => names.Sep),
        ("mask_token", (names, token) => names with { Mask = token }, names => names.Mask),
    ];

    /// <summary>The keys of the special tokens' names, each with the name.</summary>
    internal static IEnumerable<(string Key, string Token)> Named(SpecialTokenNames names) =>
        NameKeys.Select(key => (key.Key, key.Name(names)));

    /// <summary>Whether a folder has a tokenizer.</summary>
    public static bool AreIn(string folder) =>
        InputFile.IsNamed(Path.Combine(folder, VocabularyFile)) || InputFile.IsNamed(Path.Combine(folder, FastFile));

    /// <summary>Reads the tokenizer of a folder.</summary>
    /// <exception cref="UserErrorException">The folder has none, or one that cannot be read or is of another kind.</exception>
    public static LoadedTokenizer Load(string folder)
    {
        if (InputFile.IsNamed(Path.Combine(folder, FastFile)))
            return Load(folder, Path.Combine(folder, FastFile));
        return InputFile.IsNamed(Path.Combine(folder, VocabularyFile)) ? Load(folder, Path.Combine(folder, VocabularyFile))
            : throw new UserErrorException($"{Paths.Shown(folder)} has no {VocabularyFile}: "
                + $"put the vocabulary that the model was trained with beside its weights");
    }

    /// <summary>Reads a vocab.txt or tokenizer.json with what lies beside it.</summary>
    /// <exception cref="UserErrorException">It cannot be read or is of another kind.</exception>
    public static LoadedTokenizer LoadFile(string file) => Load(Path.GetDirectoryName(Path.GetFullPath(file))!, file);

    private static LoadedTokenizer Load(string folder, string file)
    {
        var config = ModelJson.LoadIfThere(Path.Combine(folder, ConfigFile));
        bool takesJson = TakesJson(config, ModelJson.LoadIfThere(Path.Combine(folder, ModelFile)));
        if (config is not null)
            RefuseOtherKinds(config);
        var fastFile = file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? file : Path.Combine(folder, FastFile);
        var fast = fastFile == file || takesJson ? TokenizerJson.Load(fastFile) : null;

        var map = ModelJson.LoadIfThere(Path.Combine(folder, NamesFile));
        var (names, flags) = SpecialNames(config, map);
        var added = Added(config, map, ModelJson.LoadIfThere(Path.Combine(folder, AddedFile)), fastFile == file ? fast : null, flags);
        var vocabulary = fastFile == file
            ? new Vocabulary(fast!.Pieces(), Paths.Shown(file), names, added)
            : Vocabulary.Load(file, names, added);
        if (takesJson)
            fast!.RequireProcessor(names);
        var settings = takesJson ? fast!.Settings() : config is null ? new TokenizerSettings() : Settings(config);
        return new LoadedTokenizer(new ElectraTokenizer(vocabulary, settings), takesJson || config is not null)
        {
            MaxLength = MaxLength(config, "model_max_length"),
        };
    }

    /// <summary>The library writes 1e30 where there is no limit. Two texts with a token each, and the special ones, are five.</summary>
    /// <exception cref="UserErrorException">It is no such length.</exception>
    internal static int? MaxLength(ModelJson? config, string key) => config?.Number(key) switch
    {
        null or > int.MaxValue => null,
        >= 5 and var most when most == Math.Floor(most) => (int)most,
        var other => throw config!.Problem(key, $"is {other}, and a whole number from 5 on is expected"),
    };

    /// <summary>Whether the tokenizer's class takes <c>tokenizer.json</c> as it is, and does not normalise as BERT's does.</summary>
    private static bool TakesJson(ModelJson? config, ModelJson? model)
    {
        var said = config?.Text("tokenizer_class") is { Length: > 0 } ? config : model;
        if (said?.Text("tokenizer_class") is not { Length: > 0 } name
            || BertClasses.Contains(name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^4] : name))
            return false;
        return JsonClasses.Contains(name) ? true
            : throw said.Problem("tokenizer_class", $"is {name}: only the tokenizers of BERT and ELECTRA can be read "
                + $"({string.Join(", ", BertClasses.Concat(JsonClasses).Order(StringComparer.Ordinal))})");
    }

    /// <summary>Settings of the slow Python classes that cut text in another way.</summary>
    private static void RefuseOtherKinds(ModelJson config)
    {
        (string Key, string Only)[] kinds =
            [("word_tokenizer_type", "basic"), ("subword_tokenizer_type", "wordpiece"), ("wordpieces_prefix", Vocabulary.Continuation)];
        foreach (var (key, only) in kinds)
            if (config.Text(key) is { } value && value != only)
                throw config.Problem(key, $"is {value}, and only {only} can be read");
        foreach (var key in new[] { "do_basic_tokenize", "do_word_tokenize", "do_subword_tokenize" })
            if (config.Flag(key) == false)
                throw config.Problem(key, "is false: text that is split in advance cannot be read");
    }

    private static TokenizerSettings Settings(ModelJson config) => new()
    {
        Lowercase = config.Flag("do_lower_case") ?? true,
        StripAccents = config.Flag("strip_accents"),
        SplitChinese = config.Flag("tokenize_chinese_chars") ?? true,
    };

    /// <summary>What the special tokens are called, and those that are given with flags.</summary>
    private static (SpecialTokenNames Names, List<AddedToken> Flags) SpecialNames(ModelJson? config, ModelJson? map)
    {
        var (names, flags) = (new SpecialTokenNames(), new List<AddedToken>());
        foreach (var (key, named, _) in NameKeys)
        {
            var said = config?[key] is not null ? config : map;
            if (said?[key] is not { } value)
                continue;
            var token = Token(said, key, value) with { Special = true };
            names = named(names, token.Content);
            if (value.ValueKind == JsonValueKind.Object)
                flags.Add(token);
        }
        return (names, flags);
    }

    /// <summary>Tokens that stand for themselves; of two with one content, the later in this order counts.</summary>
    private static IEnumerable<AddedToken> Added(
        ModelJson? config,
        ModelJson? map,
        ModelJson? added,
        TokenizerJson? fast,
        List<AddedToken> special
    )
    {
        var tokens = new OrderedDictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var token in special)
            tokens[token.Content] = token;
        foreach (var token in fast?.Added() ?? [])
            tokens[token.Content] = token;
        foreach (var entry in added?.Entries("") ?? [])
            tokens.TryAdd(entry.Name, new AddedToken(entry.Name) { Id = Id(added!, entry.Name, entry.Value), Normalized = true });
        foreach (var entry in config?.Entries("added_tokens_decoder") ?? [])
        {
            var key = $"added_tokens_decoder.{entry.Name}";
            int id = int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
                : throw config!.Problem(key, "does not name an id");
            var token = Token(config!, key, entry.Value) with { Id = id };
            tokens[token.Content] = token;
        }
        foreach (var token in ExtraSpecial(config, map))
            tokens[token] = tokens.TryGetValue(token, out var known)
                ? known with
                {
                    Special = true,
                }
                : new AddedToken(token) { Special = true };
        return tokens.Values;
    }

    /// <summary>More special tokens, by whichever key a version of the library writes them: as a list, or by a name of each.</summary>
    private static IEnumerable<string> ExtraSpecial(ModelJson? config, ModelJson? map)
    {
        foreach (var key in new[] { "additional_special_tokens", "extra_special_tokens" })
            if ((config?[key] is not null ? config : map) is { } said && said[key] is { } value)
                foreach (
                    var token in value.ValueKind == JsonValueKind.Object
                        ? said.Entries(key).Select(entry => entry.Value)
                        : said.Elements(key)
                )
                    yield return Token(said, key, token).Content;
    }

    /// <summary>A token as text, or as an object with flags.</summary>
    internal static AddedToken Token(ModelJson json, string key, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return new AddedToken(value.GetString()!);
        if (
            value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("content", out var content)
            || content.ValueKind != JsonValueKind.String
        )
            throw json.Unexpected(key, value, "a token (a text, or an object with content)");
        bool Flag(string name, bool missing = false) =>
            value.TryGetProperty(name, out var flag) ? flag.ValueKind == JsonValueKind.True : missing;
        bool special = Flag("special");
        return new AddedToken(content.GetString()!)
        {
            Normalized = Flag("normalized", missing: !special),
            SingleWord = Flag("single_word"),
            LStrip = Flag("lstrip"),
            RStrip = Flag("rstrip"),
            Special = special,
        };
    }

    internal static int Id(ModelJson json, string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id >= 0
            ? id
            : throw json.Unexpected(key, value, "an id");
}
