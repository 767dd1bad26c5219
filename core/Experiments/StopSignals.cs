using System.Runtime.InteropServices;

namespace Electra.Experiments;

/// <summary>
/// Ctrl-C and a request to end (SIGTERM, what batch systems send): the first asks the run to stop after saving, the second ends
/// the process at once.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly Action<string> tell;
    private readonly Action<int> exit;
    private readonly PosixSignalRegistration[] registrations;
    private int exitCode;

    public StopSignals(Action<string> tell, Action<int>? exit = null)
    {
        this.tell = tell;
        this.exit = exit ?? Environment.Exit;
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            Receive(context.Signal);
        }))];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stopping => source.Token;

    /// <summary>What a shell expects of a process that a signal ended, 128 + its number: 130 or 143. Null where none came.</summary>
    public int? ExitCode => exitCode == 0 ? null : exitCode;

    internal void Receive(PosixSignal signal)
    {
        var code = signal is PosixSignal.SIGINT ? 130 : 143;
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
