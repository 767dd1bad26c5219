using System.Text;

namespace Electra.Tokenization;

/// <summary>Splits text into normalised words, one at a time, without allocating.</summary>
internal ref struct WordScanner
{
    /// <summary>Characters that a code point becomes, at most.</summary>
    private const int LongestForm = 16;

    private readonly int maxCodePoints;

    private readonly ReadOnlySpan<char> text;
    private readonly CharacterClasses classes;
    private readonly Span<char> buffer;
    private readonly Span<int> sources;
    private int position, length, codePoints;

    /// <summary>Starts before the first word.</summary>
    /// <param name="text">The text.</param>
    /// <param name="classes">How characters are normalised.</param>
    /// <param name="buffer">Holds the current word; <see cref="BufferLength"/> characters.</param>
    /// <param name="maxCodePoints">The longest word that is looked up (Hugging Face's <c>max_input_chars_per_word</c>).</param>
    /// <param name="sources">Receives, for each character of the word, its place in the text; empty where that is not wanted.</param>
    /// <param name="position">Where to start.</param>
    public WordScanner(
        ReadOnlySpan<char> text,
        CharacterClasses classes,
        Span<char> buffer,
        int maxCodePoints,
        Span<int> sources = default,
        int position = 0
    )
    {
        this.text = text;
        this.classes = classes;
        this.buffer = buffer;
        this.maxCodePoints = maxCodePoints;
        this.sources = sources;
        this.position = position;
    }

    /// <summary>Room for a word: one code point more than the longest.</summary>
    public static int BufferLength(int maxCodePoints) => (maxCodePoints + 1) * LongestForm;

    /// <summary>The current word, normalised; its beginning where it <see cref="IsTooLong"/>.</summary>
    public readonly ReadOnlySpan<char> Word => buffer[..length];

    /// <summary>Where the current word starts in the text.</summary>
    public int Start { get; private set; }

    /// <summary>Where the current word ends in the text.</summary>
    public int End { get; private set; }

    /// <summary>Whether the current word has more code points than are looked up.</summary>
    public readonly bool IsTooLong => codePoints > maxCodePoints;

    /// <summary>Goes to the next word.</summary>
    /// <returns>False at the end of the text.</returns>
    public bool MoveNext()
    {
        length = codePoints = 0;
        var ascii = classes.Ascii;
        while (position < text.Length)
        {
            char c = text[position];
            if (c >= 128)
            {
                if (OtherThanAscii())
                    return true;
                continue;
            }
            switch (ascii[c])
            {
                case CharacterClass.Letter:
                    AppendAsciiLetters();
                    break;
                case CharacterClass.Space:
                    position++;
                    if (codePoints > 0)
                        return true;
                    break;
                case CharacterClass.Alone:
                    if (codePoints == 0)
                        Append(classes.AsciiForms[c]);
                    return true;
                default:
                    position++;
                    break;
            }
        }
        return codePoints > 0;
    }

    /// <summary>The place in the text of the characters that a part of the current word comes from.</summary>
    public readonly Range SourceOf(int start, int end)
    {
        Rune.DecodeFromUtf16(text[sources[end - 1]..], out _, out int lastLength);
        return sources[start]..(sources[end - 1] + lastLength);
    }

    /// <summary>Takes the ASCII letters and digits from here on, most of most texts, in one go.</summary>
    private void AppendAsciiLetters()
    {
        var (ascii, forms) = (classes.Ascii, classes.AsciiForms);
        var run = text[position..];
        var room = buffer[length..];
        int count = 0;
        for (; count < run.Length && run[count] is var c && c < 128 && ascii[c] == CharacterClass.Letter; count++)
            if (count < room.Length)
                room[count] = forms[c];

        if (codePoints == 0)
            Start = position;
        int kept = Math.Min(count, room.Length);
        for (int i = 0; i < kept && !sources.IsEmpty; i++)
            sources[length + i] = position + i;
        length += kept;
        codePoints += count;
        End = position += count;
    }

    private void Append(char c)
    {
        if (codePoints == 0)
            Start = position;
        if (codePoints <= maxCodePoints)
        {
            if (!sources.IsEmpty)
                sources[length] = position;
            buffer[length++] = c;
        }
        codePoints++;
        End = ++position;
    }

    /// <returns>Whether a word is complete.</returns>
    private bool OtherThanAscii()
    {
        Rune.DecodeFromUtf16(text[position..], out var rune, out int consumed);
        var (found, form) = classes.Of(rune);
        switch (found)
        {
            case CharacterClass.Letter:
                AppendForm(form, consumed);
                return false;
            case CharacterClass.Space:
                position += consumed;
                return codePoints > 0;
            case CharacterClass.Alone:
                if (codePoints == 0)
                    AppendForm(form, consumed);
                return true;
            default:
                position += consumed;
                return false;
        }
    }

    private void AppendForm(string form, int consumed)
    {
        if (codePoints == 0)
            Start = position;
        if (codePoints <= maxCodePoints)
        {
            form.CopyTo(buffer[length..]);
            if (!sources.IsEmpty)
                sources.Slice(length, form.Length).Fill(position);
            length += form.Length;
        }
        foreach (char c in form)
            codePoints += char.IsLowSurrogate(c) ? 0 : 1;
        End = position += consumed;
    }
}
