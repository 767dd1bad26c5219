using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>What TorchSharp does not say about a CUDA device, asked of the driver itself.</summary>
internal static unsafe class CudaDevice
{
    private const int ComputeCapabilityMajor = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR of the driver's interface

    /// <summary>Whether a device multiplies bfloat16 natively: compute capability 8.0 (Ampere) and newer.</summary>
    public static bool HasBFloat16(int device) => Attribute(ComputeCapabilityMajor, device) >= 8;

    private static int Attribute(int attribute, int device)
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out nint driver)
            || !NativeLibrary.TryGetExport(driver, "cuInit", out nint initialize)
            || !NativeLibrary.TryGetExport(driver, "cuDeviceGetAttribute", out nint getAttribute))
            return 0;
        int value = 0;
        return ((delegate* unmanaged<uint, int>)initialize)(0) == 0
            && ((delegate* unmanaged<int*, int, int, int>)getAttribute)(&value, attribute, device) == 0 ? value : 0;
    }
}
