using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Running;

/// <summary>
/// Ctrl-C, a request to end (SIGTERM), and SIGUSR1, with which schedulers say that the time is nearly up: the first asks the run to
/// stop after saving, the second ends the process at once.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    /// <summary>SIGUSR1, which .NET has no name for: its number where the system has the signal, else null.</summary>
    internal static readonly PosixSignal? TimeIsUp = OperatingSystem.IsLinux() ? (PosixSignal)10 : OperatingSystem.IsMacOS() ? (PosixSignal)30 : null;

    private readonly CancellationTokenSource source = new();
    private readonly Action<string> tell;
    private readonly Action<int> exit;
    private readonly PosixSignalRegistration[] registrations;
    private int exitCode;

    public StopSignals(Action<string> tell, Action<int>? exit = null)
    {
        this.tell = tell;
        this.exit = exit ?? ImmediateExit.With;
        registrations = [.. new PosixSignal?[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, TimeIsUp }.OfType<PosixSignal>().Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            Receive(signal);
        }))];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stopping => source.Token;

    /// <summary>
    /// What a shell expects of a process that a signal ended, 128 + its number: 130 or 143; after SIGUSR1 <see cref="Experiment.RunAgain"/>.
    /// Null where none came.
    /// </summary>
    public int? ExitCode => exitCode == 0 ? null : exitCode;

    internal void Receive(PosixSignal signal)
    {
        var code = signal is PosixSignal.SIGINT ? 130 : signal == TimeIsUp ? Experiment.RunAgain : 143;
        if (Interlocked.CompareExchange(ref exitCode, code, 0) != 0)
        {
            exit(code);
            return;
        }
        tell("stopping after saving; once more stops at once, without saving");
        source.Cancel();
    }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        // The source is not disposed: a signal may just be on its way to it.
    }
}
