using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>A CUDA device as the driver tells of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Memory">Its memory, in bytes.</param>
/// <param name="Capability">Its compute capability.</param>
internal sealed record CudaDevice(string Name, long Memory, Version Capability)
{
    /// <summary>Whether it multiplies bfloat16 natively: compute capability 8.0 (Ampere) and newer.</summary>
    public bool HasBFloat16 => Capability.Major >= 8;

    /// <inheritdoc/>
    public override string ToString() => $"{Name}, {ByteCount.Gigabytes(Memory)}, compute capability {Capability}";
}

/// <summary>What TorchSharp does not say about CUDA, asked of the driver itself.</summary>
internal static unsafe class CudaDriver
{
    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of the driver's interface
    private const int CapabilityMajor = 75, CapabilityMinor = 76;

    private static string Library => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>The version of CUDA that the driver serves; null without a driver.</summary>
    public static Version? Version
    {
        get
        {
            int version = 0;
            var function = (delegate* unmanaged<int*, int>)Export("cuDriverGetVersion");
            return function != null && function(&version) == 0
                ? new Version(version / 1000, version % 1000 / 10)
                : null;
        }
    }

    /// <summary>Whether a device multiplies bfloat16 natively.</summary>
    public static bool HasBFloat16(int device) => Device(device) is { HasBFloat16: true };

    /// <summary>The devices that this process may use, in the order of their numbers.</summary>
    public static IReadOnlyList<CudaDevice> Devices
    {
        get
        {
            int count = 0;
            var function = (delegate* unmanaged<int*, int>)Export("cuDeviceGetCount");
            if (Problem() is not null || function == null || function(&count) != 0)
                return [];
            return [.. Enumerable.Range(0, count).Select(Device).OfType<CudaDevice>()];
        }
    }

    /// <summary>Why the driver cannot be used, in words; null where it can.</summary>
    public static string? Problem()
    {
        var initialize = (delegate* unmanaged<uint, int>)Export("cuInit");
        if (initialize == null)
            return $"there is no NVIDIA driver ({Library} is not found)";
        int error = initialize(0);
        return error == 0 ? null : $"the NVIDIA driver says: {Text(error)}";
    }

    /// <summary>
    /// Bytes in use of the device that this thread computes on, by all processes: of libtorch's memory what it ever had at once, for it
    /// gives none back. Null where the driver does not say.
    /// </summary>
    public static long? MemoryInUse
    {
        get
        {
            nuint free = 0, all = 0;
            var function = (delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2");
            return function != null && function(&free, &all) == 0 ? (long)(all - free) : null;
        }
    }

    private static CudaDevice? Device(int number)
    {
        const int NameLength = 256;
        var name = (delegate* unmanaged<byte*, int, int, int>)Export("cuDeviceGetName");
        var memory = (delegate* unmanaged<nuint*, int, int>)Export("cuDeviceTotalMem_v2");
        byte* text = stackalloc byte[NameLength];
        nuint bytes = 0;
        return Problem() is null && name != null && memory != null && name(text, NameLength, number) == 0 && memory(&bytes, number) == 0
            ? new CudaDevice(
                Marshal.PtrToStringUTF8((nint)text) ?? "",
                (long)bytes,
                new Version(Attribute(CapabilityMajor, number), Attribute(CapabilityMinor, number))
            )
            : null;
    }

    private static int Attribute(int attribute, int device)
    {
        int value = 0;
        var function = (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute");
        return function != null && function(&value, attribute, device) == 0 ? value : 0;
    }

    private static string Text(int error)
    {
        byte* text = null;
        var function = (delegate* unmanaged<int, byte**, int>)Export("cuGetErrorString");
        return (function != null && function(error, &text) == 0 ? Marshal.PtrToStringUTF8((nint)text) : null) ?? $"error {error}";
    }

    private static nint Export(string name) =>
        NativeLibrary.TryLoad(Library, out nint driver) && NativeLibrary.TryGetExport(driver, name, out nint function) ? function : 0;
}
