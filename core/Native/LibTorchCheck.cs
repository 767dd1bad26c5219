using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Whether a libtorch from elsewhere is one that TorchSharp's native half can run on.</summary>
/// <remarks>
/// The two are bound function by function, at the first call of each: where one is missing, the process ends in the middle of a run; and
/// where a later version has changed the layout of what is passed, tensors hold other values than they seem to.
/// </remarks>
internal static unsafe class LibTorchCheck
{
    /// <summary>The version that a loaded libtorch says it is; null where it does not say.</summary>
    /// <param name="torchCpu">The loaded library.</param>
    public static Version? VersionOf(nint torchCpu) =>
        NativeLibrary.TryGetExport(torchCpu, "aoti_torch_abi_version", out nint version)
            ? Decoded(((delegate* unmanaged<ulong>)version)())
            : null;

    /// <summary>A version as libtorch writes it: major and minor in the two highest bytes.</summary>
    internal static Version Decoded(ulong version) => new((int)(version >> 56), (int)(version >> 48) & 0xFF);

    /// <summary>Why a version cannot be used; null where it can.</summary>
    public static string? Problem(Version? version) =>
        version is { Major: 2, Minor: 10 or 11 }
            ? null
            : $"this is libtorch {version?.ToString() ?? "of a version that it does not tell"}, and versions 2.10 and 2.11 can be used";

    /// <summary>What a loaded library calls and no other has, in the words of the system's loader; null where nothing is missing.</summary>
    /// <param name="file">The library, which is still there.</param>
    public static string? Missing(string file)
    {
        const int BindAllNow = 2; // RTLD_NOW
        nint process = NativeLibrary.GetMainProgramHandle();
        if (
            !OperatingSystem.IsLinux()
            || !NativeLibrary.TryGetExport(process, "dlopen", out nint open)
            || !NativeLibrary.TryGetExport(process, "dlerror", out nint error)
        )
            return null;
        nint path = Marshal.StringToCoTaskMemUTF8(file);
        try
        {
            return ((delegate* unmanaged<nint, int, nint>)open)(path, BindAllNow) != 0
                ? null
                : Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)error)());
        }
        finally
        {
            Marshal.FreeCoTaskMem(path);
        }
    }
}
