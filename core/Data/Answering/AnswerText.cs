using Electra.Tokenization;

namespace Electra.Data.Answering;

/// <summary>
/// The text of an answer from its tokens and the words that they come from, as google-research/electra finds it
/// (<c>get_final_text</c>): where the two cannot be matched, the whole words.
/// </summary>
internal static class AnswerText
{
    /// <summary>The text.</summary>
    /// <param name="pieces">The tokens, with a space between each two.</param>
    /// <param name="words">The words, as they stand in the text.</param>
    /// <param name="tokenizer">Normalises words.</param>
    public static string Of(string pieces, string words, ElectraTokenizer tokenizer)
    {
        var answer = pieces.Replace(" ##", "", StringComparison.Ordinal).Replace("##", "", StringComparison.Ordinal);
        var normalised = string.Join(' ', tokenizer.Words(words));
        int at = normalised.IndexOf(answer, StringComparison.Ordinal);
        int[] own = Letters(words), others = Letters(normalised);
        if (at < 0 || answer == "" || own.Length != others.Length)
            return words;
        int first = Array.BinarySearch(others, at), last = Array.BinarySearch(others, at + answer.Length - 1);
        return first < 0 || last < 0 ? words : words[own[first]..(own[last] + 1)];
    }

    /// <summary>The places of all characters but spaces.</summary>
    private static int[] Letters(string text) => [.. Enumerable.Range(0, text.Length).Where(i => text[i] != ' ')];
}
