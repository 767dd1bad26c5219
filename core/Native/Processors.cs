namespace Electra.Native;

/// <summary>The processors of this process.</summary>
internal static class Processors
{
    /// <summary>
    /// How many this process may use, by its affinity and its container; of several that a launcher started on the machine each has its
    /// share.
    /// </summary>
    public static int Count =>
        Launcher.Current is { LocalSize: > 1 } launcher && !IsBound("/proc", "self")
            ? Math.Max(1, Environment.ProcessorCount / launcher.LocalSize)
            : Environment.ProcessorCount;

    /// <summary>
    /// Whether the launcher has given a process processors of its own: others than the launcher itself may use. What stands between the
    /// two, as <c>dotnet script</c> does, has the launcher's variables too.
    /// </summary>
    /// <param name="proc">The folder of processes.</param>
    /// <param name="process">The process.</param>
    internal static bool IsBound(string proc, string process)
    {
        if (Status(proc, process, "Cpus_allowed_list") is not { } own)
            return false;
        var above = Status(proc, process, "PPid");
        while (above is not (null or "0") && WasLaunched(proc, above))
            above = Status(proc, above, "PPid");
        return above is not null && Status(proc, above, "Cpus_allowed_list") is { } ofLauncher && own != ofLauncher;
    }

    /// <summary>Whether a process has the variables of a launcher; of another user's, which cannot be read, not.</summary>
    private static bool WasLaunched(string proc, string process)
    {
        var variables = Read(proc, process, "environ")?.Split('\0').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2);
        try
        {
            return variables is not null
                && Launcher.Find(variables.DistinctBy(pair => pair[0]).ToDictionary(pair => pair[0], pair => pair[1]).GetValueOrDefault)
                    is not null;
        }
        catch (UserErrorException)
        {
            return false; // they are not its own
        }
    }

    private static string? Status(string proc, string process, string name) =>
        Read(proc, process, "status")
            ?.Split('\n')
            .FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal))
            ?[(name.Length + 1)..]
            .Trim();

    private static string? Read(string proc, string process, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(proc, process, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // another system, or another user's process
        }
    }
}
