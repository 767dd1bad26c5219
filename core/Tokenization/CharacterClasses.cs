using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Electra.Tokenization;

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
/// <c>BertPreTokenizer</c> do to each character, worked out once for each. Looking at single characters gives the normal form of a
/// text, but for spacing combining marks that follow one another in an order that is not canonical: they stay in it.
/// </summary>
internal sealed class CharacterClasses
{
    /// <summary>For lowercased text without accents.</summary>
    public static CharacterClasses Lowercase { get; } = new(rune => Normalise(rune, lowercase: true));

    /// <summary>For text in the case it is written in.</summary>
    public static CharacterClasses Cased { get; } = new(rune => Normalise(rune, lowercase: false));

    /// <summary>For text that is split at spaces and punctuation, and not changed.</summary>
    public static CharacterClasses AsWritten { get; } = new(Split);

    private readonly Func<Rune, (CharacterClass Class, string Form)> classify;
    private readonly CharacterClass[] classes = new CharacterClass[0x10000];
    private readonly string?[] forms = new string?[0x10000];
    private readonly ConcurrentDictionary<int, (CharacterClass, string)> supplementary = [];

    private CharacterClasses(Func<Rune, (CharacterClass Class, string Form)> classify)
    {
        this.classify = classify;
        var ascii = Enumerable.Range(0, 128).Select(c => classify(new Rune(c))).ToArray();
        Ascii = [.. ascii.Select(character => character.Class)];
        AsciiForms = [.. ascii.Select(character => character.Form.Length == 1 ? character.Form[0] : '\0')];
    }

    /// <summary>The classes of the 128 ASCII characters.</summary>
    public CharacterClass[] Ascii { get; }

    /// <summary>What each of the 128 ASCII characters becomes, where it is part of a word or a word: one character.</summary>
    public char[] AsciiForms { get; }

    /// <summary>The same normal forms, but nothing ends a word: spaces are part of it, as are those that are put around Chinese characters.</summary>
    public CharacterClasses Unsplit => field ??= new(rune => classify(rune) switch
    {
        (CharacterClass.Space, _) => (CharacterClass.Letter, this == AsWritten ? rune.ToString() : " "),
        (CharacterClass.Alone, var form) => (CharacterClass.Letter, this != AsWritten && IsChinese(rune.Value) ? $" {form} " : form),
        var other => other,
    });

    /// <summary>The class of a character and, where it is part of a word or a word, the characters it becomes there.</summary>
    public (CharacterClass Class, string Form) Of(Rune rune)
    {
        int value = rune.Value;
        if (value >= 0x10000)
            return supplementary.GetOrAdd(value, static (v, self) => self.classify(new Rune(v)), this);
        if (classes[value] is var known && known != CharacterClass.Unknown)
        {
            Volatile.ReadBarrier();
            return (known, forms[value]!);
        }
        var (found, form) = classify(rune);
        forms[value] = form;
        Volatile.WriteBarrier(); // a thread that sees the class must see the form
        classes[value] = found;
        return (found, form);
    }

    private static (CharacterClass Class, string Form) Normalise(Rune rune, bool lowercase)
    {
        // The order is Hugging Face's: clean, set Chinese characters apart, strip accents, lowercase; then split at spaces and punctuation.
        if (rune.Value is '\t' or '\n' or '\r')
            return (CharacterClass.Space, "");
        if (rune.Value is 0 or 0xFFFD || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse)
            return (CharacterClass.Dropped, "");
        if (Rune.IsWhiteSpace(rune))
            return (CharacterClass.Space, "");

        var form = lowercase ? WithoutAccents(rune) : rune.ToString();
        if (form.Length == 0)
            return (CharacterClass.Dropped, "");
        // No form holds a punctuation mark beside something else.
        Rune.DecodeFromUtf16(form, out var first, out _);
        return (IsChinese(rune.Value) || IsPunctuation(first) ? CharacterClass.Alone : CharacterClass.Letter, form);
    }

    private static (CharacterClass Class, string Form) Split(Rune rune) =>
        Rune.IsWhiteSpace(rune) ? (CharacterClass.Space, "")
        : (IsPunctuation(rune) ? CharacterClass.Alone : CharacterClass.Letter, rune.ToString());

    /// <summary>Canonical decomposition without nonspacing marks, in lower case.</summary>
    private static string WithoutAccents(Rune rune)
    {
        // Normalize throws at U+FFFE; no unassigned character decomposes.
        if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNotAssigned)
            return rune.ToString();
        var kept = new StringBuilder();
        foreach (var part in rune.ToString().Normalize(NormalizationForm.FormD).EnumerateRunes())
            if (Rune.GetUnicodeCategory(part) != UnicodeCategory.NonSpacingMark)
                kept.Append(Rune.ToLowerInvariant(part));
        return kept.ToString();
    }

    /// <summary>All ASCII characters that are no letters or digits count, symbols such as $ + ^ too.</summary>
    private static bool IsPunctuation(Rune rune) =>
        rune.IsAscii
            ? Rune.IsPunctuation(rune) || Rune.IsSymbol(rune)
            : Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>The CJK blocks that BERT sets apart (google-research/bert, <c>tokenization.py</c>, <c>_is_chinese_char</c>).</summary>
    private static bool IsChinese(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
