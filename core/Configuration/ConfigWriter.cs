using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Electra.Configuration;

/// <summary>Writes a record as YAML that binds to the same record, each key under what its documentation says.</summary>
/// <param name="isIncluded">Which keys are written; those under a key that is not are not written either.</param>
internal sealed partial class ConfigWriter(Func<ConfigKey, bool> isIncluded)
{
    private const int CommentWidth = 110;
    private readonly StringBuilder yaml = new();

    /// <summary>The YAML of a record.</summary>
    public static string Write(object record, Func<ConfigKey, bool>? isIncluded = null)
    {
        var writer = new ConfigWriter(isIncluded ?? (_ => true));
        writer.WriteKeys((ConfigRecordType)ConfigTypes.Of(record.GetType()), record, "");
        return writer.yaml.ToString();
    }

    /// <summary>A value in one line, however nested.</summary>
    public static string Shown(ConfigType type, object? value) => new ConfigWriter(_ => true).OneLine(type, value);

    private string OneLine(ConfigType type, object? value) => Inline(type, value) ?? Flow(type, value!);

    private void WriteKeys(ConfigRecordType type, object record, string indent)
    {
        foreach (var key in type.Keys.Where(isIncluded))
        {
            foreach (var line in WordWrap.Lines(ConfigDocumentation.Summary(key.Property), CommentWidth))
                yaml.Append(indent).Append("# ").Append(line).Append('\n');
            WriteEntry(key.Name, key.Type, key.Property.GetValue(record), indent);
        }
    }

    /// <summary>One key: in its line where the value is short, in the lines below it where it is nested.</summary>
    private void WriteEntry(string name, ConfigType type, object? value, string indent)
    {
        yaml.Append(indent).Append(name).Append(':');
        if (Inline(type, value) is { } text)
        {
            yaml.Append(' ').Append(text).Append('\n');
            return;
        }
        yaml.Append('\n');
        switch (type)
        {
            case ConfigRecordType record:
                WriteKeys(record, value!, indent + "  ");
                break;
            case ConfigDictionaryType dictionary:
                foreach (var (entry, item) in ConfigBinder.Entries(value))
                    WriteEntry(Quoted(entry), dictionary.Value, item, indent + "  ");
                break;
        }
    }

    /// <summary>A value in one line; null where it takes lines of its own.</summary>
    private string? Inline(ConfigType type, object? value) => (type, value) switch
    {
        (_, null) => "null",
        (ConfigScalarType { Format.Write: { } write }, _) => Scalar(type, write(value)),
        (ConfigRecordType { ShortForm.Write: { } write }, _) => Scalar(type, write(value)),
        (ConfigListType list, _) => $"[{string.Join(", ", ((IEnumerable)value).Cast<object?>().Select(item => OneLine(list.Item, item)))}]",
        (ConfigDictionaryType, _) when !ConfigBinder.Entries(value).Any() => "{}",
        (ConfigRecordType { Keys.Count: 0 }, _) => "{}",
        (ConfigScalarType, _) => throw new NotSupportedException($"{type.Type} must override ToString to be written to a configuration"),
        _ => null,
    };

    /// <summary>A nested value inside a list.</summary>
    private string Flow(ConfigType type, object value) =>
        type switch
        {
            ConfigRecordType record =>
                Braces(record.Keys.Where(isIncluded).Select(key => $"{key.Name}: {OneLine(key.Type, key.Property.GetValue(value))}")),
            ConfigDictionaryType dictionary =>
                Braces(ConfigBinder.Entries(value).Select(entry => $"{Quoted(entry.Name)}: {OneLine(dictionary.Value, entry.Value)}")),
            _ => throw new NotSupportedException(type.Type.ToString()),
        };

    private static string Braces(IEnumerable<string> entries) => $"{{{string.Join(", ", entries)}}}";

    private static string Scalar(ConfigType type, string text) =>
        type is ConfigScalarType && type.Type != typeof(string) && ScalarFormat.BuiltIn(type.Type) is not null ? text : Quoted(text);

    /// <summary>A text as it is where every YAML reader takes it for a text; else in double quotes.</summary>
    private static string Quoted(string text) => PlainWord().IsMatch(text) && !OtherMeaning().IsMatch(text) ? text : DoubleQuoted(text);

    private static string DoubleQuoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
            quoted.Append(
                rune.Value switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\t' => "\\t",
                    _ when Rune.IsControl(rune)
                            || Rune.GetUnicodeCategory(rune)
                                is UnicodeCategory.LineSeparator
                                    or UnicodeCategory.ParagraphSeparator
                                    or UnicodeCategory.Format
                                    or UnicodeCategory.OtherNotAssigned
                                    or UnicodeCategory.PrivateUse
                            || rune.Value > 0xFFFF => $"\\U{rune.Value:X8}",
                    _ => rune.ToString(),
                }
            );
        return quoted.Append('"').ToString();
    }

    [GeneratedRegex(@"^[A-Za-z0-9_./~][A-Za-z0-9_./+@=*-]*\z")]
    private static partial Regex PlainWord();

    /// <summary>What some YAML reader takes for nothing, a truth value, a number, a time or a merge.</summary>
    [GeneratedRegex(
        @"^(~|null|true|false|yes|no|on|off|y|n|[-+]?[\d_.:]+(e[-+]?\d*)?|[-+]?0[xob][\da-f_]*|[\d-]+|\.inf|\.nan|=)\z",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex OtherMeaning();
}
