using System.Text.RegularExpressions;
using Electra.Native;
using Microsoft.Win32.SafeHandles;

namespace Electra.Storage;

/// <summary>What has a path and is not a regular file: devices, named pipes, sockets, and the open files of this process.</summary>
internal static partial class SpecialFile
{
    /// <summary>More links than any system follows.</summary>
    private const int MostLinks = 40;

    /// <summary>Whether a path leads to something that is neither a regular file nor a folder; false where there is nothing.</summary>
    public static bool Is(string path) =>
        OperatingSystem.IsWindows() ? path.StartsWith(@"\\.\", StringComparison.Ordinal)
        : Descriptor(path) is not null || FileStatus.Of(path).Kind is FileKind.Pipe or FileKind.Device
            || (OperatingSystem.IsMacOS() && path.StartsWith("/dev/", StringComparison.Ordinal));

    /// <summary>Whether a path is this process's standard output, under whatever name.</summary>
    public static bool IsStandardOutput(string path) => Descriptor(path) == 1;

    /// <summary>
    /// Refuses a named pipe, whose opening waits for a writer that may never come. What a shell hands over, &lt;(…) and /dev/stdin,
    /// has one.
    /// </summary>
    /// <param name="path">What is to be read, once.</param>
    /// <param name="what">What it is to be: "a configuration".</param>
    /// <exception cref="UserErrorException">It is a named pipe.</exception>
    public static void RefuseNamedPipe(string path, string what)
    {
        if (FileStatus.Of(path).Kind == FileKind.Pipe && Descriptor(path) is null)
            throw new UserErrorException($"{Paths.Shown(path)} is a named pipe: {what} is a file, /dev/stdin or <(…)");
    }

    /// <summary>Opens it for reading, once.</summary>
    public static Stream OpenRead(string path) => Descriptor(path) == 0 ? StandardStreams.Input()
        : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

    /// <summary>Writes to it as it is: what it already holds stays.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        using var stream = OpenWrite(path);
        write(stream);
        stream.Flush();
        // Asking for the handle sets the position of the open file to that of the stream: whoever shares the file goes on behind it.
        if (stream is FileStream { CanSeek: true } file)
            _ = file.SafeFileHandle;
    }

    /// <summary>The number of the open file of this process that a path names, such as /dev/stdout or /dev/fd/63.</summary>
    internal static int? Descriptor(string path)
    {
        // Links are followed by hand: what an open file leads to may be a regular file, or have no name at all.
        for (int links = 0; links < MostLinks; links++)
        {
            var match = DescriptorPath().Match(path);
            if (match.Success && (match.Groups["id"].Value == "" || match.Groups["id"].Value == $"{Environment.ProcessId}")
                && int.TryParse(match.Groups["number"].Value, out int number))
                return number;
            if (new FileInfo(path).LinkTarget is not { } target)
                return null;
            path = Path.GetFullPath(target, Path.GetDirectoryName(path) ?? "/");
        }
        return null;
    }

    private static Stream OpenWrite(string path) => Descriptor(path) switch
    {
        null => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite),
        // Opened by its path, a file that standard output was sent to would be written from its beginning.
        1 => StandardStreams.Output(),
        2 => Console.OpenStandardError(),
        int open => new FileStream(new SafeFileHandle(open, ownsHandle: false), FileAccess.Write),
    };

    [GeneratedRegex("^(/dev|/proc/(self|thread-self|(?<id>[0-9]+)))/fd/(?<number>[0-9]+)$")]
    private static partial Regex DescriptorPath();
}
