namespace Electra.Tokenization;

/// <summary>How text is normalised before it is cut into tokens; what it leaves out is as BERT and ELECTRA have it.</summary>
internal sealed record TokenizerSettings
{
    /// <summary>Code points of the longest word that is looked up; longer ones are [UNK].</summary>
    public const int DefaultMaxWordLength = 100;

    /// <summary>Whether text is lowercased.</summary>
    public bool Lowercase { get; init; } = true;

    /// <summary>Whether accents and other nonspacing marks are removed; null: where text is lowercased.</summary>
    public bool? StripAccents { get; init; }

    /// <summary>Whether Chinese characters are words of their own.</summary>
    public bool SplitChinese { get; init; } = true;

    /// <summary>Whether control and formatting characters are removed.</summary>
    public bool CleanText { get; init; } = true;

    /// <summary>Code points of the longest word that is looked up; longer ones are [UNK].</summary>
    public int MaxWordLength { get; init; } = DefaultMaxWordLength;

    /// <summary>Whether accents are removed in the end.</summary>
    internal bool StripsAccents => StripAccents ?? Lowercase;

    /// <summary>
    /// Names the settings, the same for settings that do the same: <c>lowercase</c>, <c>cased</c>, and what is not as usual.
    /// </summary>
    public override string ToString() => string.Concat(
        Lowercase ? "lowercase" : "cased",
        StripsAccents == Lowercase ? "" : StripsAccents ? ", accents stripped" : ", accents kept",
        SplitChinese ? "" : ", Chinese characters not split",
        CleanText ? "" : ", control characters kept",
        MaxWordLength == DefaultMaxWordLength ? "" : FormattableString.Invariant($", words up to {MaxWordLength} characters"));
}
