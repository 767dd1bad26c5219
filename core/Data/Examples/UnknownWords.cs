using Electra.Tokenization;

namespace Electra.Data.Examples;

/// <summary>Explains words that a vocabulary cannot write: each is one <c>[UNK]</c>, and a model reads nothing of it.</summary>
internal static class UnknownWords
{
    /// <summary>The share of <c>[UNK]</c> from which on it is warned of: text that fits its vocabulary has some per mille.</summary>
    public const double WarningShare = 0.03;

    private const int Shown = 30;

    /// <summary>The first unknown word of a text and why it is unknown, as a part of a sentence; null where every word is known.</summary>
    public static string? Example(string text, ElectraTokenizer tokenizer)
    {
        foreach (var token in tokenizer.EncodeToTokens(text, out _))
            if (token.Id == tokenizer.Vocabulary.UnkId)
                return Explained(text[token.Offset], tokenizer);
        return null;
    }

    private static string Explained(string word, ElectraTokenizer tokenizer)
    {
        var shown = word.Length <= Shown ? word : word[..(char.IsHighSurrogate(word[Shown - 1]) ? Shown - 1 : Shown)] + "…";
        foreach (var character in word.EnumerateRunes())
            if (IsUnknown(character.ToString(), tokenizer))
                return $"\"{shown}\": {(!tokenizer.Settings.Lowercase && !IsUnknown(character.ToString().ToLowerInvariant(), tokenizer)
                    ? "the vocabulary has no capital letters, and the text is not lowercased"
                    : $"the vocabulary does not have the character {character}")}";
        int length = word.EnumerateRunes().Count();
        return length > tokenizer.Settings.MaxWordLength
            ? $"\"{shown}\": a word of {length} characters is too long to be split"
            : $"\"{shown}\": no tokens of the vocabulary make it up";
    }

    private static bool IsUnknown(string text, ElectraTokenizer tokenizer)
    {
        var ids = new List<int>();
        tokenizer.Encode(text, ids);
        return ids.Contains(tokenizer.Vocabulary.UnkId);
    }
}
