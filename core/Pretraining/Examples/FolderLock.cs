namespace Electra.Pretraining.Examples;

/// <summary>Keeps a folder to one process at a time. The system gives the lock up when its process ends, however it ends.</summary>
internal static class FolderLock
{
    private const string FileName = "lock";

    // "Somebody else has it": ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux, and on macOS.
    private static readonly int[] Taken = [unchecked((int)0x80070020), 11, 35];

    /// <summary>Waits until the folder is free and takes it; disposing gives it up. The empty file stays, as removing it could let two in.</summary>
    public static IDisposable Wait(string folder, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        for (int seconds = 0; ; seconds++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (Taken.Contains(error.HResult))
            {
                progress?.Report(new($"waiting for another process that is working in {folder}", seconds, null, "s"));
                cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            }
        }
    }
}
