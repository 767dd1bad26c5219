using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>
/// Arrays on their way to a device: they lie one after the other in pinned memory, which any thread may fill; and
/// <see cref="Put"/> sends them in one copy.
/// </summary>
/// <param name="device">Where they go.</param>
/// <param name="arrays">What goes there.</param>
internal sealed class Upload(Device device, params long[][] arrays)
{
    private readonly Tensor? pinned = device.type == DeviceType.CPU ? null : Filled(arrays);

    /// <summary>Each array as a tensor <c>[count]</c> int64 on the device, as <see cref="Staging.Put(Compute, long[][])"/>.</summary>
    /// <param name="isLast">Whether it is not asked for again.</param>
    public Tensor[] Put(bool isLast = true)
    {
        if (pinned is null)
            return [.. arrays.Select(values => tensor(values, dtype: int64))];
        using var flat = pinned.to(device, non_blocking: true);
        if (isLast)
            pinned.Dispose();
        return Staging.Parts(flat, arrays);
    }

    private static Tensor Filled(long[][] arrays)
    {
        using var pageable = empty(Staging.Total(arrays), dtype: int64);
        var pinned = Staging.Pinned(pageable).DetachFromDisposeScope();
        Staging.Fill(pinned, arrays);
        return pinned;
    }
}
