using System.Text.RegularExpressions;
using YamlDotNet.Core;

namespace Electra.Configuration;

/// <summary>What to do about YAML as people write it, in addition to what the parser says.</summary>
internal static partial class YamlAdvice
{
    /// <summary>What would be right in the place of a syntax error, as the rest of a sentence; empty where nothing is known.</summary>
    /// <param name="text">The whole document.</param>
    /// <param name="error">The parser's error.</param>
    public static string For(string text, YamlException error)
    {
        var lines = text.Split('\n');
        var line = error.Start.Line is var number && number >= 1 && number <= lines.Length ? lines[number - 1] : "";
        var begins = error.Start.Column is var column && column >= 1 && column <= line.Length ? line[(int)column - 1] : ' ';
        var before = lines.Take((int)number - 1).LastOrDefault(earlier => earlier.Trim() is not ("" or ['#', ..])) ?? "";
        return error.Message switch
        {
            var m when m.Contains(" tab ", StringComparison.Ordinal) => "; indent with spaces, not with tabs",
            var m when m.Contains("escape character", StringComparison.Ordinal) =>
                "; a backslash means itself in single quotes: 'C:\\data'",
            var m when m.Contains("unexpected end of stream", StringComparison.Ordinal) => "; the quote that opens here is not closed",
            _ when begins is '*' or '&' or '!' or '%' or '@' or '`' or '|' or '>' => InQuotes(begins),
            _ when MissingSpace(line) is { } key => SpaceAfter(key),
            _ when MissingSpace(before) is { } key => SpaceAfter(key),
            _ when TextAfterQuote().IsMatch(line) =>
                "; nothing may follow a closing quote, and a quote within single quotes is written twice: 'it''s'",
            _ when TwoColons().IsMatch(line) => "; a text that holds a colon and a space must be in quotes",
            var m
                when m.Contains("invalid mapping", StringComparison.Ordinal)
                    || m.Contains("expected key", StringComparison.Ordinal)
                    || m.Contains("document end", StringComparison.Ordinal) => "; the keys of one mapping begin in the same column",
            _ => "",
        };
    }

    /// <summary>Advice where a text begins with what means something else in YAML.</summary>
    private static string InQuotes(char indicator) => $"; a text that begins with {indicator} must be in quotes";

    /// <summary>Advice where a text was written for a mapping: <c>steps:10</c>.</summary>
    public static string Mapping(string text) =>
        MissingSpace(text) is { } key ? SpaceAfter(key) : NoBreakSpace(text);

    /// <summary>Advice where a text is not a number.</summary>
    public static string Number(string text) =>
        text switch
        {
            _ when Percent().Match(text) is { Success: true } percent =>
                $"; a percentage is written as a fraction: "
                    + $"{decimal.Parse(percent.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) / 100:0.####}",
            _ when Thousands().IsMatch(text) => $"; without commas: {text.Replace(",", "")} or {text.Replace(',', '_')}",
            _ when DecimalComma().IsMatch(text) => $"; with a point: {text.Replace(',', '.')}",
            _ when Suffix().IsMatch(text) => "; written out: 10_000 or 10e3",
            _ when text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || text.StartsWith("0o", StringComparison.OrdinalIgnoreCase) =>
                " in decimal digits",
            _ => NoBreakSpace(text),
        };

    /// <summary>Advice where a text is not true or false.</summary>
    public static string Boolean(string text) =>
        text.ToLowerInvariant() is "yes" or "no" or "on" or "off" or "y" or "n" ? $"; {text} is a text in YAML 1.2" : NoBreakSpace(text);

    /// <summary>Advice where a key is the rest of a number: <c>{steps: 1,000}</c>.</summary>
    public static string? Key(string key) =>
        key.Length > 0 && key.All(char.IsAsciiDigit)
            ? "is not a key: in {…} a comma ends the value before it. Write 1000 or 1_000, 0.5, and a list as [10, 50]"
            : null;

    private static string NoBreakSpace(string text) =>
        text.FirstOrDefault(c => c > '\u007f' && char.IsWhiteSpace(c)) is not '\0' and var space
            ? $"; it holds the special space U+{(int)space:X4}: type it again"
            : "";

    private static string SpaceAfter(string key) => $"; a space is missing after \"{key}:\"";

    private static string? MissingSpace(string line) =>
        ColonWithoutSpace().Match(line) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"^\s*(?:- )?([A-Za-z_][\w.-]*):(?![\s/\\])[^:]*$")]
    private static partial Regex ColonWithoutSpace();

    [GeneratedRegex(@":\s.*:(\s|$)")]
    private static partial Regex TwoColons();

    [GeneratedRegex(@"('[^']*'|""[^""]*"")\s*[^\s,\]}#:]")]
    private static partial Regex TextAfterQuote();

    [GeneratedRegex(@"^([\d.]{1,10}) ?%$")]
    private static partial Regex Percent();

    [GeneratedRegex(@"^\d{1,3}(,\d{3})+$")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"^\d+,\d+$")]
    private static partial Regex DecimalComma();

    [GeneratedRegex(@"^[\d.]+ ?[kKmMgG]$")]
    private static partial Regex Suffix();
}
