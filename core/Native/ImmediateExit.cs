using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Ends the process at once.</summary>
internal static partial class ImmediateExit
{
    /// <summary>
    /// Ends the process with an exit code, and runs nothing more. The ordinary way out takes libtorch's globals down while another
    /// thread may still compute with them, and ends in a segmentation fault.
    /// </summary>
    public static void With(int code)
    {
        Console.Out.Flush();
        if (OperatingSystem.IsWindows())
            TerminateProcess(-1, (uint)code);
        else
            ExitNow(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);

    // −1 is the handle that GetCurrentProcess gives.
    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool TerminateProcess(nint process, uint exitCode);
}
