using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Draws from the categorical distributions that rows of logits stand for.</summary>
internal static class CategoricalSampling
{
    /// <summary>argmax(logits + Gumbel noise), which is distributed as softmax(logits): Maddison et al. 2014.</summary>
    /// <param name="logits"><c>[rows, classes]</c> float32.</param>
    /// <param name="keys">Names the noise of each row.</param>
    /// <param name="compute">How many CPU threads to use.</param>
    /// <returns>A class for each row, <c>[rows]</c> int64.</returns>
    /// <remarks>
    /// Of the CPU: noise, sum and argmax are one pass that stores nothing (4.6 million logits: libtorch's exponential noise alone takes
    /// 30 to 80 ms). On CUDA noise of its own for each logit would be some twenty passes over memory: there <see cref="Multinomial"/> draws
    /// from the same distribution.
    /// </remarks>
    public static Tensor Gumbel(Tensor logits, IReadOnlyList<RandomKey> keys, Compute compute)
    {
        var contiguous = logits.contiguous();
        var drawn = empty(logits.shape[0], dtype: int64);
        DrawRows(contiguous, drawn, keys, compute.Threads);
        return drawn;
    }

    /// <summary>argmax(logits − log(−log(uniform))), the noise given.</summary>
    /// <param name="logits"><c>[rows, classes]</c>.</param>
    /// <param name="uniform">Numbers in (0, 1), <c>[rows, classes]</c>.</param>
    /// <param name="epsilon">Added inside both logarithms (google-research/electra: 1e-9).</param>
    public static Tensor Gumbel(Tensor logits, Tensor uniform, double epsilon = 0) =>
        (logits - uniform.add(epsilon).log_().neg_().add_(epsilon).log_()).argmax(-1);

    /// <summary>Draws by inverting the cumulative distribution: one uniform number for each row.</summary>
    /// <param name="logits"><c>[rows, classes]</c>.</param>
    /// <param name="uniform">Numbers in [0, 1), <c>[rows]</c>.</param>
    /// <param name="isExact">Whether sums are those of whole numbers, which hang on no order: floats' do on a GPU.</param>
    public static Tensor Multinomial(Tensor logits, Tensor uniform, bool isExact = false)
    {
        var probabilities = nn.functional.softmax(logits, -1);
        var cumulative = (isExact ? probabilities.mul_(1L << 40).to(int64) : probabilities).cumsum(-1);
        var threshold = (uniform.unsqueeze(1) * cumulative.narrow(1, -1, 1)).to(cumulative.dtype);
        return searchsorted(cumulative, threshold, right: true).squeeze(1).clamp_max(logits.shape[1] - 1);
    }

    private static unsafe void DrawRows(Tensor logits, Tensor drawn, IReadOnlyList<RandomKey> keys, int threads)
    {
        var (rows, classes) = ((int)logits.shape[0], (int)logits.shape[1]);
        var source = (float*)NativeTensors.DataPointer(logits);
        var result = (long*)NativeTensors.DataPointer(drawn);
        ParallelRegion.Split(rows, threads, (first, end) =>
        {
            for (int row = first; row < end; row++)
                result[row] = DrawRow(source + ((long)row * classes), classes, keys[row]);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int DrawRow(float* logits, int classes, RandomKey key)
    {
        var lanes = new RandomLanes(key.Value);
        Vector512<float> best = Vector512.Create(float.NegativeInfinity), most = best;
        var bestAt = Vector512<int>.Zero;
        int i = 0;
        for (; i + 16 <= classes; i += 16)
        {
            var draws = lanes.Next().AsUInt32() >>> 9;
            var logit = Vector512.Load(logits + i);
            if (!Vector512.GreaterThanAny(logit + MostNoise(draws), most))
                continue; // hardly ever does one of sixteen come near the best so far: two logarithms saved
            var score = logit + Noise(draws);
            var better = Vector512.GreaterThan(score, best);
            best = Vector512.ConditionalSelect(better, score, best);
            bestAt = Vector512.ConditionalSelect(better.AsInt32(), Vector512<int>.Indices + Vector512.Create(i), bestAt);
            most = Vector512.Create(Largest(best, bestAt).Value);
        }
        var (value, index) = Largest(best, bestAt);
        for (var rest = Noise(lanes.Next().AsUInt32() >>> 9); i < classes; i++)
            if (logits[i] + rest[i & 15] > value)
                (value, index) = (logits[i] + rest[i & 15], i);
        return index;
    }

    /// <summary>The largest lane and what it stands for; of equal ones the first in the row.</summary>
    private static (float Value, int Index) Largest(Vector512<float> values, Vector512<int> indices)
    {
        var (value, index) = (float.NegativeInfinity, 0);
        for (int lane = 0; lane < 16; lane++)
            if (values[lane] > value || (values[lane] == value && indices[lane] < index))
                (value, index) = (values[lane], indices[lane]);
        return (value, index);
    }

    /// <summary>Gumbel noise −log(−log(u)), u the middles of 2²³ equal parts of (0, 1): those of more parts float32 would round to
    /// 1.</summary>
    /// <param name="draws">Which parts.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Noise(Vector512<uint> draws)
    {
        var uniform = (Vector512.ConvertToSingle(draws.AsInt32()) + Vector512.Create(0.5f)) * Vector512.Create(1f / (1 << 23));
        return -Lane.Log(-Lane.Log(uniform));
    }

    /// <summary>A bound of the noise from above, without a logarithm.</summary>
    /// <remarks>
    /// −log(−log(u)) ≤ −log(1 − u), and 1 − u = n / 2²⁴ for a whole n. The bits of n as a float are 2²³ · (127 + e + m) where
    /// n = 2ᵉ · (1 + m), and log₂(1 + m) ≥ m. What rounding takes from that is added.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> MostNoise(Vector512<uint> draws)
    {
        const float Ln2 = 0.69314718f, Rounding = 1e-3f;
        var n = Vector512.Create((1 << 24) - 1) - (draws.AsInt32() << 1);
        var bits = Vector512.ConvertToSingle(Vector512.ConvertToSingle(n).AsInt32());
        return Vector512.FusedMultiplyAdd(bits, Vector512.Create(-Ln2 / (1 << 23)), Vector512.Create(((127 + 24) * Ln2) + Rounding));
    }
}
