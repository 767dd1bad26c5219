using System.Runtime.InteropServices;
using Electra.Native;
using Microsoft.Win32.SafeHandles;

namespace Electra.Storage;

/// <summary>Keeps something to one process at a time. The system gives the lock up when its process ends, however it ends.</summary>
/// <remarks>
/// .NET opens a file as if it were locked where the file system refuses to lock it (Lustre without <c>flock</c>, NFS whose lock
/// service is down, some FUSE systems). So each lock is asked for again, and tried with a second handle, which must not get it.
/// </remarks>
internal sealed unsafe class FileLock : IDisposable
{
    /// <summary>Takes the place of the system's <c>flock</c> in the calls that follow: returns 0 or the number of an error.</summary>
    internal static readonly AsyncLocal<Func<int>?> Substitute = new();

    private const int Exclusive = 2, WithoutWaiting = 4, Interrupted = 4; // LOCK_EX, LOCK_NB, EINTR

    // "Somebody else has it": ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux, and on macOS.
    private static readonly int[] Taken = [unchecked((int)0x80070020), 11, 35];
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly delegate* unmanaged<int, int, int> Flock =
        !OperatingSystem.IsWindows() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "flock", out var function)
            ? (delegate* unmanaged<int, int, int>)function : null;

    private readonly FileStream file;

    private FileLock(FileStream file) => this.file = file;

    /// <summary>
    /// Takes the lock; null where another process has it. Disposing gives it up. The empty file stays, as removing it could let two in.
    /// </summary>
    /// <param name="path">The file; its folder is made where it is missing.</param>
    /// <exception cref="UserErrorException">The file system does not lock files.</exception>
    public static FileLock? TryTake(string path)
    {
        path = Path.GetFullPath(path);
        InputFile.CheckIfThere(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (Open(path) is not { } file)
            return null;
        try
        {
            using var second = Open(path);
            if (second is not null && !IsOptional)
                throw Refusal(path, "it gave one lock twice");
            return new FileLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the lock is free and takes it.</summary>
    /// <param name="path">As for <see cref="TryTake"/>.</param>
    /// <param name="waiting">What to tell while another process has it.</param>
    /// <param name="progress">Told of the seconds waited.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="UserErrorException">The file system does not lock files.</exception>
    public static IDisposable Wait(string path, string waiting, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        for (double seconds = 0; ; seconds += Pause.TotalSeconds)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryTake(path) is { } taken)
                return taken;
            progress?.Report(new(waiting, Math.Floor(seconds), null, "s"));
            cancellation.WaitHandle.WaitOne(Pause);
        }
    }

    public void Dispose() => file.Dispose();

    private static bool IsOptional => EnvironmentSwitch.IsSet(EnvironmentSwitch.OptionalLocks);

    /// <summary>The file, locked; null where somebody else has the lock.</summary>
    private static FileStream? Open(string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (Taken.Contains(error.HResult))
        {
            return null;
        }
        var failure = Lock(file.SafeFileHandle);
        if (failure == 0 || (IsOptional && !Taken.Contains(failure)))
            return file;
        file.Dispose();
        return Taken.Contains(failure) ? null : throw Refusal(path, Marshal.GetPInvokeErrorMessage(failure));
    }

    /// <summary>Asks the system for the lock. On Windows it is part of opening the file.</summary>
    private static int Lock(SafeFileHandle handle)
    {
        if (Substitute.Value is { } substitute)
            return substitute();
        if (Flock is null)
            return 0;
        while (Flock((int)handle.DangerousGetHandle(), Exclusive | WithoutWaiting) != 0)
            if (Marshal.GetLastSystemError() is not Interrupted and var failure)
                return failure;
        return 0;
    }

    private static UserErrorException Refusal(string path, string reason) =>
        new(
            $"{Path.GetDirectoryName(path)} is on a file system ({new DriveInfo(path).DriveFormat}) that does not lock files ({reason}): "
                + $"a second process could write there at the same time. Use a folder on another disk; "
                + $"or set {EnvironmentSwitch.OptionalLocks.Variable}=optional, and start only one process at a time there."
        );
}
