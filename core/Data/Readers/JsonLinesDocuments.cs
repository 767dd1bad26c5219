using System.Text.Json;
using Electra.Data.Corpora;

namespace Electra.Data.Readers;

/// <summary>Documents of JSON lines: an object a line, the text in one of its fields.</summary>
internal static class JsonLinesDocuments
{
    /// <summary>The documents of a file.</summary>
    /// <exception cref="UserErrorException">A line is no JSON object, or has no text in that field.</exception>
    public static IEnumerable<string> Read(SourceFile file, string field, ReadPosition position)
    {
        int number = 0;
        foreach (var line in SourceStreams.Lines(file, position))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line) && Text(line, field, file, number) is { Length: > 0 } text)
                yield return text;
        }
    }

    private static string Text(string line, string field, SourceFile file, int number)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new UserErrorException($"{file.Shown}:{number}: a JSON object is expected on each line, and this is {Described(json.RootElement)}");
            if (!json.RootElement.TryGetProperty(field, out var value))
                throw new UserErrorException($"{file.Shown}:{number}: there is no field {field}; the fields are {string.Join(", ", json.RootElement.EnumerateObject().Select(p => p.Name))}. Name the one that holds the text: corpus.text_field=…");
            if (value.ValueKind != JsonValueKind.String)
                throw new UserErrorException($"{file.Shown}:{number}: the field {field} holds {Described(value)}, and text is expected");
            return value.GetString()!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            int column = e is JsonException { BytePositionInLine: { } at } ? (int)at + 1 : 1;
            throw new UserErrorException($"{file.Shown}:{number}:{column}: the line is no JSON: {e.Message.Split(". Path:")[0].Split(" LineNumber:")[0]}", e);
        }
    }

    private static string Described(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
