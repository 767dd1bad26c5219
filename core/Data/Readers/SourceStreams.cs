using System.Buffers;
using System.Text;
using ZstdSharp.Unsafe;

namespace Electra.Data.Readers;

/// <summary>Lines of text files, decompressed. What is wrong with a file that is damaged is said with its place.</summary>
internal static class SourceStreams
{
    private const int BufferSize = 1 << 16;

    /// <summary>A longer line is not held in memory: it is cut, or refused.</summary>
    private const int LongestLine = 1 << 26;

    /// <summary>Lines of a UTF-8 file, without their line breaks.</summary>
    /// <exception cref="UserErrorException">The file is not UTF-8, its compression is damaged, or a line has no end.</exception>
    public static IEnumerable<string> Lines(SourceFile file, ReadPosition position) =>
        Lines(
                file,
                position,
                LongestLine,
                reader =>
                    reader.ReadLine()
                    ?? throw new UserErrorException(
                        $"{file.Shown}:{reader.Line}: the line is longer than {LongestLine / 1_000_000} million characters; "
                            + "a row or an object on each line is expected"
                    )
            )
            .Select(line => line.ToString());

    /// <summary>
    /// Lines of a UTF-8 text, without their line breaks, each there until the next is asked for. A line that is longer than
    /// <paramref name="longest"/> was never meant as one (some corpora are a single line): it comes in parts, cut at spaces, so that
    /// nothing of it is lost and memory stays bounded.
    /// </summary>
    /// <exception cref="UserErrorException">The file is not UTF-8, or its compression is damaged.</exception>
    public static IEnumerable<ReadOnlyMemory<char>> TextLines(SourceFile file, ReadPosition position, int longest) =>
        Lines(file, position, longest, reader => reader.ReadPart());

    private static IEnumerable<ReadOnlyMemory<char>> Lines(
        SourceFile file,
        ReadPosition position,
        int longest,
        Func<BoundedLines, ReadOnlyMemory<char>> next
    )
    {
        using var stored = StoredText.Open(file);
        using var text = new StreamReader(
            stored.Content,
            new UTF8Encoding(false, throwOnInvalidBytes: true),
            detectEncodingFromByteOrderMarks: false,
            BufferSize
        );
        var lines = new BoundedLines(text, longest);
        long reported = 0;
        for (bool first = true; ; first = false)
        {
            ReadOnlyMemory<char> line;
            try
            {
                if (lines.IsAtEnd)
                    break;
                line = next(lines);
            }
            catch (Exception e)
                when (e is DecoderFallbackException or InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
            {
                throw Damaged(file, stored, e);
            }
            yield return first && line.Span is ['\uFEFF', ..] ? line[1..] : line;
            if (stored.Position - reported >= 1 << 20)
                position.Report(reported = stored.Position);
        }
        stored.CheckWhole();
    }

    /// <summary>Says what a decoder stumbled over, and where.</summary>
    private static UserErrorException Damaged(SourceFile file, StoredText stored, Exception cause)
    {
        if (
            cause is ZstdSharp.ZstdException
            {
                Code: ZSTD_ErrorCode.ZSTD_error_memory_allocation or ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge
            }
        )
            return new UserErrorException(
                $"{file.Shown} was compressed with a window that this machine has too little memory for. Decompress it first: "
                    + "zstd -d --long=31 --memory=2048MB",
                cause
            );
        if (cause is not DecoderFallbackException)
            return new UserErrorException($"{file.Shown} is damaged: {cause.Message.TrimEnd('.')}. Download or compress it again.", cause);
        if (
            stored.Compression == Compression.None
            && Path.GetExtension(file.Path).ToLowerInvariant() is (".gz" or ".zst") and var extension
        )
            return new UserErrorException(
                $"{file.Shown} is not compressed as its name says ({extension}), and not UTF-8 text either. Download or compress it again.",
                cause
            );
        return NotUtf8(file, cause);
    }

    private static UserErrorException NotUtf8(SourceFile file, Exception cause)
    {
        using var stored = StoredText.Open(file);
        var buffer = new byte[BufferSize];
        var (line, offset, kept) = (1L, 0L, 0);
        while (true)
        {
            int read = stored.Content.ReadAtLeast(buffer.AsSpan(kept), 1, throwOnEndOfStream: false);
            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, kept + read);
            int good = 0;
            OperationStatus status = OperationStatus.Done;
            while (
                good < bytes.Length && (status = Rune.DecodeFromUtf8(bytes[good..], out var rune, out int length)) == OperationStatus.Done
            )
            {
                line += rune.Value == '\n' ? 1 : 0;
                good += length;
            }
            if (status == OperationStatus.InvalidData || read == 0)
                return new UserErrorException(
                    good == bytes.Length
                        ? $"{file.Shown} is not UTF-8."
                        : $"{file.Shown}:{line}: the byte at {offset + good:N0} (0x{bytes[good]:X2}) is not UTF-8. "
                            + "Convert the file (iconv -f latin1 -t utf-8, if that is what it is).",
                    cause
                );
            // A character may reach over the end of the buffer.
            bytes[good..].CopyTo(buffer);
            (offset, kept) = (offset + good, bytes.Length - good);
        }
    }
}
