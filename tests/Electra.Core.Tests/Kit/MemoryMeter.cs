using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tests.Kit;

/// <summary>
/// Measures what tensors of the CPU take, as libtorch's profiler does: its allocator tells a <c>c10::MemoryReportingInfoBase</c> of the
/// thread of each allocation. This is one, made by hand: its table of functions, and nothing else.
/// </summary>
internal static unsafe class MemoryMeter
{
    private const byte ProfilerState = 2; // c10::DebugInfoKind::PROFILER_STATE
    private const int Room = 4096; // zeros: whoever takes it for a whole profiler finds that it is off

    [ThreadStatic]
    private static long live, peak;

    /// <summary>Whether there is one on this system.</summary>
    public static bool IsThere => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The most bytes that tensors of this thread took at once during some work, beside those that there were.</summary>
    public static long Peak(Action work)
    {
        nint library = NativeLibrary.Load(Path.Combine(LibTorch.Folder, "libc10.so"));
        var push = (delegate* unmanaged<byte, nint*, void>)NativeLibrary.GetExport(
            library,
            "_ZN3c1020ThreadLocalDebugInfo5_pushENS_13DebugInfoKindESt10shared_ptrINS_13DebugInfoBaseEE"
        );
        var pop = (delegate* unmanaged<nint*, byte, nint*>)NativeLibrary.GetExport(
            library,
            "_ZN3c1020ThreadLocalDebugInfo4_popENS_13DebugInfoKindE"
        );
        // Two destructors, reportMemoryUsage, reportOutOfMemory, memoryProfilingEnabled.
        nint* table = (nint*)NativeMemory.AllocZeroed(5, (nuint)sizeof(nint)), reporter = (nint*)NativeMemory.AllocZeroed(Room);
        table[0] = table[1] = (nint)(delegate* unmanaged<nint, void>)&Nothing;
        table[2] = (nint)(delegate* unmanaged<nint, nint, long, nuint, nuint, ushort, void>)&Report;
        table[3] = (nint)(delegate* unmanaged<nint, long, nuint, nuint, ushort, void>)&OutOfMemory;
        table[4] = (nint)(delegate* unmanaged<nint, byte>)&IsOn;
        *reporter = (nint)table;
        nint* shared = stackalloc nint[2]; // std::shared_ptr: the object, and no counter of its owners
        (shared[0], shared[1]) = ((nint)reporter, 0);
        (live, peak) = (0, 0);
        push(ProfilerState, shared);
        try
        {
            work();
        }
        finally
        {
            pop(shared, ProfilerState);
            NativeMemory.Free(reporter);
            NativeMemory.Free(table);
        }
        return peak;
    }

    [UnmanagedCallersOnly]
    private static void Report(nint self, nint address, long bytes, nuint allocated, nuint reserved, ushort device)
    {
        live += bytes;
        peak = Math.Max(peak, live);
    }

    [UnmanagedCallersOnly]
    private static void OutOfMemory(nint self, long bytes, nuint allocated, nuint reserved, ushort device) { }

    [UnmanagedCallersOnly]
    private static byte IsOn(nint self) => 1;

    [UnmanagedCallersOnly]
    private static void Nothing(nint self) { }
}
