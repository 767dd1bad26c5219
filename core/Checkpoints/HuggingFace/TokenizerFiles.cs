using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>A tokenizer's files in a model's folder: <c>vocab.txt</c> and <c>tokenizer_config.json</c>, or <c>tokenizer.json</c>.</summary>
internal static class TokenizerFiles
{
    private const string VocabularyFile = "vocab.txt", ConfigFile = "tokenizer_config.json", FastFile = "tokenizer.json";

    /// <summary>Writes <c>vocab.txt</c> and <c>tokenizer_config.json</c>.</summary>
    public static void Save(string folder, ElectraTokenizer tokenizer, int maxLength)
    {
        tokenizer.Vocabulary.Save(Path.Combine(folder, VocabularyFile));
        var special = Vocabulary.SpecialTokens.Zip(["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"]);
        var json = new JsonObject
        {
            ["do_lower_case"] = tokenizer.Lowercase,
            ["model_max_length"] = maxLength,
            ["strip_accents"] = null,
            ["tokenize_chinese_chars"] = true,
            ["tokenizer_class"] = "ElectraTokenizer",
        };
        foreach (var (token, name) in special)
            json[name] = token;
        AtomicFile.WriteAllText(Path.Combine(folder, ConfigFile), json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <summary>Whether a folder has a tokenizer.</summary>
    public static bool AreIn(string folder) => File.Exists(Path.Combine(folder, VocabularyFile)) || File.Exists(Path.Combine(folder, FastFile));

    /// <summary>Reads a tokenizer.</summary>
    /// <exception cref="UserErrorException">The folder has none, or one that cannot be read.</exception>
    public static ElectraTokenizer Load(string folder)
    {
        var (vocabulary, fast, config) = (Path.Combine(folder, VocabularyFile), Path.Combine(folder, FastFile), Path.Combine(folder, ConfigFile));
        bool? lowercase = File.Exists(config) ? Lowercases(config) : null;
        if (File.Exists(vocabulary))
            return new ElectraTokenizer(Vocabulary.Load(vocabulary), lowercase ?? true);
        if (!File.Exists(fast))
            throw new UserErrorException($"{ProjectPath.Shown(folder)} has no {VocabularyFile}: put the vocabulary that the model was trained with beside its weights");
        lowercase ??= Read(fast, json => (bool?)json["normalizer"]?["lowercase"]);
        var tokens = Read(fast, json => json["model"]?["vocab"]?.AsObject().Select(entry => (Token: entry.Key, Id: (int)entry.Value!)).OrderBy(entry => entry.Id).ToArray());
        if (tokens is null || tokens.Where((entry, id) => entry.Id != id).Any())
            throw new UserErrorException($"{ProjectPath.Shown(fast)}: model.vocab is no list of WordPiece tokens with the ids from 0");
        return new ElectraTokenizer(new Vocabulary(tokens.Select(entry => entry.Token), ProjectPath.Shown(fast)), lowercase ?? true);
    }

    /// <summary>Whether a <c>tokenizer_config.json</c> says that text is lowercased; null where it does not say.</summary>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    public static bool? Lowercases(string config) => Read(config, json => (bool?)json["do_lower_case"]);

    private static T Read<T>(string file, Func<JsonNode, T> read)
    {
        try
        {
            return read(JsonNode.Parse(File.ReadAllBytes(file)) ?? throw new JsonException("it is empty"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new UserErrorException($"{ProjectPath.Shown(file)} cannot be read: {e.Message}", e);
        }
    }
}
