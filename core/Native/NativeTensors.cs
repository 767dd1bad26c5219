using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Native;

/// <summary>Direct access to the memory of tensors.</summary>
internal static partial class NativeTensors
{
    /// <summary>The address of the first element of a contiguous tensor, valid while the tensor lives.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous.</exception>
    public static nint DataPointer(Tensor tensor)
    {
        if (!tensor.is_contiguous())
            throw new ArgumentException("the elements of a strided view do not lie in a row", nameof(tensor));
        return aoti_torch_get_data_ptr(tensor.Handle, out nint address) == 0
            ? address
            : throw new InvalidOperationException("libtorch gives no address for this tensor");
    }

    /// <summary>The first element of a contiguous float32 tensor.</summary>
    public static unsafe float* Float32(Tensor tensor) => First<float>(tensor);

    /// <summary>The first element of a contiguous tensor, valid while the tensor lives.</summary>
    public static unsafe T* First<T>(Tensor tensor) where T : unmanaged => (T*)DataPointer(tensor);

    /// <summary>The elements of a contiguous CPU tensor, valid while the tensor lives.</summary>
    public static unsafe Span<T> Elements<T>(Tensor tensor) where T : unmanaged
    {
        if (tensor.device_type != DeviceType.CPU || tensor.ElementSize != sizeof(T))
            throw new ArgumentException($"a CPU tensor of {sizeof(T)}-byte elements is needed", nameof(tensor));
        return new Span<T>((void*)DataPointer(tensor), checked((int)tensor.numel()));
    }

    /// <summary>Copies the elements of a contiguous CPU tensor, of whatever type, as they lie in memory.</summary>
    public static unsafe void CopyBytes(Tensor tensor, Span<byte> destination)
    {
        if (tensor.device_type != DeviceType.CPU || tensor.numel() * tensor.ElementSize != destination.Length)
            throw new ArgumentException($"a CPU tensor of {destination.Length} bytes is needed", nameof(tensor));
        new ReadOnlySpan<byte>((void*)DataPointer(tensor), destination.Length).CopyTo(destination);
    }

    // libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h)
    [LibraryImport("torch_cpu")]
    private static partial int aoti_torch_get_data_ptr(nint tensor, out nint address);
}
