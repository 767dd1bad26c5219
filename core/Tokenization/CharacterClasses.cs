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
/// The classes and normal forms of all characters under some settings: what Hugging Face's <c>BertNormalizer</c> and
/// <c>BertPreTokenizer</c> do to each character, worked out once for each. Looking at single characters gives the normal form of a
/// text, but for spacing combining marks that follow one another in an order that is not canonical: they stay in it.
/// </summary>
internal sealed class CharacterClasses
{
    private static readonly ConcurrentDictionary<TokenizerSettings, CharacterClasses> BySettings = [];

    /// <summary>For text that is split at spaces and punctuation, and not changed.</summary>
    public static CharacterClasses AsWritten { get; } = new(Split);

    private readonly TokenizerSettings? settings;
    private readonly bool isUnsplit;
    private readonly Func<Rune, (CharacterClass Class, string Form)> classify;
    private readonly CharacterClass[] classes = new CharacterClass[0x10000];
    private readonly string?[] forms = new string?[0x10000];
    private readonly ConcurrentDictionary<int, (CharacterClass, string)> supplementary = [];

    private CharacterClasses(
        Func<Rune, (CharacterClass Class, string Form)> classify,
        TokenizerSettings? settings = null,
        bool isUnsplit = false
    )
    {
        (this.classify, this.settings, this.isUnsplit) = (classify, settings, isUnsplit);
        var ascii = Enumerable.Range(0, 128).Select(c => classify(new Rune(c))).ToArray();
        Ascii = [.. ascii.Select(character => character.Class)];
        AsciiForms = [.. ascii.Select(character => character.Form.Length == 1 ? character.Form[0] : '\0')];
    }

    /// <summary>For text that is normalised as the settings say.</summary>
    public static CharacterClasses For(TokenizerSettings settings) =>
        BySettings.GetOrAdd(settings with { MaxWordLength = TokenizerSettings.DefaultMaxWordLength, StripAccents = settings.StripsAccents },
            static key => new CharacterClasses(rune => Normalise(rune, key), key));

    /// <summary>The classes of the 128 ASCII characters.</summary>
    public CharacterClass[] Ascii { get; }

    /// <summary>What each of the 128 ASCII characters becomes, where it is part of a word or a word: one character.</summary>
    public char[] AsciiForms { get; }

    /// <summary>
    /// The same normal forms, but nothing ends a word: spaces are part of it, as are those that are put around Chinese characters.
    /// </summary>
    public CharacterClasses Unsplit =>
        field ??= isUnsplit
            ? this
            : new(
                rune =>
                    classify(rune) switch
                    {
                        (CharacterClass.Space, _) => (CharacterClass.Letter, settings is { CleanText: true } ? " " : rune.ToString()),
                        (CharacterClass.Alone, var form) => (
                            CharacterClass.Letter,
                            settings is { SplitChinese: true } && IsChinese(rune.Value) ? $" {form} " : form
                        ),
                        var other => other,
                    },
                isUnsplit: true
            );

    /// <summary>For text that was normalised with these: it is split as theirs is, and not changed again.</summary>
    public CharacterClasses AfterNormalisation => isUnsplit ? AsWritten.Unsplit : AsWritten;

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

    private static (CharacterClass Class, string Form) Normalise(Rune rune, TokenizerSettings settings)
    {
        // The order is Hugging Face's: clean, set Chinese characters apart, strip accents, lowercase; then split at spaces and punctuation.
        if (rune.Value is '\t' or '\n' or '\r')
            return (CharacterClass.Space, "");
        bool isControl = rune.Value is 0 or 0xFFFD
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse;
        if (settings.CleanText && isControl)
            return (CharacterClass.Dropped, "");
        if (Rune.IsWhiteSpace(rune))
            return (CharacterClass.Space, "");

        var form = settings.StripsAccents ? UnicodeForms.WithoutAccents(rune) : rune.ToString();
        if (settings.Lowercase)
            form = UnicodeForms.Lowercase(form);
        if (form.Length == 0)
            return (CharacterClass.Dropped, "");
        // No form holds a punctuation mark beside something else.
        Rune.DecodeFromUtf16(form, out var first, out _);
        bool isAlone = (settings.SplitChinese && IsChinese(rune.Value)) || IsPunctuation(first);
        return (isAlone ? CharacterClass.Alone : CharacterClass.Letter, form);
    }

    private static (CharacterClass Class, string Form) Split(Rune rune) =>
        Rune.IsWhiteSpace(rune) ? (CharacterClass.Space, "")
        : (IsPunctuation(rune) ? CharacterClass.Alone : CharacterClass.Letter, rune.ToString());

    /// <summary>All ASCII characters that are not letters or digits count, symbols such as $ + ^ too.</summary>
    private static bool IsPunctuation(Rune rune) =>
        rune.IsAscii
            ? Rune.IsPunctuation(rune) || Rune.IsSymbol(rune)
            : Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>The CJK blocks that BERT sets apart (google-research/bert, <c>tokenization.py</c>, <c>_is_chinese_char</c>).</summary>
    private static bool IsChinese(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
