using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>What this process was told to do with signals before it began.</summary>
internal static partial class SignalMask
{
    private const int Hangup = 1, Ignored = 1; // SIGHUP and SIG_IGN, on Linux and on macOS

    /// <summary>Whether SIGHUP is ignored, as nohup(1) has it. To be asked before .NET is told to handle the signal.</summary>
    public static bool IsHangupIgnored => IsHangupIgnoredNow.Value;

    private static readonly Lazy<bool> IsHangupIgnoredNow = new(() =>
    {
        if (OperatingSystem.IsWindows())
            return false;
        // struct sigaction begins with the handler, and has no more than 152 bytes.
        Span<nint> action = stackalloc nint[32];
        unsafe
        {
            fixed (nint* current = action)
                return sigaction(Hangup, 0, (nint)current) == 0 && action[0] == Ignored;
        }
    });

    [LibraryImport("libc")]
    private static partial int sigaction(int signal, nint action, nint current);
}
