namespace Electra.Native;

/// <summary>The processors of this process.</summary>
internal static class Processors
{
    /// <summary>
    /// How many this process may use, by its affinity and its container; of several that a launcher started on the machine each has its
    /// share.
    /// </summary>
    public static int Count =>
        Launcher.Current is { LocalSize: > 1 } launcher && !IsBound
            ? Math.Max(1, Environment.ProcessorCount / launcher.LocalSize)
            : Environment.ProcessorCount;

    /// <summary>Whether the launcher has given this process processors of its own: others than the launcher itself may use.</summary>
    private static bool IsBound =>
        Status("self", "Cpus_allowed_list") is { } own
        && Status("self", "PPid") is { } parent
        && Status(parent, "Cpus_allowed_list") is { } ofParent
        && own != ofParent;

    private static string? Status(string process, string name)
    {
        try
        {
            var lines = File.ReadLines($"/proc/{process}/status");
            return lines.FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal))?[(name.Length + 1)..].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // another system, or another user's process
        }
    }
}
