using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Tokenization;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>A <c>tokenizer.json</c> that holds a WordPiece tokenizer with BERT's normaliser and splitter; any other is refused.</summary>
internal sealed class TokenizerJson
{
    private const int LongestWord = 1000;

    private readonly ModelJson json;

    private TokenizerJson(ModelJson json) => this.json = json;

    /// <summary>Reads the file.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or is a tokenizer of another kind.</exception>
    public static TokenizerJson Load(string path)
    {
        var json = ModelJson.Load(path);
        // Old files do not name the type of their model.
        Require("model.type", "WordPiece", json["model.type"] is null && json["model.merges"] is null ? "WordPiece" : null);
        Require("model.continuing_subword_prefix", Vocabulary.Continuation, Vocabulary.Continuation);
        Require("normalizer.type", "BertNormalizer", null);
        Require("pre_tokenizer.type", "BertPreTokenizer", null);
        return new TokenizerJson(json);

        void Require(string key, string only, string? missing)
        {
            if ((json.Text(key) ?? missing) is var value && value != only)
                throw json.Problem(key, $"is {value ?? "null"}, and only {only} can be read");
        }
    }

    /// <summary>The pieces in the order of their ids.</summary>
    /// <exception cref="UserErrorException">The ids are not those from 0 without a gap.</exception>
    public IReadOnlyList<string> Pieces()
    {
        var entries = json.Entries("model.vocab")
            .Select(entry => (Token: entry.Name, Id: TokenizerFiles.Id(json, $"model.vocab[\"{entry.Name}\"]", entry.Value)))
            .OrderBy(entry => entry.Id)
            .ToArray();
        for (int id = 0; id < entries.Length; id++)
            if (entries[id].Id != id)
                throw json.Problem(
                    "model.vocab",
                    id > entries[id].Id ? $"has two tokens with the id {entries[id].Id}" : $"has no token with the id {id}"
                );
        return [.. entries.Select(entry => entry.Token)];
    }

    /// <summary>The tokens that stand for themselves.</summary>
    public IEnumerable<AddedToken> Added() =>
        json.Elements("added_tokens")
            .Select(
                (token, i) =>
                    TokenizerFiles.Token(json, $"added_tokens[{i}]", token) is var added && token.TryGetProperty("id", out var id)
                        ? added with
                        {
                            Id = TokenizerFiles.Id(json, $"added_tokens[{i}].id", id),
                        }
                        : throw json.Problem($"added_tokens[{i}]", "has no id")
            );

    /// <summary>How it normalises text.</summary>
    public TokenizerSettings Settings()
    {
        int longest = json.Integer("model.max_input_chars_per_word") ?? TokenizerSettings.DefaultMaxWordLength;
        if (longest is < 1 or > LongestWord)
            throw json.Problem("model.max_input_chars_per_word", $"is {longest}, which is not between 1 and {LongestWord}");
        return new TokenizerSettings
        {
            Lowercase = json.Flag("normalizer.lowercase") ?? true,
            StripAccents = json.Flag("normalizer.strip_accents"),
            SplitChinese = json.Flag("normalizer.handle_chinese_chars") ?? true,
            CleanText = json.Flag("normalizer.clean_text") ?? true,
            MaxWordLength = longest,
        };
    }

