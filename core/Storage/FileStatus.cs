using System.Runtime.InteropServices;

namespace Electra.Storage;

/// <summary>What a path leads to.</summary>
internal enum FileKind
{
    /// <summary>Nothing.</summary>
    Missing,

    /// <summary>A symbolic link whose target does not exist.</summary>
    DanglingLink,

    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A pipe or a socket: what is read from it is gone.</summary>
    Pipe,

    /// <summary>A device.</summary>
    Device,

    /// <summary>Not known: a folder above may not be entered.</summary>
    Forbidden,
}

/// <summary>
/// The kind and the identity of what a path leads to. .NET tells neither: <c>File.Exists</c> is true for a dangling link and for a pipe.
/// </summary>
/// <param name="Kind">The kind, links followed.</param>
/// <param name="Identity">The same for all paths that lead to one file or folder.</param>
internal readonly unsafe partial record struct FileStatus(FileKind Kind, string Identity)
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int AccessDenied = 13; // EACCES
    private const uint TypeModeAndInode = 0x1 | 0x2 | 0x100; // STATX_TYPE, STATX_MODE, STATX_INO

    /// <summary>Looks at a path; links are followed.</summary>
    public static FileStatus Of(string path) =>
        (OperatingSystem.IsLinux() ? OfLinux(path) : null) ?? new(Portable(path), FinalTarget(path)?.FullName ?? Path.GetFullPath(path));

    /// <summary>What a path leads to, in words.</summary>
    public static string Described(string path) => Of(path).Kind switch
    {
        FileKind.Missing => "missing",
        FileKind.DanglingLink => $"a link to {new FileInfo(path).LinkTarget}, which does not exist",
        FileKind.Folder => "a folder",
        FileKind.Pipe => "a pipe",
        FileKind.Device => "a device",
        _ => "a file",
    };

    /// <summary>Null where the system has no <c>statx</c>, and where there is nothing to be seen.</summary>
    private static FileStatus? OfLinux(string path)
    {
        StatX status;
        try
        {
            if (Statx(CurrentFolder, path, 0, TypeModeAndInode, &status) != 0)
                return Marshal.GetLastPInvokeError() == AccessDenied ? new FileStatus(FileKind.Forbidden, path) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        const int TypeMask = 0xF000;
        var kind = (status.Mode & TypeMask) switch
        {
            0x8000 => FileKind.File,
            0x4000 => FileKind.Folder,
            0x1000 or 0xC000 => FileKind.Pipe,
            _ => FileKind.Device,
        };
        return new FileStatus(kind, $"{status.DeviceMajor}:{status.DeviceMinor}:{status.Inode}");
    }

    private static FileKind Portable(string path)
    {
        if (Directory.Exists(path))
            return FileKind.Folder;
        var file = new FileInfo(path);
        return file.LinkTarget is not null && FinalTarget(path) is not { Exists: true } ? FileKind.DanglingLink
            : file.Exists ? FileKind.File
            : FileKind.Missing;
    }

    private static FileSystemInfo? FinalTarget(string path)
    {
        try
        {
            return new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException)
        {
            // Links that lead in a circle.
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int folder, string path, int flags, uint mask, StatX* status);

    /// <summary>The fields that are read of Linux's <c>struct statx</c>, which is laid out alike on every processor.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatX
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
