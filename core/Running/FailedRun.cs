using System.Diagnostics;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>
/// Says in a run's folder that it has failed: none of the processes that were started together to share the runs tries it again. The
/// same command, given once more, does.
/// </summary>
/// <param name="Why">Why it failed.</param>
/// <param name="Job">What names those processes (<see cref="Launcher.JobOf"/>); null: nothing does.</param>
/// <param name="At">When it failed.</param>
internal sealed record FailedRun(string Why, string? Job, DateTime At)
{
    private const string FileName = ".failed";

    private static readonly string? OwnJob = Launcher.JobOf(Environment.GetEnvironmentVariable);

    /// <summary>Leaves word of a failure.</summary>
    public static void Leave(string folder, string why)
    {
        try
        {
            SealedJson.Write(Path.Combine(folder, FileName), new FailedRun(why, OwnJob, DateTime.UtcNow));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The disk may be why it failed: that is what is to be told.
        }
    }

    /// <summary>Forgets an earlier failure: the run is tried again.</summary>
    public static void Forget(string folder) => File.Delete(Path.Combine(folder, FileName));

    /// <summary>Why a run failed in one of the processes that were started together with this one; null: it did not.</summary>
    public static string? In(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
            return null;
        try
        {
            var failed = SealedJson.Read<FailedRun>(file);
            return failed.IsOf(OwnJob, Process.GetCurrentProcess().StartTime.ToUniversalTime()) ? failed.Why : null;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Whether it failed in a job; where jobs have no names, since this process began.</summary>
    internal bool IsOf(string? job, DateTime began) => job is null ? At >= began : Job == job;
}
