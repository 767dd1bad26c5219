using System.Buffers.Binary;
using System.Text;

namespace Electra.Checkpoints.Formats;

/// <summary>A file in a zip archive that is stored as it is.</summary>
/// <param name="Start">Where its bytes start in the archive.</param>
/// <param name="Length">How many there are.</param>
/// <param name="Checksum">Their CRC-32.</param>
internal readonly record struct ZipEntry(long Start, long Length, uint Checksum);

/// <summary>
/// The directory of a zip archive whose files are stored without compression, as torch writes them: they can be read in place, at any
/// offset, which the framework's own archive reader does not offer.
/// </summary>
/// <remarks>Format: PKWARE's APPNOTE 6.3, sections 4.3.7 to 4.3.16.</remarks>
internal static class StoredZip
{
    private const uint LocalHeader = 0x04034b50,
        DirectoryHeader = 0x02014b50,
        End = 0x06054b50,
        End64 = 0x06064b50,
        End64Locator = 0x07064b50;
    private const int LocalBytes = 30,
        HeaderBytes = 46,
        EndBytes = 22,
        End64Bytes = 56,
        LocatorBytes = 20;
    private const int LongestComment = 65_535,
        LongestDirectory = 1 << 26;

    /// <summary>Whether a file begins as an archive does.</summary>
    public static bool IsZip(BinaryFile file) =>
        file.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(file.Read(0, 4)) == LocalHeader;

    /// <summary>The files in an archive by name.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged, compressed or encrypted, or has names that lead out of
    /// it.</exception>
    public static IReadOnlyDictionary<string, ZipEntry> Entries(BinaryFile file)
    {
        var (start, length) = Directory(file);
        Require(length <= LongestDirectory, $"its directory would have {length:N0} bytes");
        ReadOnlySpan<byte> directory = file.Read(start, (int)length);
        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        while (directory.Length > 0)
        {
            Require(directory.Length >= HeaderBytes && U32(directory, 0) == DirectoryHeader, "its directory is damaged");
            int nameLength = U16(directory, 28),
                extraLength = U16(directory, 30),
                whole = HeaderBytes + nameLength + extraLength + U16(directory, 32);
            Require(whole <= directory.Length, "its directory is damaged");
            var name = Encoding.UTF8.GetString(directory.Slice(HeaderBytes, nameLength));
            Require(!name.Split('/', '\\').Contains("..") && !name.StartsWith('/'), $"it holds a file named {name}");
            Require((U16(directory, 8) & 1) == 0, $"{name} is encrypted");
            Require(U16(directory, 10) == 0, $"{name} is compressed, and torch writes files that are not");

            long packed = U32(directory, 20), size = U32(directory, 24), local = U32(directory, 42);
            Wide(directory.Slice(HeaderBytes + nameLength, extraLength), ref size, ref packed, ref local);
            Require(packed == size, $"{name} is stored with {packed:N0} bytes and has {size:N0}");
            ReadOnlySpan<byte> header = file.Read(local, LocalBytes);
            Require(U32(header, 0) == LocalHeader, $"{name} is not where the directory says");
            long data = local + LocalBytes + U16(header, 26) + U16(header, 28);
            Require(size >= 0 && data <= start && size <= start - data, $"{name} reaches into the directory");
            Require(entries.TryAdd(name, new ZipEntry(data, size, U32(directory, 16))), $"it holds {name} twice");
            directory = directory[whole..];
        }
        long end = 0;
        foreach (var (name, entry) in entries.OrderBy(entry => entry.Value.Start).ThenBy(entry => entry.Value.Length))
        {
            Require(entry.Start >= end, $"{name} lies over another file");
            end = entry.Start + entry.Length;
        }
        return entries;
    }

    /// <summary>Where the directory is: found from the archive's end.</summary>
    private static (long Start, long Length) Directory(BinaryFile file)
    {
        int tailLength = (int)Math.Min(file.Length, EndBytes + LongestComment);
        ReadOnlySpan<byte> tail = file.Read(file.Length - tailLength, tailLength);
        for (int at = tailLength - EndBytes; at >= 0; at--)
        {
            if (U32(tail, at) != End || at + EndBytes + U16(tail, at + 20) != tailLength)
                continue;
            long length = U32(tail, at + 12), start = U32(tail, at + 16);
            if (length == uint.MaxValue || start == uint.MaxValue || U16(tail, at + 10) == ushort.MaxValue)
            {
                long locator = file.Length - tailLength + at - LocatorBytes;
                ReadOnlySpan<byte> located = file.Read(locator, LocatorBytes);
                Require(U32(located, 0) == End64Locator, "its directory is damaged");
                ReadOnlySpan<byte> wide = file.Read(I64(located, 8), End64Bytes);
                Require(U32(wide, 0) == End64, "its directory is damaged");
                (length, start) = (I64(wide, 40), I64(wide, 48));
            }
            Require(start >= 0 && length >= 0 && start <= file.Length - length, "its directory is damaged");
            return (start, length);
        }
        throw new InvalidDataException("it begins as a zip archive and has no directory at its end: it is not whole");
    }

    /// <summary>Sizes and places of 64 bits, for the fields that say they are there.</summary>
    private static void Wide(ReadOnlySpan<byte> extra, ref long size, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int length = U16(extra, 2);
            Require(4 + length <= extra.Length, "its directory is damaged");
            if (U16(extra, 0) == 1)
            {
                var values = extra.Slice(4, length);
                size = Next(ref values, size);
                packed = Next(ref values, packed);
                local = Next(ref values, local);
            }
            extra = extra[(4 + length)..];
        }
    }

    private static long Next(ref ReadOnlySpan<byte> values, long field)
    {
        if (field != uint.MaxValue)
            return field;
        Require(values.Length >= 8, "its directory is damaged");
        field = I64(values, 0);
        values = values[8..];
        return field;
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw new InvalidDataException(otherwise);
    }
}
