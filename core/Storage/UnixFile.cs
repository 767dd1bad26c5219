using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace Electra.Storage;

/// <summary>Tells regular files from what else has a path: devices, named pipes, sockets, and the open files of this process.</summary>
internal static partial class UnixFile
{
    private const int TypeMask = 0xF000, Regular = 0x8000, Folder = 0x4000;

    /// <summary>Whether a path leads to something that is neither a regular file nor a folder; false where there is nothing.</summary>
    public static bool IsSpecial(string path) =>
        OperatingSystem.IsWindows() ? path.StartsWith(@"\\.\", StringComparison.Ordinal)
        : Descriptor(path) is not null || (Status(path, out var status) == 0 && (status.Mode & TypeMask) is not (Regular or Folder));

    /// <summary>Whether a path is a symbolic link to something that is not there.</summary>
    public static bool IsBrokenLink(string path) => new FileInfo(path).LinkTarget is not null && !Exists(path);

    /// <summary>Writes to something special as it is: what it already holds stays.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        using var stream = Open(path);
        write(stream);
        stream.Flush();
        // Asking for the handle sets the position of the open file to that of the stream: whoever shares the file goes on behind it.
        if (stream is FileStream { CanSeek: true } file)
            _ = file.SafeFileHandle;
    }

    private static Stream Open(string path) => Descriptor(path) switch
    {
        null => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite),
        // Opened by its path, a file that standard output was sent to would be written from its beginning.
        1 => Console.OpenStandardOutput(),
        2 => Console.OpenStandardError(),
        int open => new FileStream(new SafeFileHandle(open, ownsHandle: false), FileAccess.Write),
    };

    /// <summary>The number of the open file of this process that a path names, such as /dev/stdout or /dev/fd/63.</summary>
    public static int? Descriptor(string path)
    {
        // A link is followed by hand: what an open file leads to may be a regular file, or have no name at all.
        for (int links = 0; links < 40; links++)
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

    private static bool Exists(string path) => OperatingSystem.IsWindows()
        ? new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) is { Exists: true }
        : Status(path, out _) == 0;

    [GeneratedRegex("^(/dev|/proc/(self|thread-self|(?<id>[0-9]+)))/fd/(?<number>[0-9]+)$")]
    private static partial Regex DescriptorPath();

    // The runtime's own stat: the C library's differs in layout from system to system.
    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(string path, out FileStatus status);

    /// <summary>The beginning of what the runtime's stat fills in.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct FileStatus
    {
        public int Flags;
        public int Mode;
    }
}