    /// <summary>
    /// Refuses a file that puts other special tokens around texts than BERT's, or calls [UNK] otherwise than its configuration.
    /// </summary>
    public void RequireProcessor(SpecialTokenNames names)
    {
        if (json.Text("model.unk_token") is { } unknown && unknown != names.Unk)
            throw json.Problem("model.unk_token", $"is {unknown}, and {TokenizerFiles.ConfigFile} calls it {names.Unk}");
        var type = json.Text("post_processor.type");
        bool isUsual = type switch
        {
            "BertProcessing" => Name("cls") == names.Cls && Name("sep") == names.Sep,
            "TemplateProcessing" => Template("single") == Single(names) && Template("pair") == $"{Single(names)} B:1 {names.Sep}:1",
            _ => false,
        };
        if (!isUsual)
            throw json.Problem(
                "post_processor",
                $"({type ?? "null"}) puts other tokens around texts than {names.Cls} A {names.Sep} "
                    + $"and {names.Cls} A {names.Sep} B {names.Sep}, or gives them other token types: only these can be made"
            );

        string? Name(string key) =>
            json.Elements($"post_processor.{key}").FirstOrDefault() is { ValueKind: JsonValueKind.String } token ? token.GetString() : null;
        string Template(string key) => string.Join(' ', json.Elements($"post_processor.{key}").Select(Part));
        static string Part(JsonElement part) =>
            part.ValueKind == JsonValueKind.Object
            && part.EnumerateObject().FirstOrDefault().Value is { ValueKind: JsonValueKind.Object } token
            && token.TryGetProperty("id", out var id)
            && token.TryGetProperty("type_id", out var type)
                ? $"{id}:{type}"
                : "";
        static string Single(SpecialTokenNames names) => $"{names.Cls}:0 A:0 {names.Sep}:0";
    }

    /// <summary>The file of a tokenizer.</summary>
    public static JsonObject Of(ElectraTokenizer tokenizer)
    {
        var (vocabulary, settings, names) = (tokenizer.Vocabulary, tokenizer.Settings, tokenizer.Vocabulary.Names);
        var pieces = new JsonObject();
        for (int id = 0; id < vocabulary.PieceCount; id++)
            pieces[vocabulary[id]] = id;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([
                .. vocabulary.AddedTokens.OrderBy(token => token.Id).Select(token => AddedTo(new JsonObject { ["id"] = token.Id }, token)),
            ]),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "BertNormalizer",
                ["clean_text"] = settings.CleanText,
                ["handle_chinese_chars"] = settings.SplitChinese,
                ["strip_accents"] = settings.StripAccents,
                ["lowercase"] = settings.Lowercase,
            },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["post_processor"] = PostProcessor(vocabulary),
            ["decoder"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["prefix"] = Vocabulary.Continuation,
                ["cleanup"] = true,
            },
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["unk_token"] = names.Unk,
                ["continuing_subword_prefix"] = Vocabulary.Continuation,
                ["max_input_chars_per_word"] = settings.MaxWordLength,
                ["vocab"] = pieces,
            },
        };
    }

    /// <summary>What is put around texts: [CLS] A [SEP], and [CLS] A [SEP] B [SEP].</summary>
    private static JsonObject PostProcessor(Vocabulary vocabulary)
    {
        var names = vocabulary.Names;
        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Special(names.Cls, 0), Sequence("A", 0), Special(names.Sep, 0)),
            ["pair"] = new JsonArray(
                Special(names.Cls, 0),
                Sequence("A", 0),
                Special(names.Sep, 0),
                Sequence("B", 1),
                Special(names.Sep, 1)
            ),
            ["special_tokens"] = new JsonObject
            {
                [names.Cls] = Ids(names.Cls, vocabulary.ClsId),
                [names.Sep] = Ids(names.Sep, vocabulary.SepId),
            },
        };

        JsonObject Special(string name, int type) =>
            new()
            {
                ["SpecialToken"] = new JsonObject { ["id"] = name, ["type_id"] = type },
            };
        JsonObject Sequence(string name, int type) =>
            new()
            {
                ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = type },
            };
        JsonObject Ids(string name, int id) =>
            new()
            {
                ["id"] = name,
                ["ids"] = new JsonArray(id),
                ["tokens"] = new JsonArray(name),
            };
    }

    /// <summary>An added token's content and flags.</summary>
    internal static JsonObject AddedTo(JsonObject json, AddedToken token)
    {
        json["content"] = token.Content;
        json["single_word"] = token.SingleWord;
        json["lstrip"] = token.LStrip;
        json["rstrip"] = token.RStrip;
        json["normalized"] = token.Normalized;
        json["special"] = token.Special;
        return json;
    }
}
