using Electra.Storage;

namespace Electra.Running;

/// <summary>Keeps a second process out of a run folder.</summary>
internal static class RunLock
{
    private static string Here => $" on {Environment.MachineName}";

    /// <summary>Takes the folder for this process; disposing gives it up.</summary>
    /// <exception cref="UserErrorException">Another process has it, there is a file in its place, or its file system does not lock
    /// files.</exception>
    public static IDisposable Take(string folder) => TryTake(folder, out var holder)
        ?? throw new UserErrorException($"{Paths.Shown(folder)} is in use by {holder}: let it end, or give this run another name or seed");

    /// <summary>Takes the folder for this process, if no other has it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="holder">Who has it, in words: "process 12".</param>
    /// <exception cref="UserErrorException">There is a file in its place, or its file system does not lock files.</exception>
    public static IDisposable? TryTake(string folder, out string holder)
    {
        AtomicFolder.Check(folder);
        // On Windows a locked file cannot be read: who holds the lock stands beside it.
        var named = Path.Combine(folder, ".lock.process");
        var taken = FileLock.TryTake(Path.Combine(folder, ".lock"));
        holder = "";
        if (taken is null)
            holder = File.Exists(named) ? $"process {File.ReadAllText(named).Replace(Here, "")}" : "another process";
        else
            AtomicFile.WriteAllText(named, $"{Environment.ProcessId}{Here}");
        return taken;
    }
}
