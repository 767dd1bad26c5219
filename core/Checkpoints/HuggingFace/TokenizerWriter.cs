using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>Writes the files of a tokenizer, so that Hugging Face's library makes the same one of them.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>
    /// Writes <c>tokenizer.json</c>, <c>tokenizer_config.json</c> and, but for settings that only the first has, <c>vocab.txt</c>, which
    /// the slow tokenizers of older versions want.
    /// </summary>
    public static void Save(string folder, ElectraTokenizer tokenizer, int maxLength)
    {
        var (vocabulary, settings) = (tokenizer.Vocabulary, tokenizer.Settings);
        bool needsJson = !settings.CleanText || settings.MaxWordLength != TokenizerSettings.DefaultMaxWordLength;
        var json = new JsonObject
        {
            ["do_lower_case"] = settings.Lowercase,
            ["model_max_length"] = maxLength,
            ["strip_accents"] = settings.StripAccents,
            ["tokenize_chinese_chars"] = settings.SplitChinese,
            ["tokenizer_class"] = needsJson ? TokenizerFiles.JsonClasses.First() : "ElectraTokenizer",
        };
        foreach (var (key, token) in TokenizerFiles.Named(vocabulary.Names))
            json[key] = token;
        var plain = new HashSet<AddedToken>(
            vocabulary.Names.All.Zip(vocabulary.SpecialIds, (name, id) => new AddedToken(name) { Id = id, Special = true }));
        if (!plain.SetEquals(vocabulary.AddedTokens))
            json["added_tokens_decoder"] = new JsonObject(vocabulary.AddedTokens.OrderBy(token => token.Id).Select(token =>
                KeyValuePair.Create(token.Id!.Value.ToString(CultureInfo.InvariantCulture), (JsonNode?)TokenizerJson.AddedTo([], token))));
        AtomicFile.WriteAllText(Path.Combine(folder, TokenizerFiles.FastFile), TokenizerJson.Of(tokenizer).ToJsonString(Json) + "\n");
        if (needsJson)
            json["model_input_names"] = new JsonArray("input_ids", "token_type_ids", "attention_mask");
        else
            vocabulary.Save(Path.Combine(folder, TokenizerFiles.VocabularyFile));
        AtomicFile.WriteAllText(Path.Combine(folder, TokenizerFiles.ConfigFile), json.ToJsonString(Json) + "\n");
    }
}
