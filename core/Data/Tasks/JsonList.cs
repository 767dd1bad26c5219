using System.Text.Json;

namespace Electra.Data.Tasks;

/// <summary>A list in the field of a row, as JSON writes it.</summary>
internal static class JsonList
{
    /// <summary>The texts of a list; a number is written as it is.</summary>
    /// <param name="json">The list.</param>
    /// <param name="place">Where it stands: file, line and column.</param>
    /// <exception cref="UserErrorException">It is no list of texts.</exception>
    public static string[] Texts(string json, string place)
    {
        try
        {
            return
            [
                .. JsonSerializer.Deserialize<JsonElement[]>(json)!
                    .Select(one => one.ValueKind == JsonValueKind.String ? one.GetString()! : one.GetRawText()),
            ];
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{place} is not a JSON list: {(json == "" ? "it is empty" : json)}", e);
        }
    }
}
