using System.Buffers;

namespace Electra.Data.Readers;

/// <summary>
/// Lines of a text, ended by LF, CR or both, none of which is held in memory beyond a length. What is handed out lies in a buffer: it is
/// there until the next line is read.
/// </summary>
/// <param name="text">The text.</param>
/// <param name="longest">Characters of a line, at most.</param>
internal sealed class BoundedLines(TextReader text, int longest)
{
    private readonly char[] buffer = new char[1 << 15];
    private int start, end;

    // The CR that ended the last line ends it together with a LF, if that is what comes next.
    private bool isAfterReturn;

    // A line that reaches over the end of the buffer; of one that is too long, what is still to be given out, and whether there is more of
    // it.
    private readonly ArrayBufferWriter<char> gathered = new();
    private ReadOnlyMemory<char> cut;
    private bool isOpen;

    /// <summary>The number of the line that was read last, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>Whether there is nothing left to read.</summary>
    public bool IsAtEnd => !isOpen && cut.IsEmpty && !Fill();

    /// <summary>The next line; null where it is too long.</summary>
    public ReadOnlyMemory<char>? ReadLine()
    {
        Line++;
        var line = Take(begun: default, longest, out bool isWhole);
        return isWhole ? line : new ReadOnlyMemory<char>?();
    }

    /// <summary>The next line; where it is too long, its next part, cut at a space where it has one.</summary>
    public ReadOnlyMemory<char> ReadPart()
    {
        if (!isOpen && cut.IsEmpty)
        {
            Line++;
            var line = Take(begun: default, longest, out bool isWhole);
            if (isWhole)
                return line;
            (cut, isOpen) = (line, true);
        }
        // One character more than a part: there is always something left for the next one while the line goes on.
        while (isOpen && cut.Length <= longest)
        {
            cut = Take(begun: cut.Span, longest + 1, out bool isWhole);
            isOpen = !isWhole;
        }
        var part = cut[..LineParts.LengthOf(cut.Span, longest)];
        cut = cut[part.Length..];
        return part;
    }

    /// <summary>
    /// What was begun and what follows, up to the end of the line, which is passed over, or to about a number of characters. What was
    /// begun may be the end of what was gathered before: it is moved to the front.
    /// </summary>
    private ReadOnlyMemory<char> Take(ReadOnlySpan<char> begun, int most, out bool isWhole)
    {
        gathered.ResetWrittenCount();
        gathered.Write(begun);
        isWhole = true;
        while (Fill())
        {
            var there = buffer.AsMemory(start, end - start);
            int stop = there.Span.IndexOfAny('\n', '\r');
            if (stop >= 0)
            {
                isAfterReturn = there.Span[stop] == '\r';
                start += stop + 1;
                there = there[..stop];
                if (gathered.WrittenCount == 0)
                    return there;
                gathered.Write(there.Span);
                break;
            }
            gathered.Write(there.Span);
            start = end;
            if (gathered.WrittenCount >= most)
            {
                isWhole = false;
                break;
            }
        }
        return gathered.WrittenMemory;
    }

    private bool Fill()
    {
        while (true)
        {
            if (start == end)
                (start, end) = (0, text.Read(buffer));
            if (start == end)
                return false;
            if (!isAfterReturn)
                return true;
            isAfterReturn = false;
            if (buffer[start] == '\n')
                start++;
        }
    }
}
