namespace Electra.Storage;

/// <summary>Tells a full disk from other failures to write.</summary>
internal static class DiskFull
{
    // ENOSPC and EDQUOT of errno.h: .NET keeps the system's number where it has no name of its own for it.
    private const int NoSpaceLeft = 28;
    private const int QuotaExceededOnLinux = 122;
    private const int QuotaExceededOnMac = 69;

    // ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL of winerror.h.
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether the disk, or the user's share of it, is full.</summary>
    public static bool Is(IOException e) =>
        e.HResult is WindowsDiskFull or WindowsHandleDiskFull
        || (OperatingSystem.IsLinux() && e.HResult is NoSpaceLeft or QuotaExceededOnLinux)
        || (OperatingSystem.IsMacOS() && e.HResult is NoSpaceLeft or QuotaExceededOnMac);
}
