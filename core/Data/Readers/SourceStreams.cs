using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Electra.Data.Corpora;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;

namespace Electra.Data.Readers;

/// <summary>Opens the files of a corpus, decompressed, and says what is wrong with those that are damaged.</summary>
internal static class SourceStreams
{
    private const int BufferSize = 1 << 16;

    /// <summary>A longer line is not held in memory: it is cut, or refused.</summary>
    private const int LongestLine = 1 << 26;

    /// <summary>Lines of a UTF-8 file, without their line breaks.</summary>
    /// <exception cref="UserErrorException">The file is not UTF-8, its compression is damaged, or a line has no end.</exception>
    public static IEnumerable<string> Lines(SourceFile file, ReadPosition position) =>
        Lines(file, position, LongestLine, reader => reader.ReadLine() ?? throw new UserErrorException(
            $"{file.Shown}:{reader.Line}: the line is longer than {LongestLine / 1_000_000} million characters; a row or an object on each line is expected"))
        .Select(line => line.ToString());

    /// <summary>
    /// Lines of a UTF-8 text, without their line breaks, each there until the next is asked for. A line that is longer than <paramref name="longest"/> was never meant as one
    /// (some corpora are a single line): it comes in pieces that an example has room for, cut at spaces, so that nothing of it is lost
    /// and memory stays bounded.
    /// </summary>
    /// <exception cref="UserErrorException">The file is not UTF-8, or its compression is damaged.</exception>
    public static IEnumerable<ReadOnlyMemory<char>> TextLines(SourceFile file, ReadPosition position, int longest) =>
        Lines(file, position, longest, reader => reader.ReadPiece());

    private static IEnumerable<ReadOnlyMemory<char>> Lines(SourceFile file, ReadPosition position, int longest, Func<BoundedLines, ReadOnlyMemory<char>> next)
    {
        using var stored = Open(file);
        using var content = new CountingStream(Decompress(file, stored));
        using var text = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, BufferSize);
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
            catch (Exception e) when (e is DecoderFallbackException or InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
            {
                throw Damaged(file, e);
            }
            yield return first && line.Span is ['\uFEFF', ..] ? line[1..] : line;
            if (stored.Position - reported >= 1 << 20)
                position.Report(reported = stored.Position);
        }
        if (file.Compression == Compression.Gzip)
            CheckWhole(file, stored, content.Count);
    }

    private static FileStream Open(SourceFile file)
    {
        try
        {
            return new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, BufferSize, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{file.Shown} cannot be read: {e.Message}", e);
        }
    }

    private static Stream Decompress(SourceFile file, Stream stored) => file.Compression switch
    {
        Compression.Gzip => new GZipStream(stored, CompressionMode.Decompress),
        Compression.Zstandard => new ZstdSharp.DecompressionStream(stored, BufferSize),
        _ => stored,
    };

    /// <summary>
    /// .NET's gzip takes a file that ends in the middle for a whole one. The last four bytes of a whole file are its length; where
    /// they do not fit, a reader that checks every part decides (a file may be several, one after the other).
    /// </summary>
    private static void CheckWhole(SourceFile file, FileStream stored, long read)
    {
        Span<byte> length = stackalloc byte[4];
        if (stored.Length >= 18 && stored.Seek(-4, SeekOrigin.End) > 0 && stored.ReadAtLeast(length, 4, throwOnEndOfStream: false) == 4
            && BinaryPrimitives.ReadUInt32LittleEndian(length) == (uint)read)
            return;
        long whole = 0;
        try
        {
            using var content = new GZipInputStream(File.OpenRead(file.Path), BufferSize);
            var buffer = new byte[BufferSize];
            for (int n; (n = content.Read(buffer)) > 0;)
                whole += n;
        }
        catch (Exception e) when (e is SharpZipBaseException or EndOfStreamException or InvalidDataException)
        {
            throw new UserErrorException($"{file.Shown} is damaged: it ends in the middle, or was changed, after {whole:N0} bytes of text. Download or compress it again.", e);
        }
        if (whole != read)
            throw new UserErrorException($"{file.Shown} is damaged: {read:N0} of {whole:N0} bytes of text can be read. Download or compress it again.");
    }

    /// <summary>Finds the place of what a decoder stumbled over.</summary>
    private static UserErrorException Damaged(SourceFile file, Exception cause)
    {
        if (cause is not DecoderFallbackException)
            return new UserErrorException($"{file.Shown} is damaged: {cause.Message} Download or compress it again.", cause);
        using var content = Decompress(file, Open(file));
        var buffer = new byte[BufferSize];
        var (line, offset, kept) = (1L, 0L, 0);
        while (content.ReadAtLeast(buffer.AsSpan(kept), 1, throwOnEndOfStream: false) is var read)
        {
            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, kept + read);
            if (offset == 0 && bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
                return new UserErrorException($"{file.Shown} is UTF-16, and text must be UTF-8. Convert it: iconv -f utf-16 -t utf-8", cause);
            int good = 0;
            OperationStatus status = OperationStatus.Done;
            while (good < bytes.Length && (status = Rune.DecodeFromUtf8(bytes[good..], out var rune, out int length)) == OperationStatus.Done)
            {
                line += rune.Value == '\n' ? 1 : 0;
                good += length;
            }
            if (status == OperationStatus.InvalidData || read == 0)
                return new UserErrorException(good == bytes.Length ? $"{file.Shown} is not UTF-8."
                    : $"{file.Shown}:{line}: the byte at {offset + good:N0} (0x{bytes[good]:X2}) is not UTF-8. Convert the file (iconv -f latin1 -t utf-8, if that is what it is).", cause);
            // A character may reach over the end of the buffer.
            bytes[good..].CopyTo(buffer);
            (offset, kept) = (offset + good, bytes.Length - good);
        }
        throw new InvalidOperationException("a stream ends with a read of nothing");
    }
}
