using System.Text.Json;

namespace Electra;

/// <summary>Names of .NET as they are written in configurations: <c>MaxSequenceLength</c> is <c>max_sequence_length</c>.</summary>
internal static class KeyName
{
    /// <summary>That of a property, or of an enumeration's value.</summary>
    public static string Of(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <summary>That of an enumeration's value.</summary>
    public static string Of(Enum value) => Of(value.ToString());
}
