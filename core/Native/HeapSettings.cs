using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>How the C library's heap, which holds libtorch's tensors on the CPU, gives memory back.</summary>
internal static partial class HeapSettings
{
    private const int LargestFast = 1, TrimThreshold = -1, MappedMaximum = -4, ArenaMaximum = -8; // M_… of malloc.h

    /// <summary>
    /// glibc hands freed memory back to the system and takes it anew, page by page, for the next activations: a training step of
    /// ELECTRA-small spent 5 to 7% of its time on that, and one of 8 × 512 tokens a sixth, since glibc maps what is larger than
    /// 32 MB anew each time. This keeps all of it, and maps nothing. One arena, since only that of the first thread can grow without
    /// limit; and no chunks kept apart for small sizes, for those are gathered anew at each large one.
    /// </summary>
    /// <returns>Whether the heap is glibc's and was told so.</returns>
    public static bool KeepFreedMemory()
    {
        if (!OperatingSystem.IsLinux() || EnvironmentSwitch.IsSet(EnvironmentSwitch.DefaultHeap)
            || !NativeLibrary.TryLoad("libc.so.6", out nint library) || !NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _))
            return false;
        return mallopt(LargestFast, 0) != 0
            & mallopt(ArenaMaximum, 1) != 0
            & mallopt(MappedMaximum, 0) != 0
            & mallopt(TrimThreshold, int.MaxValue) != 0;
    }

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
