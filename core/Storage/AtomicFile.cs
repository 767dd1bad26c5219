using System.Text;

namespace Electra.Storage;

/// <summary>
/// Writes a file so that whoever opens it finds the old content or the new, never a part: into a temporary file beside it, to the
/// disk, and only then under its name. What is not a regular file (a device, a named pipe, /dev/stdout) cannot be replaced:
/// it is written to.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Wraps the stream that a file is written through, in the calls that follow: tests let writes fail.</summary>
    internal static readonly AsyncLocal<Func<Stream, Stream>?> Through = new();

    /// <summary>Writes a file through a stream.</summary>
    /// <param name="path">The file; its folder is made where it is missing. A symbolic link is followed, not replaced.</param>
    /// <param name="write">Writes the content. When it throws, the file stays as it was.</param>
    /// <exception cref="UserErrorException">There is a folder in its place.</exception>
    /// <exception cref="IOException">The disk is full, or cannot be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path))
            throw new UserErrorException($"{Paths.Shown(path)} is a folder: the name of a file is expected");
        if (SpecialFile.Is(path))
        {
            SpecialFile.Write(path, write);
            return;
        }
        if (new FileInfo(path) is { LinkTarget: not null } link)
            path = link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var partial = TemporaryName.Beside(path);
        try
        {
            using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
            {
                write(Through.Value?.Invoke(stream) ?? stream);
                stream.Flush(flushToDisk: true);
            }
            if (!OperatingSystem.IsWindows() && File.Exists(path))
                File.SetUnixFileMode(partial, File.GetUnixFileMode(path));
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Writes a file of UTF-8 text, without a byte-order mark.</summary>
    public static void WriteAllText(string path, string text) => WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));
}

internal static class TemporaryName
{
    private const string Suffix = ".partial";

    /// <summary>A hidden name in the same folder, and so on the same disk, which no other thread or process chooses.</summary>
    public static string Beside(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}{Suffix}");

    /// <summary>
    /// Removes what a process left that was killed while it wrote. Only for whom the names are alone: what another process writes would go
    /// too.
    /// </summary>
    /// <param name="folder">The folder; it may be missing.</param>
    /// <param name="prefix">What the names of the files and folders that were written begin with.</param>
    public static void RemoveLeft(string folder, string prefix = "")
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var left in new DirectoryInfo(folder).GetFileSystemInfos($".{prefix}*{Suffix}"))
            if (left is DirectoryInfo partial)
                partial.Delete(recursive: true);
            else
                left.Delete();
    }
}
