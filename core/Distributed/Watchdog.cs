using Electra.Native;

namespace Electra.Distributed;

/// <summary>Ends a process that has waited too long for the others: one of them hangs, and the launcher sees no end of it.</summary>
internal sealed class Watchdog : IDisposable
{
    private readonly TimeSpan patience;
    private readonly Action<string> bark;
    private readonly TimeProvider clock;
    private readonly Timer timer;
    private string call = "";
    private long since;

    /// <param name="patience">How long a call may take.</param>
    /// <param name="who">This process, in words.</param>
    /// <param name="bark">Told of a call that takes longer; by default it is said, and the process ends.</param>
    /// <param name="clock">Tells the time.</param>
    public Watchdog(TimeSpan patience, string who, Action<string>? bark = null, TimeProvider? clock = null)
    {
        (this.patience, this.bark, this.clock) = (patience, bark ?? End, clock ?? TimeProvider.System);
        var pause = TimeSpan.FromSeconds(Math.Clamp(patience.TotalSeconds / 10, 0.05, 5));
        timer = new Timer(_ => Look(who), null, pause, pause);
    }

    /// <summary>The watchdog of a rank.</summary>
    public static Watchdog Of(int rank, int worldSize, TimeSpan patience) =>
        new(patience, $"rank {rank} of {worldSize} on {Environment.MachineName}");

    /// <summary>Watches a call until the result is disposed of.</summary>
    public Watched During(string name)
    {
        call = name;
        Volatile.Write(ref since, clock.GetTimestamp());
        return new Watched(this);
    }

    /// <inheritdoc/>
    public void Dispose() => timer.Dispose();

    private void Look(string who)
    {
        long began = Volatile.Read(ref since);
        if (began == 0 || clock.GetElapsedTime(began) < patience)
            return;
        Volatile.Write(ref since, 0);
        bark(
            $"error: {who} has waited {Spoken(patience)} for the others ({call}): one of them hangs or cannot be reached. The same "
                + "command resumes from the newest state; compute.timeout_minutes is how long a rank waits"
        );
    }

    private static string Spoken(TimeSpan time) =>
        time.TotalMinutes >= 2 ? $"{time.TotalMinutes:0} minutes" : $"{time.TotalSeconds:0} seconds";

    // MPI_Abort is no way out: the main thread is inside MPI. The launcher ends the others when this process ends with an error.
    private static void End(string message)
    {
        Console.Error.WriteLine(message);
        ImmediateExit.With(1);
    }

    /// <summary>A call that is watched.</summary>
    internal readonly struct Watched(Watchdog owner) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref owner.since, 0);
    }
}
