using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Electra.Text;

/// <summary>What a character is to the splitting of text into words.</summary>
internal enum CharacterClass : byte
{
    /// <summary>Not looked at yet.</summary>
    Unknown,

    /// <summary>Vanishes: controls, formatting, combining accents.</summary>
    Dropped,

    /// <summary>Ends a word.</summary>
    Space,

    /// <summary>A word of its own: punctuation, Chinese characters.</summary>
    Alone,

    /// <summary>Part of a word.</summary>
    Letter,
}

/// <summary>
/// The classes and normal forms of all characters, for cased or for lowercased text: what Hugging Face's <c>BertNormalizer</c> and
/// <c>BertPreTokenizer</c> do to each character, worked out once for each.
/// </summary>
internal sealed class CharacterClasses
{
    /// <summary>For lowercased text without accents.</summary>
    public static CharacterClasses Lowercase { get; } = new(lowercase: true);

    /// <summary>For text as it is written.</summary>
    public static CharacterClasses Cased { get; } = new(lowercase: false);

    private readonly bool lowercase;
    private readonly CharacterClass[] classes = new CharacterClass[0x10000];
    private readonly string?[] forms = new string?[0x10000];
    private readonly ConcurrentDictionary<int, (CharacterClass, string)> supplementary = [];

    private CharacterClasses(bool lowercase)
    {
        this.lowercase = lowercase;
        Ascii = [.. Enumerable.Range(0, 128).Select(c => Classify(new Rune(c)).Class)];
    }

    /// <summary>The classes of the 128 ASCII characters.</summary>
    public CharacterClass[] Ascii { get; }

    /// <summary>The class of a character and, where it is part of a word or a word, the characters it becomes there.</summary>
    public (CharacterClass Class, string Form) Of(Rune rune)
    {
        int value = rune.Value;
        if (value >= 0x10000)
            return supplementary.GetOrAdd(value, static (v, self) => self.Classify(new Rune(v)), this);
        if (classes[value] is var known && known != CharacterClass.Unknown)
            return (known, forms[value]!);
        var (found, form) = Classify(rune);
        forms[value] = form;
        Volatile.WriteBarrier(); // another thread that sees the class must see the form
        classes[value] = found;
        return (found, form);
    }

    private (CharacterClass Class, string Form) Classify(Rune rune)
    {
        // The order is Hugging Face's: clean, set Chinese characters apart, strip accents, lowercase; then split at spaces and punctuation.
        if (rune.Value is '\t' or '\n' or '\r')
            return (CharacterClass.Space, "");
        if (rune.Value is 0 or 0xFFFD || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate)
            return (CharacterClass.Dropped, "");
        if (Rune.IsWhiteSpace(rune))
            return (CharacterClass.Space, "");

        var form = lowercase ? WithoutAccents(rune) : rune.ToString();
        if (form.Length == 0)
            return (CharacterClass.Dropped, "");
        Rune.DecodeFromUtf16(form, out var first, out _);
        return (IsChinese(rune.Value) || IsPunctuation(first) ? CharacterClass.Alone : CharacterClass.Letter, form);
    }

    /// <summary>Canonical decomposition without nonspacing marks, in lower case.</summary>
    private static string WithoutAccents(Rune rune)
    {
        var kept = new StringBuilder();
        foreach (var part in rune.ToString().Normalize(NormalizationForm.FormD).EnumerateRunes())
            if (Rune.GetUnicodeCategory(part) != UnicodeCategory.NonSpacingMark)
                kept.Append(Rune.ToLowerInvariant(part));
        return kept.ToString();
    }

    /// <summary>All ASCII characters that are no letters or digits count, symbols such as $ + ^ too.</summary>
    private static bool IsPunctuation(Rune rune) =>
        rune.IsAscii
            ? !Rune.IsLetterOrDigit(rune)
            : Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>The CJK blocks that BERT sets apart (google-research/bert, <c>tokenization.py</c>, <c>_is_chinese_char</c>).</summary>
    private static bool IsChinese(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
