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
        catch (IOException e) when (e.GetType() == typeof(IOException) && !DiskFull.Is(e))
        {
            var who = File.Exists(holder) ? $"process {File.ReadAllText(holder)}" : "another process";
            throw new UserErrorException($"{ProjectPath.Shown(folder)} is in use by {who}: let it end, or give this run another name or seed", e);
        }
    }

    public void Dispose() => file.Dispose();
}
