using System.Text.RegularExpressions;

namespace Electra.Configuration;

/// <summary>A configuration as its values, each in one line under its full dotted key, in the order of the text.</summary>
internal static partial class ConfigValues
{
    /// <summary>Reads the values of a configuration; none where it is no valid YAML.</summary>
    public static IReadOnlyDictionary<string, string> Of(string yaml)
    {
        var values = new Dictionary<string, string>();
        if (ConfigYaml.Parse(yaml, mark => new ConfigPlace("", (int)mark.Line, (int)mark.Column), []) is { } root)
            Flatten(root, "", values);
        return values;
    }

    private static void Flatten(ConfigNode node, string key, Dictionary<string, string> values)
    {
        if (node is ConfigMapping { Entries.Count: > 0 } mapping)
            foreach (var entry in mapping.Entries)
                Flatten(entry.Value, (key == "" ? "" : $"{key}.") + (Word().IsMatch(entry.Key) ? entry.Key : $"\"{entry.Key}\""), values);
        else
            values[key] = Text(node);
    }

    private static string Text(ConfigNode node) =>
        node switch
        {
            // "null" is a word, and null is nothing.
            ConfigScalar scalar => scalar.IsQuoted ? $"\"{scalar.Text}\"" : scalar.Text,
            ConfigSequence list => $"[{string.Join(", ", list.Items.Select(Text))}]",
            ConfigMapping mapping => $"{{{string.Join(", ", mapping.Entries.Select(entry => $"{entry.Key}: {Text(entry.Value)}"))}}}",
            _ => "",
        };

    [GeneratedRegex("^[A-Za-z0-9_-]+$")]
    private static partial Regex Word();
}
