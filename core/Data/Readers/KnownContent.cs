namespace Electra.Data.Readers;

/// <summary>Tells content that is not UTF-8 text by its beginning, where a name has promised text.</summary>
internal static class KnownContent
{
    /// <summary>What a file is and what to do, as the end of a sentence that begins with its name; null for what may be text.</summary>
    /// <param name="head">The first bytes, decompressed.</param>
    public static string? Describe(ReadOnlySpan<byte> head) =>
        head switch
        {
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => Utf16,
            [(byte)'P', (byte)'K', 3, 4, ..] => "is a zip archive (or an Office document), and text is expected: unpack it",
            [(byte)'P', (byte)'A', (byte)'R', (byte)'1', ..] => "is a Parquet file, and text is expected: let its name end in .parquet",
            [(byte)'%', (byte)'P', (byte)'D', (byte)'F', (byte)'-', ..] =>
                "is a PDF document, and text is expected: convert it (pdftotext)",
            [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, 0x59, 0x26, ..] =>
                "is compressed with bzip2, which is not read: decompress it (bunzip2), or compress it with gzip or zstd",
            [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] =>
                "is compressed with xz, which is not read: decompress it (unxz), or compress it with gzip or zstd",
            [(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => "is a 7z archive, and text is expected: unpack it",
            [0x04, 0x22, 0x4D, 0x18, ..] =>
                "is compressed with lz4, which is not read: decompress it (unlz4), or compress it with gzip or zstd",
            [0x1F, 0x8B, ..] or [0x28, 0xB5, 0x2F, 0xFD, ..] => "is compressed twice: decompress it once",
            _ when head.Length > 262 && head.Slice(257, 5).SequenceEqual("ustar"u8) => "is a tar archive, and text is expected: unpack it",
            _ when head.Length > 0 && head.IndexOfAnyExcept((byte)0) < 0 =>
                "begins with zero bytes alone, as after a copy or a download that was interrupted: copy or download it again",
            _ when LooksLikeUtf16(head) => Utf16,
            _ => null,
        };

    private const string Utf16 = "is UTF-16, and text must be UTF-8. Convert it: iconv -f utf-16 -t utf-8";

    /// <summary>Without a byte-order mark: every other byte of what is mostly ASCII is zero.</summary>
    private static bool LooksLikeUtf16(ReadOnlySpan<byte> head)
    {
        const int Enough = 16;
        int pairs = head.Length / 2, low = 0, high = 0;
        for (int i = 0; i < pairs; i++)
        {
            low += head[2 * i] == 0 && head[2 * i + 1] != 0 ? 1 : 0;
            high += head[2 * i] != 0 && head[2 * i + 1] == 0 ? 1 : 0;
        }
        return pairs >= Enough && Math.Max(low, high) > pairs / 2 && Math.Min(low, high) < pairs / 8;
    }
}
