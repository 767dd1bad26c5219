using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Electra.Storage;

/// <summary>
/// Records in small JSON files that are either the old or the new one, never half of it, and that say of themselves whether they are
/// still what was written: the last key, <c>fingerprint</c>, is that of all the others.
/// </summary>
internal static class SealedJson
{
    private const string Seal = "fingerprint";

    /// <summary>Keys in snake case, as in the configuration.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.General)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        IndentSize = 2,
    };

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">The file is not what was written.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static T Read<T>(string file)
    {
        try
        {
            var json =
                JsonNode.Parse(File.ReadAllBytes(file), documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new JsonException("no object");
            var seal = json[Seal]?.GetValue<string>();
            json.Remove(Seal);
            if (seal != Fingerprint.Of(json.ToJsonString()))
                throw new InvalidDataException("the file is damaged: it is not as it was written");
            return json.Deserialize<T>(Options)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"the file is damaged: {e.Message}", e);
        }
    }

    /// <summary>Replaces the file: the new one is on the disk before it takes the old one's name.</summary>
    public static void Write<T>(string file, T value)
    {
        var json = JsonSerializer.SerializeToNode(value, Options)!.AsObject();
        json[Seal] = Fingerprint.Of(json.ToJsonString());
        AtomicFile.WriteAllText(file, json.ToJsonString(Options) + "\n");
    }
}
