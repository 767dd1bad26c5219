using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Whether the process was given its standard input, output and error.</summary>
internal static partial class StandardStreams
{
    private const int GetDescriptorFlags = 1, CloseOnExec = 1; // F_GETFD, FD_CLOEXEC

    /// <summary>
    /// Whether the process was started without that stream (<c>>&amp;-</c>). Its number has then gone to something that the runtime opened,
    /// a pipe of its own as a rule, which nobody else may read or write. What came through <c>exec</c> cannot be marked to close there.
    /// </summary>
    /// <param name="number">0, 1 or 2.</param>
    public static bool IsClosed(int number) => !OperatingSystem.IsWindows() && (fcntl(number, GetDescriptorFlags) & CloseOnExec) != 0;

    /// <summary>Standard input, to read.</summary>
    /// <exception cref="UserErrorException">The process was started without it.</exception>
    public static Stream Input() =>
        IsClosed(0)
            ? throw new UserErrorException("standard input is closed, so nothing can be read from it")
            : Console.OpenStandardInput();

    /// <summary>Standard output, for what the work makes.</summary>
    /// <exception cref="UserErrorException">The process was started without it.</exception>
    public static Stream Output() =>
        IsClosed(1)
            ? throw new UserErrorException("standard output is closed, so nothing can be written to it")
            : Console.OpenStandardOutput();

    [LibraryImport("libc")]
    private static partial int fcntl(int descriptor, int command);
}
