using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>The losses of an epoch, kept on the device: reading one there waits for all that was asked of it.</summary>
internal sealed class LossBuffer : IDisposable
{
    private readonly Tensor values;

    /// <param name="room">Updates of an epoch.</param>
    /// <param name="first">The losses of updates that were made before.</param>
    /// <param name="compute">The device.</param>
    public LossBuffer(int room, IReadOnlyList<float> first, Compute compute)
    {
        values = zeros(room, device: compute.Device).DetachFromDisposeScope();
        if (first.Count > 0)
        {
            using var known = tensor(first.ToArray());
            values.narrow(0, 0, first.Count).copy_(known);
        }
        Count = first.Count;
    }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a loss, and frees it.</summary>
    public void Add(Tensor loss)
    {
        using (loss)
        using (var place = values.narrow(0, Count++, 1))
            place.copy_(loss);
    }

    /// <summary>The latest.</summary>
    public double Last() => Read()[^1];

    /// <summary>All of them.</summary>
    public float[] Read()
    {
        using var read = values.cpu();
        return read.data<float>().ToArray()[..Count];
    }

    /// <summary>Forgets them: the next epoch begins.</summary>
    public void Clear() => Count = 0;

    /// <inheritdoc/>
    public void Dispose() => values.Dispose();
}
