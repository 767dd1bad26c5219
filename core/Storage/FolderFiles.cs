namespace Electra.Storage;

/// <summary>
/// The files below a folder. Folders that are links are entered, each folder is read once (links may lead in circles), and a folder
/// that cannot be read is an error instead of text that is missing.
/// </summary>
internal static class FolderFiles
{
    /// <summary>The full paths of all files, those of a folder by name before those of the folders in it.</summary>
    /// <param name="folder">Where to begin; it must exist.</param>
    /// <param name="hidden">Whether files and folders count whose name begins with a dot.</param>
    /// <param name="depth">Folders below the first to go into, one in the other.</param>
    /// <exception cref="UserErrorException">A folder cannot be read, or its name is not UTF-8.</exception>
    public static IEnumerable<string> Under(string folder, bool hidden = false, int depth = int.MaxValue)
    {
        var seen = new HashSet<string>();
        var waiting = new Stack<(string Folder, int Depth)>([(Path.GetFullPath(folder), 0)]);
        while (waiting.TryPop(out var next))
        {
            var (current, level) = next;
            if (!seen.Add(FileStatus.Of(current).Identity))
                continue;
            var entries = Entries(current)
                .Where(entry => hidden || !entry.Name.StartsWith('.'))
                .OrderBy(entry => entry.Name, StringComparer.Ordinal)
                .ToList();
            foreach (var file in entries.Where(entry => entry is not DirectoryInfo))
                yield return file.FullName;
            if (level == depth)
                continue;
            // Links last: a folder is known by its own path where it has one.
            foreach (
                var inner in entries
                    .OfType<DirectoryInfo>()
                    .OrderBy(inner => inner.LinkTarget is null)
                    .ThenByDescending(inner => inner.Name, StringComparer.Ordinal)
            )
                waiting.Push((inner.FullName, level + 1));
        }
    }

    /// <summary>The full paths of the files in a folder itself, by name; those that begin with a dot too.</summary>
    /// <exception cref="UserErrorException">The folder cannot be read, or its name is not UTF-8.</exception>
    public static IEnumerable<string> In(string folder) => Under(folder, hidden: true, depth: 0);

    /// <summary>The full paths of the folders in a folder, by name; those that begin with a dot too.</summary>
    /// <exception cref="UserErrorException">The folder cannot be read, or its name is not UTF-8.</exception>
    public static IEnumerable<string> FoldersIn(string folder) =>
        Entries(folder).OfType<DirectoryInfo>().Select(inner => inner.FullName).Order(StringComparer.Ordinal);

    private static FileSystemInfo[] Entries(string folder)
    {
        try
        {
            return new DirectoryInfo(folder).GetFileSystemInfos(
                "*",
                new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }
            );
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UserErrorException(
                $"the folder {Paths.Shown(folder)} cannot be read: permission is denied. Allow it (chmod u+rx), or name the files",
                e
            );
        }
        catch (IOException e)
        {
            throw new UserErrorException(
                InputFile.Exists(folder) ? $"the folder {Paths.Shown(folder)} cannot be read: {e.Message}" : InputFile.NotUtf8Name(folder),
                e
            );
        }
    }
}
