using System.Text.Json;

namespace Electra.Data.Readers;

/// <summary>Chosen fields of JSON lines, an object on each line, as <see cref="TolerantJson"/> reads them.</summary>
internal static class JsonLines
{
    /// <summary>
    /// Rows among which a field must occur once: files leave out fields that are null, and one that never comes is misspelt.
    /// </summary>
    private const int RowsUntilMissing = 100;

    /// <summary>The rows of a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="asked">The fields.</param>
    /// <param name="position">Told how far the reading is.</param>
    /// <exception cref="UserErrorException">A line is not a JSON object, or a field is missing or of a type that is not asked
    /// for.</exception>
    public static IEnumerable<FieldRow> Read(SourceFile file, AskedFields asked, ReadPosition position)
    {
        int number = 0, rows = 0;
        var found = new bool[asked.Names.Count];
        found.AsSpan(found.Length - asked.Optional).Fill(true);
        string[] there = [];
        foreach (var line in SourceStreams.Lines(file, position))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            var place = $"{file.Shown}:{number}";
            using (var json = Parse(line, place, isFirst: rows++ == 0))
            {
                var values = new string?[found.Length];
                for (int i = 0; i < values.Length; i++)
                    if (Find(json.RootElement, asked.Names[i]) is { } value)
                        (values[i], found[i]) = (Text(value, asked, asked.Names[i], place), true);
                if (rows <= RowsUntilMissing && Array.IndexOf(found, false) >= 0)
                    there = [.. there.Union(Names(json.RootElement))];
                if (rows == RowsUntilMissing)
                    CheckFound(place);
                yield return new FieldRow(number, values);
            }
        }
        if (rows > 0)
            CheckFound(file.Shown);

        void CheckFound(string place)
        {
            if (Array.IndexOf(found, false) is >= 0 and var missing)
                throw asked.Missing(place, "field", asked.Names[missing], there);
        }
    }

    /// <summary>The object of one line.</summary>
    /// <exception cref="UserErrorException">It is not a JSON object.</exception>
    public static JsonDocument Parse(string line, string place) => Parse(line, place, isFirst: false);

    /// <summary>One field of an object.</summary>
    /// <exception cref="UserErrorException">It is not there, null, or of a type that is not asked for.</exception>
    public static string Field(JsonDocument json, AskedFields asked, string name, string place) =>
        Find(json.RootElement, name) is { ValueKind: not JsonValueKind.Null } value
            ? Text(value, asked, name, place)!
            : throw asked.Missing(place, "field", name, [.. Names(json.RootElement)]);

    private static JsonDocument Parse(string line, string place, bool isFirst)
    {
        JsonDocument json;
        try
        {
            json = TolerantJson.Parse(line);
        }
        catch (JsonException e)
        {
            throw isFirst && line.TrimStart() is ['[' or '{', .. var rest] && rest.TrimEnd() is "" or [.., ',' or '{' or '[']
                ? OverManyLines(place, isList: line.TrimStart()[0] == '[')
                : new UserErrorException(
                    $"{place}:{(e.BytePositionInLine ?? 0) + 1}: the line is not valid JSON: {TolerantJson.Reason(e)}",
                    e
                );
        }
        if (json.RootElement.ValueKind == JsonValueKind.Object)
            return json;
        using (json)
            throw json.RootElement.ValueKind == JsonValueKind.Array ? OverManyLines(place, isList: true)
                : new UserErrorException($"{place}: a JSON object is expected on each line, and this is {Described(json.RootElement)}");
    }

    private static UserErrorException OverManyLines(string place, bool isList) =>
        new(
            isList
                ? $"{place}: this is a JSON list, and an object on each line is expected. Convert it: jq -c '.[]' list.json > lines.jsonl"
                : $"{place}: this is a JSON object over several lines, and an object on each line is expected. Convert it: jq -c . "
                    + "objects.json > lines.jsonl"
        );

    /// <summary>A field by its name, or, where the name has dots, inside of other fields.</summary>
    private static JsonElement? Find(JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return null;
        if (json.TryGetProperty(name, out var value))
            return value;
        for (int dot = name.IndexOf('.'); dot >= 0; dot = name.IndexOf('.', dot + 1))
            if (json.TryGetProperty(name.AsSpan(0, dot), out var outer) && Find(outer, name[(dot + 1)..]) is { } inner)
                return inner;
        return null;
    }

    /// <summary>The names of the fields, and of those in them.</summary>
    private static IEnumerable<string> Names(JsonElement json) =>
        json.EnumerateObject()
            .SelectMany(field =>
                field.Value.ValueKind == JsonValueKind.Object
                    ? field.Value.EnumerateObject().Select(inner => $"{field.Name}.{inner.Name}")
                    : [field.Name]
            );

    private static string? Text(JsonElement value, AskedFields asked, string name, string place) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False when !asked.TextOnly => value.GetRawText(),
        JsonValueKind.Array when asked.Lists => value.GetRawText(),
        _ => throw asked.Unexpected(place, "field", name, Described(value)),
    };

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
