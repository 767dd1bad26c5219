using System.Globalization;
using System.Text;
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

/// <summary>The table of characters without accents and in lower case, against the runtime's ICU.</summary>
public class UnicodeFormsTests
{
    /// <summary>Letters that Unicode 15.1 to 17 added: an older ICU leaves them as they are, or decomposes them to what it knows.</summary>
    private static bool IsNewerThanUnicode15(int code) => code
        is 0x1C89 or (>= 0xA7CB and <= 0xA7DC) or 0x105C9 or 0x105E4 or (>= 0x10D50 and <= 0x10D65) or (>= 0x11380 and <= 0x113FF)
        or (>= 0x16100 and <= 0x1613F) or (>= 0x16D40 and <= 0x16D7F) or (>= 0x16EA0 and <= 0x16EDF);

    [Fact]
    public void Every_code_point_has_icus_decomposition_without_marks_and_icus_lower_case()
    {
        Assert.SkipWhen("é".Normalize(NormalizationForm.FormD) == "é", "the runtime is in invariant mode and has no ICU");
        var wrong = new List<string>();
        for (int code = 0; code <= 0x10FFFF; code++)
        {
            if (!Rune.IsValid(code) || IsNewerThanUnicode15(code))
                continue;
            var rune = new Rune(code);
            var lower = code == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString(); // of İ, .NET has no lower case but in Turkish
            if (UnicodeForms.Lowercase(rune.ToString()) != lower || UnicodeForms.WithoutAccents(rune) != WithoutAccents(rune))
                wrong.Add($"U+{code:X4}");
        }
        Assert.Empty(wrong);
    }

    private static string WithoutAccents(Rune rune)
    {
        if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNotAssigned) // Normalize throws at U+FFFE
            return rune.ToString();
        return string.Concat(
            rune.ToString()
                .Normalize(NormalizationForm.FormD)
                .EnumerateRunes()
                .Where(part => Rune.GetUnicodeCategory(part) != UnicodeCategory.NonSpacingMark)
        );
    }
}
