namespace Electra.Data.Readers;

/// <summary>
/// A line cut at its spaces into parts of some characters. A longer word is a part, unless no tokenizer would read it as one.
/// </summary>
/// <param name="line">The line.</param>
/// <param name="longest">Characters of a part that has a space, at most.</param>
internal ref struct LineParts(ReadOnlySpan<char> line, int longest)
{
    private readonly ReadOnlySpan<char> line = line;
    private int start, end;

    /// <summary>A longer word is one <c>[UNK]</c> (Hugging Face's <c>max_input_chars_per_word</c>), or a script without spaces.</summary>
    private const int LongestWord = 100;

    public readonly Range Current => start..end;

    public readonly LineParts GetEnumerator() => this;

    public bool MoveNext()
    {
        start = end;
        end += LengthOf(line[start..], longest, LongestWord);
        return start < line.Length;
    }

    /// <summary>
    /// The length of the first part of a line: up to the last space that fits, else up to the end of the word; of a word that is too
    /// long, what fits, but no half of a character.
    /// </summary>
    /// <param name="line">The line.</param>
    /// <param name="longest">What fits.</param>
    /// <param name="longestWord">The longest word that is kept whole.</param>
    public static int LengthOf(ReadOnlySpan<char> line, int longest, int longestWord = 0)
    {
        if (line.Length <= longest)
            return line.Length;
        for (int length = longest; length > 0; length--)
            if (char.IsWhiteSpace(line[length - 1]))
                return length;
        for (int length = longest; length < longestWord; length++)
            if (length == line.Length || char.IsWhiteSpace(line[length]))
                return length;
        return char.IsHighSurrogate(line[longest - 1]) ? longest - 1 : longest;
    }
}
