namespace Electra.Storage;

/// <summary>Opens files that the user names, and says what is wrong with those that cannot be read.</summary>
internal static class InputFile
{
    /// <summary>What .NET puts in the place of bytes of a file name that are not UTF-8: no file can be opened by such a name.</summary>
    private const char NotUtf8 = '\uFFFD';

    /// <summary>Whether a path leads to something: unlike <c>File.Exists</c>, false for a link whose target is gone.</summary>
    public static bool Exists(string path) => FileStatus.Of(path).Kind is not (FileKind.Missing or FileKind.DanglingLink);

    /// <summary>
    /// Whether something has this name, be it a folder or a link to nothing. For a file that need not be there: what has its name and
    /// is no file would be passed over, and opening it says what it is.
    /// </summary>
    public static bool IsNamed(string path) => FileStatus.Of(path).Kind != FileKind.Missing;

    /// <summary>Refuses what has the name of a file that is to be written, and is no regular file; nothing at all passes.</summary>
    /// <exception cref="UserErrorException">It is a folder, a pipe, a device or a link to nothing.</exception>
    public static void CheckIfThere(string path)
    {
        if (FileStatus.Of(path).Kind is not (FileKind.Missing or FileKind.File))
            Check(path);
    }

    /// <summary>Refuses what is not a regular file that can be read more than once, and a Git LFS pointer in its place.</summary>
    /// <exception cref="UserErrorException">The path leads nowhere, to a folder, a pipe, a device or a Git LFS pointer; the message names
    /// which.</exception>
    public static void Check(string path)
    {
        var shown = Paths.Shown(path);
        var problem = FileStatus.Of(path).Kind switch
        {
            FileKind.Missing when path.Contains(NotUtf8) => NotUtf8Name(path),
            FileKind.Missing => $"there is no file {shown}",
            FileKind.DanglingLink => $"{shown} is a link to {new FileInfo(path).LinkTarget}, which does not exist",
            FileKind.Forbidden => $"{shown} cannot be read: a folder above it may not be entered (permission is denied)",
            FileKind.Folder => $"{shown} is a folder, and a file is expected",
            FileKind.Pipe => $"{shown} is a pipe, and can be read only once. It is read several times: save it to a file first",
            FileKind.Device => $"{shown} is a device, and a file is expected",
            _ => null,
        };
        if (problem is not null)
            throw new UserErrorException(problem);
        using var file = Open(path, FileOptions.None);
        GitLfsPointer.Refuse(file, path);
    }

    /// <summary>Opens a file that was checked.</summary>
    /// <exception cref="UserErrorException">It may not be read, or the disk fails.</exception>
    public static FileStream Open(string path, FileOptions options = FileOptions.SequentialScan)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16, options);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UserErrorException(
                $"{Paths.Shown(path)} cannot be read: permission is denied. Allow it (chmod u+r, or ask its owner)",
                e
            );
        }
        catch (IOException e)
        {
            throw new UserErrorException($"{Paths.Shown(path)} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The content of a small file.</summary>
    /// <exception cref="UserErrorException">It is not a regular file, or cannot be read.</exception>
    public static byte[] ReadAllBytes(string path)
    {
        Check(path);
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Paths.Shown(path)} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>What to say of a file or folder whose name is not UTF-8.</summary>
    internal static string NotUtf8Name(string path)
    {
        var shown = Paths.Shown(path);
        return $"the name of {shown} is not UTF-8, and .NET cannot open it. Rename it: "
            + $"convmv -f latin1 -t utf8 --notest '{Path.GetDirectoryName(shown) switch { null or "" => ".", var folder => folder }}'/*";
    }
}
