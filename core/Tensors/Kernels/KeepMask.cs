using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Electra.Tensors.Kernels;

/// <summary>Dropout that no memory holds: the same numbers are drawn again in the backward pass.</summary>
/// <param name="key">Names the draws.</param>
/// <param name="threshold">Probability of dropping, in 65536ths; 0 keeps everything.</param>
/// <param name="firstRow">The number of the first sequence in the whole batch.</param>
/// <param name="rowsPerSequence">Rows (positions, or attention heads) of each sequence.</param>
internal readonly struct KeepMask(ulong key, ushort threshold, long firstRow, int rowsPerSequence)
{
    /// <summary>What a kept element is multiplied by.</summary>
    public float Kept => 65536f / (65536 - threshold);

    /// <summary>The draws of one row, from its start: named by the sequence in the whole batch and the row in the sequence.</summary>
    public Draws this[int row] => new(threshold == 0 ? default : new RandomLanes(KeyOf(row)), threshold, Kept);

    private ulong KeyOf(int row) => SplitMix.Part(SplitMix.Part(key, firstRow + (row / rowsPerSequence)), row % rowsPerSequence);

    /// <summary>A run of draws.</summary>
    public struct Draws(RandomLanes lanes, ushort threshold, float kept)
    {
        private readonly Vector512<uint> limit = Vector512.Create((uint)threshold);
        private readonly Vector512<float> scale = Vector512.Create(kept);
        private RandomLanes lanes = lanes;

        /// <summary>The next thirty-two factors: 0 or 1 / (1 − p).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<float> Low, Vector512<float> High) Next()
        {
            if (threshold == 0)
                return (scale, scale);
            var (low, high) = Vector512.Widen(lanes.Next().AsUInt16());
            return (
                Vector512.GreaterThanOrEqual(low, limit).AsSingle() & scale,
                Vector512.GreaterThanOrEqual(high, limit).AsSingle() & scale
            );
        }
    }
}
