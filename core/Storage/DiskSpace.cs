

namespace Electra.Storage;

/// <summary>Says so when a disk is full.</summary>
internal static class DiskSpace
{
    /// <summary>Does what writes to a folder.</summary>
    /// <exception cref="UserErrorException">The disk, or the user's share of it, is full.</exception>
    public static void Guard(string folder, Action write)
    {
        try
        {
            write();
        }
        catch (IOException error) when (DiskFull.Is(error))
        {
            double free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace / 1e6;
            throw new UserErrorException(
                $"The disk of {folder} is full: {free:f0} MB free. Make room and start again: what is done is kept.",
                error
            );
        }
    }
}
