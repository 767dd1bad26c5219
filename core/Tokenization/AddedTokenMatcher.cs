using System.Buffers;
using System.Globalization;
using System.Text;

namespace Electra.Tokenization;

/// <summary>An added token in a text; at the text's end with an id of −1 where there is none.</summary>
internal readonly record struct AddedTokenMatch(int Start, int End, int Id);

/// <summary>
/// Finds added tokens in a text from the left, of several at one place the longest, as Hugging Face's <c>AddedVocabulary</c> does.
/// </summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<string> contents;
    private readonly AddedToken[] longestFirst;

    /// <summary>A matcher of tokens with ids, none of them empty.</summary>
    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        longestFirst = [.. tokens.OrderByDescending(token => token.Content.Length)];
        contents = SearchValues.Create([.. longestFirst.Select(token => token.Content)], StringComparison.Ordinal);
    }

    /// <summary>The first token at or after a place.</summary>
    public AddedTokenMatch Next(ReadOnlySpan<char> text, int from)
    {
        while (text[from..].IndexOfAny(contents) is >= 0 and var distance)
        {
            int start = from + distance;
            foreach (var token in longestFirst)
            {
                if (!text[start..].StartsWith(token.Content, StringComparison.Ordinal))
                    continue;
                from = start + token.Content.Length;
                if (!token.SingleWord || (!EndsInWord(text[..start]) && !BeginsWithWord(text[from..])))
                    return new AddedTokenMatch(start, from, token.Id!.Value);
                break;
            }
        }
        return new AddedTokenMatch(text.Length, text.Length, -1);
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWord(rune);

    /// <summary>
    /// What a regular expression's <c>\w</c> means in Unicode: alphabetic characters, marks, digits, connectors, joiners.
    /// </summary>
    private static bool IsWord(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is <= UnicodeCategory.OtherLetter
                or (>= UnicodeCategory.NonSpacingMark and <= UnicodeCategory.LetterNumber)
                or UnicodeCategory.ConnectorPunctuation
        || rune.Value
            is 0x200C
                or 0x200D
                or (>= 0x24B6 and <= 0x24E9)
                or (>= 0x1F130 and <= 0x1F149)
                or (>= 0x1F150 and <= 0x1F169)
                or (>= 0x1F170 and <= 0x1F189);
}
