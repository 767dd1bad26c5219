using System.Reflection.Metadata;
using System.Security.Cryptography;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>
/// Scripts load the library that was built in Release. A build in Debug, or none, leaves it as it was, and an edit without effect.
/// </summary>
internal static class StaleLibrary
{
    private const int ShownFiles = 3;

    /// <summary>What to tell the user where the sources have changed since the library was built; null where they have not.</summary>
    public static string? Warning() =>
        LibraryFolders.All.Select(folder => Path.Combine(folder, "Electra.Core.dll")).FirstOrDefault(File.Exists) is { } library
            ? Warning(library, Path.Combine(Paths.Root, "core"))
            : null;

    /// <param name="library">The library, with its symbols beside it.</param>
    /// <param name="sources">The folder with its sources.</param>
    internal static string? Warning(string library, string sources)
    {
        var symbols = Path.ChangeExtension(library, ".pdb");
        // A library from elsewhere, as a script may load, has other sources.
        if (!library.StartsWith(sources + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(symbols))
            return null;
        try
        {
            var built = File.GetLastWriteTimeUtc(library);
            string[] newer = [.. Sources(sources).Where(file => File.GetLastWriteTimeUtc(file) > built)];
            // Times alone say little: a copy or another branch and back makes files newer that are the same.
            var hashes = newer.Length == 0 ? [] : Hashes(symbols);
            string[] changed = [.. newer.Where(file => !hashes.Contains(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))))];
            return changed.Length == 0 ? null
                : string.Join(", ", changed.Take(ShownFiles).Select(Paths.Shown))
                    + (changed.Length > ShownFiles ? $" and {changed.Length - ShownFiles} more" : "")
                    + $" changed after {Paths.Shown(library)} was built, and this runs without the change. Build again: "
                    + $"dotnet build -c {Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(library)))}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadImageFormatException or UserErrorException)
        {
            // The library may just be being built.
            return null;
        }
    }

    private static IEnumerable<string> Sources(string folder) =>
        FolderFiles
            .FoldersIn(folder)
            .Where(inner => Path.GetFileName(inner) is not ("bin" or "obj"))
            .SelectMany(inner => FolderFiles.Under(inner))
            .Concat(FolderFiles.In(folder))
            .Where(file => Path.GetExtension(file) == ".cs");

    /// <summary>The hashes of the sources that the compiler read: the symbols name them for debuggers.</summary>
    private static HashSet<string> Hashes(string symbols)
    {
        using var provider = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(symbols));
        var reader = provider.GetMetadataReader();
        return [.. reader.Documents.Select(document => Convert.ToHexString(reader.GetBlobBytes(reader.GetDocument(document).Hash)))];
    }
}
