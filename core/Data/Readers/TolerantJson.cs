using System.Globalization;
using System.Text;
using System.Text.Json;
using Electra.Storage;

namespace Electra.Data.Readers;

/// <summary>
/// JSON as other programs write it. What the standard has not is read too: <c>NaN</c> and <c>Infinity</c> are null, half of a
/// surrogate pair is U+FFFD, control characters may stand in texts, and of two entries with one key the last counts.
/// </summary>
internal static class TolerantJson
{
    /// <summary>Deeper than any data, and no limit to what surrounds the values that are read.</summary>
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = int.MaxValue };

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a text, and repairs it only where it has to be: nearly all are right as they are.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static JsonDocument Parse(string json)
    {
        if (HasLoneSurrogate(json))
            return JsonDocument.Parse(Repaired(json), Options);
        try
        {
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException)
        {
            return JsonDocument.Parse(Repaired(json), Options);
        }
    }

    /// <summary>Reads a file of one value, with or without a byte-order mark.</summary>
    /// <exception cref="UserErrorException">It cannot be read, is not UTF-8 or is not JSON.</exception>
    public static JsonDocument Load(string path)
    {
        var shown = Paths.Shown(path);
        var content = InputFile.ReadAllBytes(path);
        try
        {
            return Parse(Strict.GetString(content).TrimStart('\uFEFF'));
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{shown}:{e.LineNumber + 1}: {Reason(e)} It is not valid JSON.", e);
        }
        catch (DecoderFallbackException e)
        {
            int line = content.AsSpan(0, Math.Max(0, e.Index)).Count((byte)'\n') + 1;
            throw new UserErrorException(
                $"{shown}:{line}: the file is not UTF-8 text (byte {e.Index + 1:N0}). Copy or download it again.",
                e
            );
        }
    }

    /// <summary>What the parser says is wrong, without the place.</summary>
    public static string Reason(JsonException e) => e.Message.Split(" LineNumber:")[0].Split(" Path:")[0];

    private static bool HasLoneSurrogate(string json)
    {
        for (int i = json.IndexOf('\\'); i >= 0; i = i + 2 < json.Length ? json.IndexOf('\\', i + 2) : -1)
            if (EscapedUnit(json, i) is { } unit && char.IsSurrogate(unit))
            {
                if (!IsPair(json, i))
                    return true;
                i += 6;
            }
        return false;
    }

    private static string Repaired(string json)
    {
        var text = new StringBuilder(json.Length);
        bool inText = false;
        for (int i = 0, length; i < json.Length; i += length)
        {
            length = 1;
            char c = json[i];
            if (!inText && NotANumber(json.AsSpan(i)) is > 0 and var word)
            {
                text.Append("null");
                length = word;
            }
            else if (inText && c == '\\')
            {
                bool isUnit = EscapedUnit(json, i) is { } unit && char.IsSurrogate(unit);
                bool isPair = isUnit && IsPair(json, i);
                length = Math.Min(isPair ? 12 : isUnit ? 6 : 2, json.Length - i);
                text.Append(isUnit && !isPair ? @"\uFFFD" : json.AsSpan(i, length));
            }
            // A line that ends within a text is damaged, and its number is told.
            else if (inText && c < ' ' && c != '\n')
                text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
            {
                inText ^= c == '"';
                text.Append(c);
            }
        }
        return text.ToString();
    }

    /// <summary>The length of the word that stands for a number which JSON cannot say.</summary>
    private static int NotANumber(ReadOnlySpan<char> text)
    {
        foreach (var word in (ReadOnlySpan<string>)["NaN", "Infinity", "-Infinity"])
            if (text.StartsWith(word))
                return word.Length;
        return 0;
    }

    private static bool IsPair(string json, int at) =>
        EscapedUnit(json, at) is { } high && char.IsHighSurrogate(high) && EscapedUnit(json, at + 6) is { } low && char.IsLowSurrogate(low);

    /// <summary>The character of <c>\uXXXX</c> at a place; null where none stands there.</summary>
    private static char? EscapedUnit(string json, int at) =>
        at + 6 <= json.Length && json[at] == '\\' && json[at + 1] == 'u'
        && ushort.TryParse(json.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, null, out ushort unit) ? (char)unit : null;
}
