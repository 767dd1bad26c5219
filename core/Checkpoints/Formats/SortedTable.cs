using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// The sorted table of keys and values that the index of a TensorFlow checkpoint is: blocks of entries with a checksum each, an index of
/// the blocks, and a footer (tensorflow, <c>core/lib/io/table_format.txt</c>; the format is LevelDB's).
/// </summary>
internal static class SortedTable
{
    /// <summary>The bytes that end such a file, as a number.</summary>
    public const ulong Magic = 0xdb4775248b80fb57;

    private const int FooterBytes = 48, TrailerBytes = 5, LongestKey = 1 << 12;

    /// <summary>The entries, in the order of their keys.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or is not such a table.</exception>
    public static IEnumerable<(string Key, ReadOnlyMemory<byte> Value)> Read(ReadOnlyMemory<byte> file)
    {
        if (!IsTable(file.Span))
            throw new InvalidDataException("it does not end as an index does: it is another file, or not whole");
        string? last = null;
        foreach (var (_, handle) in Block(file, IndexOfBlocks(file.Span[^FooterBytes..])))
            foreach (var entry in Block(file, Handle(handle.Span)))
            {
                if (last is not null && string.CompareOrdinal(last, entry.Key) >= 0)
                    throw new InvalidDataException("its names are not in order");
                last = entry.Key;
                yield return entry;
            }
    }

    /// <summary>Whether a file ends as such a table does.</summary>
    public static bool IsTable(ReadOnlySpan<byte> end) =>
        end.Length >= FooterBytes && BinaryPrimitives.ReadUInt64LittleEndian(end[^8..]) == Magic;

    /// <summary>The checksum of data as TensorFlow stores it: CRC-32C, rotated and moved.</summary>
    /// <param name="crc">The CRC-32C.</param>
    public static uint Masked(uint crc) => BitOperations.RotateRight(crc, 15) + 0xa282ead8;

    /// <summary>The CRC-32C of data that follows data with another.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data, uint before = 0)
    {
        uint crc = ~before;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private static (long Start, long Length) IndexOfBlocks(ReadOnlySpan<byte> footer)
    {
        int at = 0;
        _ = (Varint(footer, ref at), Varint(footer, ref at)); // the block of metadata, which is empty
        return ((long)Varint(footer, ref at), (long)Varint(footer, ref at));
    }

    private static (long Start, long Length) Handle(ReadOnlySpan<byte> value)
    {
        int at = 0;
        return ((long)Varint(value, ref at), (long)Varint(value, ref at));
    }

    /// <summary>The entries of a block: each key is given as what it shares with the one before, and the rest.</summary>
    private static List<(string Key, ReadOnlyMemory<byte> Value)> Block(ReadOnlyMemory<byte> file, (long Start, long Length) place)
    {
        var (start, length) = place;
        if (start < 0 || length < sizeof(uint) || start > file.Length || length > file.Length - start - TrailerBytes)
            throw new InvalidDataException("a block of it lies outside the file");
        var block = file.Slice((int)start, (int)length);
        var trailer = file.Span.Slice((int)(start + length), TrailerBytes);
        if (Masked(Crc32C(file.Span.Slice((int)start, (int)length + 1))) != BinaryPrimitives.ReadUInt32LittleEndian(trailer[1..]))
            throw new InvalidDataException("the checksum of a block does not fit: it is damaged");
        if (trailer[0] != 0)
            throw new InvalidDataException($"its blocks are compressed{(trailer[0] == 1 ? " by Snappy" : "")}, which cannot be read");

        long restarts = BinaryPrimitives.ReadUInt32LittleEndian(block.Span[^sizeof(uint)..]);
        long end = length - sizeof(uint) * (restarts + 1);
        if (end < 0)
            throw new InvalidDataException("a block of it is damaged");
        var entries = new List<(string, ReadOnlyMemory<byte>)>();
        byte[] key = [];
        for (int at = 0; at < end;)
        {
            ulong shared = Varint(block.Span, ref at), fresh = Varint(block.Span, ref at), value = Varint(block.Span, ref at);
            ulong left = (ulong)Math.Max(0, end - at);
            if (shared > (ulong)key.Length || fresh > left || value > left - fresh || shared + fresh > LongestKey)
                throw new InvalidDataException("a block of it is damaged");
            key = [.. key.AsSpan(0, (int)shared), .. block.Span.Slice(at, (int)fresh)];
            entries.Add((Encoding.Latin1.GetString(key), block.Slice(at + (int)fresh, (int)value)));
            at += (int)(fresh + value);
        }
        return entries;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length)
                throw new InvalidDataException("it ends in the middle of a number");
            byte part = bytes[at++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a number in it is too long");
    }
}
