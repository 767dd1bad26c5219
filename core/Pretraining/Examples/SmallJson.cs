using System.Text.Json;

namespace Electra.Pretraining.Examples;

/// <summary>Records in small JSON files that are either the old or the new one, never half of it.</summary>
internal static class SmallJson
{
    /// <summary>Keys in snake case, as in the configuration.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.General)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        IndentSize = 2,
    };

    /// <summary>Reads a record; what is not one is reported through <paramref name="damaged"/>.</summary>
    public static T Read<T>(string file, Func<string, string, Exception, UserErrorException> damaged)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), Options) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw damaged(file, "the file is damaged", error);
        }
    }

    /// <summary>Replaces the file: the new one is on the disk before it takes the old one's name.</summary>
    public static void Write<T>(string file, T value)
    {
        string temporary = file + ".new";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(stream, value, Options);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, file, overwrite: true);
    }
}
