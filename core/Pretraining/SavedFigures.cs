using System.Text.Json;
using System.Text.Json.Serialization;

namespace Electra.Pretraining;

/// <summary>
/// Figures by name in a saved state. Older states have the same figures in records inside each other: all numbers in them are taken.
/// </summary>
internal sealed class SavedFigures : JsonConverter<IReadOnlyDictionary<string, double>>
{
    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        var figures = new Dictionary<string, double>();
        using var document = JsonDocument.ParseValue(ref reader);
        Add(document.RootElement);
        return figures;

        void Add(JsonElement record)
        {
            foreach (var entry in record.EnumerateObject())
                if (entry.Value.ValueKind == JsonValueKind.Object)
                    Add(entry.Value);
                else
                    figures[entry.Name] = entry.Value.Deserialize<double>(options);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, double> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value.ToDictionary(), options);
}
