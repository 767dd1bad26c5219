
namespace Electra.Storage;

/// <summary>
/// Writes a folder of files that belong together (a checkpoint, a store of examples) so that it is there whole or not at all.
/// </summary>
internal static class AtomicFolder
{
    /// <summary>
    /// Fills a temporary folder beside <paramref name="path"/>, and gives it that name; an older folder of the name is replaced.
    /// </summary>
    /// <param name="path">The folder. A symbolic link is followed, not replaced.</param>
    /// <param name="fill">Writes the files into the folder it is handed. When it throws, an older folder stays as it was.</param>
    /// <exception cref="UserErrorException">There is a file in its place.</exception>
    /// <exception cref="IOException">The disk is full, or cannot be written to.</exception>
    public static void Write(string path, Action<string> fill)
    {
        path = Real(path);
        Check(path);
        Recover(path);
        var partial = TemporaryName.Beside(path);
        try
        {
            Directory.CreateDirectory(partial);
            fill(partial);
            FlushToDisk(partial);
            Replace(path, partial);
        }
        catch
        {
            if (Directory.Exists(partial))
                Directory.Delete(partial, recursive: true);
            throw;
        }
    }

    /// <summary>Refuses what stands in the place of a folder that is to be written: better before long work than after it.</summary>
    /// <exception cref="UserErrorException">There is something that is no folder.</exception>
    public static void Check(string path)
    {
        path = Real(path);
        if (FileStatus.Of(path).Kind is not (FileKind.Missing or FileKind.Folder or FileKind.Forbidden))
            throw new UserErrorException($"{Paths.Shown(path)} is {FileStatus.Described(path)}: a folder is to be written there");
    }

    /// <summary>
    /// Puts things right after a process that died while it replaced <paramref name="path"/>: an older folder that had been moved
    /// aside comes back if nothing took its place. Call it before reading a folder that <see cref="Write"/> wrote.
    /// </summary>
    public static void Recover(string path)
    {
        path = Real(path);
        var older = Older(path);
        if (!Directory.Exists(older))
            return;
        if (Directory.Exists(path))
            Directory.Delete(older, recursive: true);
        else
            Directory.Move(older, path);
    }

    /// <summary>No file system renames a folder over one that has files: the older one steps aside for a moment.</summary>
    private static void Replace(string path, string partial)
    {
        var older = Older(path);
        if (Directory.Exists(path))
            Directory.Move(path, older);
        try
        {
            Directory.Move(partial, path);
        }
        finally
        {
            Recover(path);
        }
    }

    private static string Real(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return new DirectoryInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path;
    }

    private static string Older(string path) => Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.replaced");

    private static void FlushToDisk(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
    }
}
