using System.Text;

namespace Electra.Corpora;

/// <summary>Lines of a text, ended by LF, CR or both, none of which is held in memory beyond a length.</summary>
/// <param name="text">The text.</param>
/// <param name="longest">Characters of a line, at most.</param>
internal sealed class BoundedLines(TextReader text, int longest)
{
    /// <summary>
    /// Characters of a piece of a longer line, at most: some fifty tokens. An example piles lines up to its length, and of a line that is
    /// longer than itself it takes the beginning only.
    /// </summary>
    private const int PieceCharacters = 256;

    private readonly char[] buffer = new char[1 << 15];
    private int start, end;

    // Of a line that is too long: what was read of it, from where on it is still to be given out, and whether its end was reached.
    private string cut = "";
    private int given;
    private bool isOpen;

    /// <summary>The number of the line that was read last, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>Whether there is nothing left to read.</summary>
    public bool IsAtEnd => !isOpen && given == cut.Length && !Fill();

    /// <summary>The next line; null where it is too long.</summary>
    public string? ReadLine()
    {
        Line++;
        return Take(longest, out bool isWhole) is var line && isWhole ? line : null;
    }

    /// <summary>The next line; where it is too long, its next piece.</summary>
    public string ReadPiece()
    {
        if (!isOpen && given == cut.Length)
        {
            Line++;
            var line = Take(longest, out bool isWhole);
            if (isWhole)
                return line;
            (cut, given, isOpen) = (line, 0, true);
        }
        // One character more than a piece: there is always something left for the next one while the line goes on.
        while (isOpen && cut.Length - given <= PieceCharacters)
        {
            (cut, given) = (cut[given..] + Take(buffer.Length, out bool isWhole), 0);
            isOpen = !isWhole;
        }
        int length = Math.Min(cut.Length - given, PieceCharacters);
        if (given + length < cut.Length)
            length = PieceOf(cut.AsSpan(given, length));
        var piece = cut.Substring(given, length);
        given += length;
        return piece;
    }

    /// <summary>How much of a text to give out: up to its last space; without one all, but no half of a character.</summary>
    private static int PieceOf(ReadOnlySpan<char> text)
    {
        for (int length = text.Length; length > 0; length--)
            if (char.IsWhiteSpace(text[length - 1]))
                return length;
        return char.IsHighSurrogate(text[^1]) ? text.Length - 1 : text.Length;
    }

    /// <summary>Characters up to the end of the line, which is passed over, or to about a number of them.</summary>
    private string Take(int most, out bool isWhole)
    {
        StringBuilder? taken = null;
        while (Fill())
        {
            var there = buffer.AsSpan(start, end - start);
            int stop = there.IndexOfAny('\n', '\r');
            if (stop >= 0)
            {
                var line = taken is null ? there[..stop].ToString() : taken.Append(there[..stop]).ToString();
                bool isReturn = there[stop] == '\r';
                start += stop + 1;
                if (isReturn && Fill() && buffer[start] == '\n')
                    start++;
                isWhole = true;
                return line;
            }
            (taken ??= new()).Append(there);
            start = end;
            if (taken.Length >= most)
            {
                isWhole = false;
                return taken.ToString();
            }
        }
        isWhole = true;
        return taken?.ToString() ?? "";
    }

    private bool Fill()
    {
        if (start == end)
            (start, end) = (0, text.Read(buffer));
        return start < end;
    }
}
