using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// What the sentence-transformers library puts around a model in its folder: poolings, prompts, an activation of scores. It is not read:
/// the folder opens as the encoder, with its head, that it is.
/// </summary>
internal static class SentenceTransformerFiles
{
    private const string ModulesFile = "modules.json", ConfigFile = "config_sentence_transformers.json";

    /// <summary>What of a folder is not read, in words; null where it is not of that library, or has nothing around the model.</summary>
    /// <exception cref="UserErrorException">One of its files cannot be read.</exception>
    public static string? NotRead(string folder)
    {
        var path = Path.Combine(folder, ModulesFile);
        if (!InputFile.IsNamed(path))
            return null;
        using var modules = TolerantJson.Load(path);
        var config = ModelJson.LoadIfThere(Path.Combine(folder, ConfigFile));
        string[] parts =
        [
            .. Modules(modules.RootElement).Where(name => name != "Transformer"),
            .. config?["prompts"] is { ValueKind: JsonValueKind.Object } prompts && prompts.EnumerateObject().Any(IsNotEmpty)
                ? ["prompts"]
                : Array.Empty<string>(),
            .. config?["activation_fn"] is { ValueKind: JsonValueKind.String } activation && LastName(activation) != "Identity"
                ? [$"{LastName(activation)} on its scores"]
                : Array.Empty<string>(),
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
