using System.Buffers.Binary;
using System.IO.Compression;
using Electra.Storage;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;
using ZstdSharp.Unsafe;

namespace Electra.Data.Readers;

/// <summary>How a file is compressed.</summary>
internal enum Compression
{
    None,
    Gzip,
    Zstandard,
}

/// <summary>
/// A file of text as it is stored, and its content. How it is compressed is told by its first bytes, and not by its name: neither
/// mark can begin a UTF-8 text.
/// </summary>
internal sealed class StoredText : IDisposable
{
    private const int BufferSize = 1 << 16;
    private const int HeadBytes = 1 << 12;

    /// <summary>2 GB, the largest window that the zstd tool makes (<c>--long=31</c>).</summary>
    private const int LargestWindowLog = 31;

    private readonly SourceFile file;
    private readonly FileStream stored;
    private readonly CountingStream content;

    private StoredText(SourceFile file, FileStream stored)
    {
        (this.file, this.stored, Compression) = (file, stored, CompressionOf(stored));
        content = new CountingStream(Decompress());
    }

    /// <summary>How it is compressed.</summary>
    public Compression Compression { get; }

    /// <summary>The content, decompressed.</summary>
    public Stream Content => content;

    /// <summary>Stored bytes read so far.</summary>
    public long Position => stored.Position;

    /// <summary>Opens a file, and looks at its beginning.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or what it holds is known not to be text.</exception>
    public static StoredText Open(SourceFile file)
    {
        InputFile.Check(file.Path);
        using (var first = new StoredText(file, InputFile.Open(file.Path)))
            first.CheckHead();
        return new StoredText(file, InputFile.Open(file.Path));
    }

    /// <summary>How a file is compressed, by its first bytes; it is left at its start.</summary>
    public static Compression CompressionOf(FileStream stored)
    {
        Span<byte> mark = stackalloc byte[4];
        stored.Seek(0, SeekOrigin.Begin);
        int length = stored.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false);
        stored.Seek(0, SeekOrigin.Begin);
        return mark[..length] switch
        {
            [0x1F, 0x8B, ..] => Compression.Gzip,
            // A frame, or one that may be skipped, as pzstd writes first.
            [0x28, 0xB5, 0x2F, 0xFD] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18] => Compression.Zstandard,
            _ => Compression.None,
        };
    }

    /// <summary>
    /// .NET's gzip takes a file that ends in the middle for a whole one. The last four bytes of a whole file are its length; where
    /// they do not fit, a reader that checks every part decides (a file may be several, one after the other). Call it at the end.
    /// </summary>
    /// <exception cref="UserErrorException">The file is not whole.</exception>
    public void CheckWhole()
    {
        Span<byte> length = stackalloc byte[4];
        if (Compression != Compression.Gzip
            || (stored.Length >= 18 && stored.Seek(-4, SeekOrigin.End) > 0 && stored.ReadAtLeast(length, 4, throwOnEndOfStream: false) == 4
                && BinaryPrimitives.ReadUInt32LittleEndian(length) == (uint)content.Count))
            return;
        long whole = 0;
        try
        {
            using var checkedContent = new GZipInputStream(InputFile.Open(file.Path), BufferSize);
            var buffer = new byte[BufferSize];
            for (int n; (n = checkedContent.Read(buffer)) > 0;)
                whole += n;
        }
        catch (Exception e) when (e is SharpZipBaseException or EndOfStreamException or InvalidDataException)
        {
            throw new UserErrorException(
                $"{file.Shown} is damaged: it ends in the middle, or was changed, after {whole:N0} bytes of text. "
                    + "Download or compress it again.",
                e
            );
        }
        if (whole != content.Count)
            throw new UserErrorException(
                $"{file.Shown} is damaged: {content.Count:N0} of {whole:N0} bytes of text can be read. Download or compress it again."
            );
    }

    public void Dispose()
    {
        content.Dispose();
        stored.Dispose();
    }

    private Stream Decompress()
    {
        if (Compression == Compression.Gzip)
            return new GZipStream(stored, CompressionMode.Decompress);
        if (Compression == Compression.None)
            return stored;
        var decompressed = new ZstdSharp.DecompressionStream(stored, BufferSize);
        decompressed.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, LargestWindowLog);
        return decompressed;
    }

    private void CheckHead()
    {
        var head = new byte[HeadBytes];
        int length;
        try
        {
            length = content.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            // Whoever reads the lines says what is damaged, and where.
            return;
        }
        if (KnownContent.Describe(head.AsSpan(0, length)) is { } problem)
            throw new UserErrorException($"{file.Shown} {problem}");
    }
}
