using System.Globalization;
using System.Text;

namespace Electra.Tokenization;

/// <summary>
/// Characters without accents and in lower case, from a table that is part of this library: neither an installed ICU, nor its version,
/// nor the runtime's invariant mode changes a token.
/// </summary>
internal static class UnicodeForms
{
    private const int FirstSyllable = 0xAC00, LastSyllable = 0xD7A3;
    private const int FirstLead = 0x1100, FirstVowel = 0x1161, BeforeTrail = 0x11A7, Vowels = 21, Trails = 28;

    private static readonly Dictionary<int, string> Base = [], Lower = [];

    static UnicodeForms()
    {
        using var reader = new StreamReader(typeof(UnicodeForms).Assembly.GetManifestResourceStream("UnicodeForms.txt")!);
        var table = Base;
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('['))
                table = line == "[lowercase]" ? Lower : Base;
            else if (!line.StartsWith('#'))
                foreach (var entry in line.Split(", ").Select(entry => entry.Split(':')))
                    table.Add(Code(entry[0]), string.Concat(entry[1].Split(' ').Select(code => new Rune(Code(code)))));
        }

        static int Code(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    /// <summary>The canonical decomposition (NFD) of a character without nonspacing marks; empty for such a mark.</summary>
    public static string WithoutAccents(Rune rune)
    {
        if (rune.Value is >= FirstSyllable and <= LastSyllable)
            return Letters(rune.Value - FirstSyllable);
        if (Base.TryGetValue(rune.Value, out var form))
            return form;
        return Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark ? "" : rune.ToString();
    }

    /// <summary>Each character in lower case by itself: no final sigma, no language's own rules; İ becomes i and a dot above.</summary>
    public static string Lowercase(string text)
    {
        var lower = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            lower.Append(Lower.TryGetValue(rune.Value, out var form) ? form : rune.ToString());
        return lower.ToString();
    }

    /// <summary>The two or three letters of a Hangul syllable (Unicode standard, section 3.12).</summary>
    private static string Letters(int syllable)
    {
        int trail = syllable % Trails;
        var letters = $"{(char)(FirstLead + syllable / (Vowels * Trails))}{(char)(FirstVowel + syllable / Trails % Vowels)}";
        return trail == 0 ? letters : letters + (char)(BeforeTrail + trail);
    }
}
