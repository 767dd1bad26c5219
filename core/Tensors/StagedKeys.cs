using System.Collections;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Names of draws, with the first draw of each on the device already, where <see cref="DeviceRandom"/> takes it from.</summary>
/// <param name="keys">The keys.</param>
/// <param name="draws"><see cref="DeviceRandom.FirstDraw"/> of each, <c>[keys]</c> int64; on the CPU none.</param>
internal sealed class StagedKeys(ArraySegment<RandomKey> keys, Tensor draws) : IReadOnlyList<RandomKey>
{
    /// <summary><see cref="DeviceRandom.FirstDraw"/> of each, <c>[keys]</c> int64; null where the device has none.</summary>
    public Tensor? Draws => draws.shape[0] == keys.Count ? draws : null;

    /// <inheritdoc/>
    public int Count => keys.Count;

    /// <inheritdoc/>
    public RandomKey this[int index] => keys[index];

    /// <summary>The first of them.</summary>
    public StagedKeys First(int count) => new(keys[..count], draws.narrow(0, 0, Math.Min(count, draws.shape[0])));

    /// <inheritdoc/>
    public IEnumerator<RandomKey> GetEnumerator() => keys.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
