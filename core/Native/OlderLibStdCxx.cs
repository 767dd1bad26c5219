using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Text;

namespace Electra.Native;

/// <summary>
/// Lets TorchSharp's native half load on systems whose libstdc++ is older than GCC 13 (Debian 12, Ubuntu 22.04, RHEL 9).
/// </summary>
/// <remarks>
/// libLibTorchSharp.so asks for one symbol of GLIBCXX_3.4.32, <c>std::ios_base_library_init()</c>, which only makes sure that the
/// standard streams exist. <c>std::ios_base::Init::Init()</c>, there since GLIBCXX_3.4, does the same. A copy of the file is
/// written in which the import has that name and version, and the need for 3.4.32 is weak. The original is never touched: it may
/// be a hard link into the package store.
/// </remarks>
internal static class OlderLibStdCxx
{
    private const string TooNew = "GLIBCXX_3.4.32", Oldest = "GLIBCXX_3.4";
    private const string NewSymbol = "_ZSt21ios_base_library_initv";

    /// <summary>
    /// Loads the mended copy. It is written into a new folder that nobody else can enter, and removed once it is loaded: a copy that is
    /// kept where others can write would be trusted to be what was written.
    /// </summary>
    /// <param name="file">The library.</param>
    /// <param name="load">Loads a file; null where it cannot.</param>
    /// <returns>What <paramref name="load"/> returns; null when the file does not have exactly this one trouble.</returns>
    [UnsupportedOSPlatform("windows")]
    public static nint? LoadMended(string file, Func<string, nint?> load)
    {
        byte[] image = File.ReadAllBytes(file);
        if (!Patch(image))
            return null;
        // Where temporary files cannot be executed, the library's own folder will do.
        foreach (var place in new[] { Path.GetTempPath(), Path.GetDirectoryName(file)! })
        {
            var folder = Path.Combine(place, $"electra-{Guid.NewGuid():N}");
            try
            {
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                var copy = Path.Combine(folder, Path.GetFileName(file));
                File.WriteAllBytes(copy, image);
                if (load(copy) is { } handle)
                    return handle;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
            }
            finally
            {
                if (Directory.Exists(folder))
                    Directory.Delete(folder, recursive: true);
            }
        }
        return null;
    }

    /// <summary>Rewrites the ELF image in place.</summary>
    /// <returns>False, with the image unchanged, when it is not a 64-bit little-endian ELF file that lacks exactly that symbol.</returns>
    private static bool Patch(Span<byte> image)
    {
        if (image.Length < 64 || !image[..6].SequenceEqual("\u007fELF\u0002\u0001"u8))
            return false;

        // Elf64_Shdr: type at 4, offset at 24, size at 32, link at 40. The types are SHT_DYNSYM and GNU's version sections.
        int symbolsHeader = SectionOfType(image, 11),
            versionsHeader = SectionOfType(image, 0x6fffffff),
            needsHeader = SectionOfType(image, 0x6ffffffe);
        if (symbolsHeader < 0 || versionsHeader < 0 || needsHeader < 0)
            return false;
        int strings = (int)U64(image, SectionHeader(image, (int)U32(image, symbolsHeader + 40)) + 24);
        int symbols = (int)U64(image, symbolsHeader + 24), count = (int)U64(image, symbolsHeader + 32) / 24;
        int versions = (int)U64(image, versionsHeader + 24);

        // Elf64_Verneed: aux count at 2, file at 4, first aux at 8, next at 12. Elf64_Vernaux: flags at 4, index at 6, name at 8, next
        // at 12.
        int tooNewAt = -1, tooNewIndex = -1, oldestIndex = -1;
        for (int need = (int)U64(image, needsHeader + 24), step = 1; step != 0; need += step)
        {
            step = (int)U32(image, need + 12);
            if (!NameIs(image, strings + (int)U32(image, need + 4), "libstdc++.so.6"))
                continue;
            int aux = need + (int)U32(image, need + 8);
            for (int left = U16(image, need + 2); left > 0; left--, aux += (int)U32(image, aux + 12))
            {
                int name = strings + (int)U32(image, aux + 8);
                if (NameIs(image, name, Oldest))
                    oldestIndex = U16(image, aux + 6);
                else if (NameIs(image, name, TooNew))
                    (tooNewAt, tooNewIndex) = (aux, U16(image, aux + 6));
            }
        }
        if (tooNewAt < 0 || oldestIndex < 0)
            return false;

        var users = new List<int>();
        for (int i = 0; i < count; i++)
            if (U16(image, versions + 2 * i) == tooNewIndex)
            {
                if (!NameIs(image, strings + (int)U32(image, symbols + 24 * i), NewSymbol))
                    return false;
                users.Add(i);
            }

        foreach (int i in users)
        {
            "_ZNSt8ios_base4InitC1Ev\0"u8.CopyTo(image[(strings + (int)U32(image, symbols + 24 * i))..]);
            BinaryPrimitives.WriteUInt16LittleEndian(image[(versions + 2 * i)..], (ushort)oldestIndex);
        }
        const ushort Weak = 2; // VER_FLG_WEAK: a version that is missing is not an error
        BinaryPrimitives.WriteUInt16LittleEndian(image[(tooNewAt + 4)..], Weak);
        return true;
    }

    private static int SectionHeader(ReadOnlySpan<byte> image, int index) => (int)U64(image, 0x28) + index * U16(image, 0x3a);

    private static int SectionOfType(ReadOnlySpan<byte> image, uint type)
    {
        for (int i = 0; i < U16(image, 0x3c); i++)
            if (SectionHeader(image, i) is var header && U32(image, header + 4) == type)
                return header;
        return -1;
    }

    private static bool NameIs(ReadOnlySpan<byte> image, int at, string name)
    {
        Span<byte> bytes = stackalloc byte[64];
        int n = Encoding.ASCII.GetBytes(name, bytes);
        bytes[n++] = 0;
        return image[at..].StartsWith(bytes[..n]);
    }

    private static ushort U16(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);
    private static uint U32(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);
    private static long U64(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadInt64LittleEndian(image[at..]);
}
