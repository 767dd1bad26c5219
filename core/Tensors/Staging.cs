using Electra.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Brings what a pass reads to the device.</summary>
internal static class Staging
{
    /// <summary>Each array as a tensor <c>[count]</c> int64 on the device.</summary>
    /// <remarks>
    /// On CUDA all go in one copy, from pinned memory, which is the only kind that the host need not wait for: a copy for each
    /// array, from ordinary memory, would stop the host at each until the device has caught up. libtorch keeps pinned memory from
    /// being used again before its copy is through.
    /// </remarks>
    public static Tensor[] Put(Compute compute, params long[][] arrays) => Put(compute.Device, arrays);

    /// <inheritdoc cref="Put(Compute, long[][])"/>
    public static Tensor[] Put(Device device, params long[][] arrays) => new Upload(device, arrays).Put();

    /// <summary>Numbers as a tensor <c>[count]</c> float32 on a device, in a copy that the host does not wait for.</summary>
    public static Tensor Put(Device device, params float[] numbers)
    {
        var pageable = tensor(numbers);
        if (device.type == DeviceType.CPU)
            return pageable;
        using (pageable)
        using (var pinned = Pinned(pageable))
            return pinned.to(device, non_blocking: true);
    }

    /// <summary>The same in memory that a device reads by itself; as it is where there is no such device.</summary>
    internal static Tensor Pinned(Tensor pageable) => cuda.is_available() ? pageable.pin_memory() : pageable.alias();

    /// <summary>The number of elements of all arrays.</summary>
    internal static long Total(long[][] arrays) => arrays.Sum(values => (long)values.Length);

    /// <summary>Writes the arrays one after the other.</summary>
    internal static void Fill(Tensor flat, long[][] arrays)
    {
        var rest = NativeTensors.Elements<long>(flat);
        foreach (long[] values in arrays)
        {
            values.CopyTo(rest);
            rest = rest[values.Length..];
        }
    }

    /// <summary>Each array's part of the flat tensor: views.</summary>
    internal static Tensor[] Parts(Tensor flat, long[][] arrays)
    {
        var parts = new Tensor[arrays.Length];
        long start = 0;
        foreach (var (i, values) in arrays.Index())
        {
            parts[i] = flat.narrow(0, start, values.Length);
            start += values.Length;
        }
        return parts;
    }
}
