namespace Electra.Storage;

/// <summary>Keeps something to one process at a time. The system gives the lock up when its process ends, however it ends.</summary>
internal static class FileLock
{
    // "Somebody else has it": ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux, and on macOS.
    private static readonly int[] Taken = [unchecked((int)0x80070020), 11, 35];
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until the lock is free and takes it; disposing gives it up. The empty file stays, as removing it could let two in.</summary>
    /// <param name="path">The file; its folder is made where it is missing.</param>
    /// <param name="waiting">What to tell while another process has it.</param>
    /// <param name="progress">Told of the seconds waited.</param>
    /// <param name="cancellation">Gives up.</param>
    public static IDisposable Wait(string path, string waiting, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        for (double seconds = 0; ; seconds += Pause.TotalSeconds)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (Taken.Contains(error.HResult))
            {
                progress?.Report(new(waiting, Math.Floor(seconds), null, "s"));
                cancellation.WaitHandle.WaitOne(Pause);
            }
        }
    }
}
