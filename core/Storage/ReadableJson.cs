using System.Text.Encodings.Web;
using System.Text.Json;

namespace Electra.Storage;

/// <summary>JSON in a line that people read too.</summary>
internal static class ReadableJson
{
    /// <summary>Letters, quotes and marks stand as they are, where they need no escape.</summary>
    public static JsonSerializerOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
