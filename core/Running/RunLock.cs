using System.Globalization;
using Electra.Storage;

namespace Electra.Running;

/// <summary>Keeps a second process out of a run folder. The system lets go of the lock when the process ends, however it ends.</summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

    /// <summary>Takes the folder for this process.</summary>
    /// <exception cref="UserErrorException">Another process has it.</exception>
    public static RunLock Take(string folder) => TryTake(folder, out var holder)
        ?? throw new UserErrorException($"{ProjectPath.Shown(folder)} is in use by {holder}: let it end, or give this run another name or seed");

    /// <summary>Takes the folder for this process, if no other has it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="holder">Who has it, in words: "process 12".</param>
    public static RunLock? TryTake(string folder, out string holder)
    {
        holder = "";
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, ".lock");
        // A locked file cannot be read: who holds the lock stands beside it.
        var named = Path.Combine(folder, ".lock.process");
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            AtomicFile.WriteAllText(named, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new RunLock(file);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && !DiskFull.Is(e))
        {
            holder = File.Exists(named) ? $"process {File.ReadAllText(named)}" : "another process";
            return null;
        }
    }

    public void Dispose() => file.Dispose();
}
