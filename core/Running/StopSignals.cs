using System.Runtime.InteropServices;
using Electra.Distributed;
using Electra.Native;

namespace Electra.Running;

/// <summary>
/// Requests to end: the first asks the run to stop after saving. What follows within seconds is the same request, because timeout(1)
/// and other launchers signal a process and then its group; a later signal ends the process at once.
/// </summary>
/// <remarks>
/// SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is closed) give 128 + the signal's number, as a shell expects. SIGUSR1, SIGUSR2
/// and SIGXCPU, which schedulers send before a job's time is up, give <see cref="Experiment.RunAgain"/>. So does the end of a
/// <c>dotnet script</c> that this process was started by.
/// </remarks>
internal sealed class StopSignals : IDisposable
{
    /// <summary>The time after the first signal in which others are the same request.</summary>
    internal static readonly TimeSpan SameRequest = TimeSpan.FromSeconds(5);

    // .NET has no names for these: their numbers, where the system has them.
    internal static readonly PosixSignal? User1 = Number(linux: 10, macOS: 30),
        User2 = Number(linux: 12, macOS: 31),
        CpuLimit = Number(linux: 24, macOS: 24);

    private readonly CancellationTokenSource source = new();
    private readonly Action<string> tell;
    private readonly Action<int> exit;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly PosixSignalRegistration[] registrations;
    private readonly IDisposable? launcher;
    private long firstAt;
    private int exitCode;

    public StopSignals(Action<string> tell, Action<int>? exit = null, TimeProvider? time = null)
    {
        this.tell = tell;
        this.exit = exit ?? ImmediateExit.With;
        this.time = time ?? TimeProvider.System;
        // nohup(1) has SIGHUP ignored, and that is to stay so.
        PosixSignal?[] all =
        [
            PosixSignal.SIGINT,
            PosixSignal.SIGTERM,
            SignalMask.IsHangupIgnored ? null : PosixSignal.SIGHUP,
            User1,
            User2,
            CpuLimit,
        ];
        registrations =
        [
            .. all.OfType<PosixSignal>()
                .Select(signal =>
                    PosixSignalRegistration.Create(
                        signal,
                        context =>
                        {
                            context.Cancel = true;
                            Receive(signal);
                        }
                    )
                ),
        ];
        launcher = ScriptLauncher.Watch(() => Receive("`dotnet script` has ended: ", Experiment.RunAgain, null));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stopping => source.Token;

    /// <summary>How long saving takes, as far as is known: the message of the first signal says it.</summary>
    public Func<TimeSpan?> SavingTime { get; set; } = () => null;

    /// <summary>The exit code that the first signal asks for; null where none came.</summary>
    public int? ExitCode => exitCode == 0 ? null : exitCode;

    /// <summary>Whether any rank was asked to stop: then all are, with one exit code. A call of all ranks.</summary>
    public bool IsAnyAsked(ICommunicator ranks)
    {
        int code = (int)ranks.Max(exitCode);
        if (code == 0)
            return false;
        Receive("another rank was told to stop: ", code, null);
        exitCode = code;
        return true;
    }

    internal void Receive(PosixSignal signal)
    {
        int ended = signal switch
        {
            PosixSignal.SIGHUP => 129,
            PosixSignal.SIGINT => 130,
            PosixSignal.SIGTERM => 143,
            _ => 128 + (int)signal,
        };
        // The kernel repeats SIGXCPU every second from the limit on, and means the same.
        Receive("", (int)signal > 0 ? Experiment.RunAgain : ended, signal == CpuLimit ? null : ended);
    }

    /// <param name="reason">What comes before the message.</param>
    /// <param name="code">The exit code once all is saved.</param>
    /// <param name="endedCode">The exit code of an end at once, where this is not the first request; null: there is none.</param>
    private void Receive(string reason, int code, int? endedCode)
    {
        lock (gate)
        {
            if (exitCode != 0)
            {
                if (endedCode is { } ended && time.GetElapsedTime(firstAt) >= SameRequest)
                    exit(ended);
                return;
            }
            (exitCode, firstAt) = (code, time.GetTimestamp());
        }
        tell(
            $"{reason}stopping after saving{Estimate}; another signal after {SameRequest.TotalSeconds:0} seconds ends at once, without "
                + "saving"
        );
        source.Cancel();
    }

    private string Estimate => SavingTime() is not { } saving ? ""
        : saving.TotalSeconds < 1.5 ? ", which takes about a second" : $", which takes about {saving.TotalSeconds:0} seconds";

    private static PosixSignal? Number(int linux, int macOS) =>
        OperatingSystem.IsLinux() ? (PosixSignal)linux : OperatingSystem.IsMacOS() ? (PosixSignal)macOS : null;

    public void Dispose()
    {
        launcher?.Dispose();
        foreach (var registration in registrations)
            registration.Dispose();
        // The source is not disposed: a signal may just be on its way to it.
    }
}
