using System.Globalization;
using Electra.Files;

namespace Electra.Experiments;

/// <summary>Keeps a second process out of a run folder. The system lets go of the lock when the process ends, however it ends.</summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

    /// <summary>Takes the folder for this process.</summary>
    /// <exception cref="UserErrorException">Another process has it.</exception>
    public static RunLock Take(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, ".lock");
        // A locked file cannot be read: who holds the lock stands beside it.
        var holder = Path.Combine(folder, ".lock.process");
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            AtomicFile.WriteAllText(holder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new RunLock(file);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(holder) && !DiskFull.Is(e))
        {
            throw new UserErrorException(
                $"{ProjectPath.Shown(folder)} is in use by process {File.ReadAllText(holder)}: let it end, or give this run another name or seed", e);
        }
    }

    public void Dispose() => file.Dispose();
}

internal static class DiskFull
{
    private const int NoSpaceLeft = 28;             // ENOSPC of Linux and macOS
    private const int QuotaExceededLinux = 122;     // EDQUOT
    private const int QuotaExceededMac = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    public static bool Is(IOException e) =>
        e.HResult is WindowsDiskFull or WindowsHandleDiskFull
        || (OperatingSystem.IsLinux() && e.HResult is NoSpaceLeft or QuotaExceededLinux)
        || (OperatingSystem.IsMacOS() && e.HResult is NoSpaceLeft or QuotaExceededMac);
}
