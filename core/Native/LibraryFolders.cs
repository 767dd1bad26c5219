using System.Reflection;
using System.Runtime.CompilerServices;

namespace Electra.Native;

/// <summary>
/// The folders in which the files of this library may lie, libtorch and documentation among them. Script hosts load the library from
/// memory or from a cache of their own, and a checkout may have been copied or moved since it was built.
/// </summary>
public static class LibraryFolders
{
    private static readonly string? Built =
        typeof(LibraryFolders).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "ElectraHome")?.Value;

    /// <summary>
    /// The folders that exist, best first: that of the electra.csx which the script loads, that of the assembly, and the one that the
    /// build wrote it to.
    /// </summary>
    internal static IReadOnlyList<string> All { get; private set; } = Existing(null);

    /// <summary>Makes the folder of the calling file the first. The generated electra.csx calls this before anything is looked
    /// for.</summary>
    /// <param name="file">The calling file, filled in by the compiler.</param>
    public static void UseThisOne([CallerFilePath] string file = "") => All = Existing(Path.GetDirectoryName(file));

    private static string[] Existing(string? first) =>
        [.. new[] { first, Path.GetDirectoryName(typeof(LibraryFolders).Assembly.Location), Built }
            .Where(Directory.Exists).Select(folder => Path.GetFullPath(folder!)).Distinct()];
}
