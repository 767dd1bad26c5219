using System.Buffers;
using System.Text.Json;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// A JSON file beside a model, as Python reads it: a byte-order mark is passed over, NaN and Infinity are values, and of two entries
/// with one key the last counts. Only keys that are asked for are looked at.
/// </summary>
internal sealed class ModelJson
{
    private const int MaxDepth = 1000;

    private static readonly byte[] Mark = [0xEF, 0xBB, 0xBF];

    private readonly string shown;
    private readonly JsonElement root;

    private ModelJson(string shown, JsonElement root) => (this.shown, this.root) = (shown, root);

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is not a JSON object.</exception>
    public static ModelJson Load(string path)
    {
        var shown = ProjectPath.Shown(path);
        InputFile.Check(path);
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{shown} cannot be read: {e.Message}", e);
        }
        var json = content.AsMemory(content.AsSpan().StartsWith(Mark) ? Mark.Length : 0);
        try
        {
            var root = Parse(json);
            return root.ValueKind == JsonValueKind.Object ? new ModelJson(shown, root)
                : throw new UserErrorException($"{shown}: an object ({{…}}) is expected, and it is {Kind(root)}");
        }
        catch (JsonException e)
        {
            var reason = e.Message.Split(" LineNumber:")[0].Split(" Path:")[0];
            throw new UserErrorException($"{shown}:{e.LineNumber + 1}: {reason} It is not valid JSON.", e);
        }
    }

    /// <summary>Reads a file if it is there.</summary>
    /// <exception cref="UserErrorException">It is not a JSON object.</exception>
    public static ModelJson? LoadIfThere(string path) => File.Exists(path) ? Load(path) : null;

    /// <summary>
    /// The value of a key, or of a key in an object (<c>normalizer.lowercase</c>); the whole object for ""; null where it is missing or
    /// null.
    /// </summary>
    public JsonElement? this[string key]
    {
        get
        {
            var value = root;
            if (key == "")
                return root;
            foreach (var part in key.Split('.'))
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value) || value.ValueKind == JsonValueKind.Null)
                    return null;
            return value;
        }
    }

    /// <summary>A yes or no; null where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public bool? Flag(string key) => this[key] switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        var other => throw Unexpected(key, other, "true or false"),
    };

    /// <summary>A text; null where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public string? Text(string key) => this[key] switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        var other => throw Unexpected(key, other, "a text"),
    };

    /// <summary>A number; null where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public double? Number(string key) => this[key] switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetDouble(out double value) => value,
        var other => throw Unexpected(key, other, "a number"),
    };

    /// <summary>A whole number; null where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public int? Integer(string key) => Number(key) is not { } value ? null
        : value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue ? (int)value : throw Unexpected(key, this[key], "a whole number");

    /// <summary>The entries of an object; none where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public IEnumerable<JsonProperty> Entries(string key) => this[key] switch
    {
        null => [],
        { ValueKind: JsonValueKind.Object } entries => entries.EnumerateObject(),
        var other => throw Unexpected(key, other, "an object"),
    };

    /// <summary>The elements of an array; none where the key is missing or null.</summary>
    /// <exception cref="UserErrorException">It is something else.</exception>
    public IEnumerable<JsonElement> Elements(string key) => this[key] switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } elements => elements.EnumerateArray(),
        var other => throw Unexpected(key, other, "a list"),
    };

    /// <summary>What is wrong with a key of this file.</summary>
    public UserErrorException Problem(string key, string problem) => new($"{shown}: {key} {problem}");

    /// <summary>That a key has another value than the only possible one.</summary>
    public UserErrorException Unexpected(string key, JsonElement? value, string expected) =>
        Problem(key, $"is {Kind(value!.Value)}, and {expected} is expected");

    private static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return Read(json);
        }
        catch (JsonException) when (WithoutSpecialNumbers(json.Span) is { } plain)
        {
            return Read(plain);
        }

        static JsonElement Read(ReadOnlyMemory<byte> json)
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.Clone();
        }
    }

    /// <summary>The same text with null for Python's NaN, Infinity and −Infinity; null where it has none.</summary>
    private static byte[]? WithoutSpecialNumbers(ReadOnlySpan<byte> json)
    {
        var plain = new ArrayBufferWriter<byte>(json.Length);
        bool isText = false, isChanged = false;
        while (!json.IsEmpty)
        {
            int length = 1;
            if (isText && json[0] == '\\')
                length = Math.Min(2, json.Length);
            else if (json[0] == '"')
                isText = !isText;
            else if (!isText && SpecialNumber(json) is > 0 and var special)
            {
                plain.Write("null"u8);
                json = json[special..];
                isChanged = true;
                continue;
            }
            plain.Write(json[..length]);
            json = json[length..];
        }
        return isChanged ? plain.WrittenSpan.ToArray() : null;
    }

    private static int SpecialNumber(ReadOnlySpan<byte> json) =>
        json.StartsWith("NaN"u8) ? 3 : json.StartsWith("Infinity"u8) ? 8 : json.StartsWith("-Infinity"u8) ? 9 : 0;

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => value.GetRawText() is { Length: > 60 } text ? text[..60] + "…" : value.GetRawText(),
    };
}
