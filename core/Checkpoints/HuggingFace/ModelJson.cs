using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// A JSON file beside a model, as Python reads it (<see cref="TolerantJson"/>). Only keys that are asked for are looked at.
/// </summary>
internal sealed class ModelJson
{
    private readonly string shown;
    private readonly JsonElement root;

    private ModelJson(string shown, JsonElement root) => (this.shown, this.root) = (shown, root);

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is not a JSON object.</exception>
    public static ModelJson Load(string path)
    {
        using var json = TolerantJson.Load(path);
        var shown = Paths.Shown(path);
        return json.RootElement.ValueKind == JsonValueKind.Object ? new ModelJson(shown, json.RootElement.Clone())
            : throw new UserErrorException($"{shown}: an object ({{…}}) is expected, and it is {Kind(json.RootElement)}");
    }

    /// <summary>Reads a file if it is there.</summary>
    /// <exception cref="UserErrorException">It is not a JSON object.</exception>
    public static ModelJson? LoadIfThere(string path) => InputFile.IsNamed(path) ? Load(path) : null;

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
                if (
                    value.ValueKind != JsonValueKind.Object
                    || !value.TryGetProperty(part, out value)
                    || value.ValueKind == JsonValueKind.Null
                )
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

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => value.GetRawText() is { Length: > 60 } text ? text[..60] + "…" : value.GetRawText(),
    };
}
