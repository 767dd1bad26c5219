using Electra.Data.Tasks;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>The hidden states of a text as one vector (sentence-transformers, <c>Pooling</c> and <c>Normalize</c>).</summary>
internal static class PooledStates
{
    /// <summary>The vector of each sequence.</summary>
    /// <param name="pooling">How.</param>
    /// <param name="states"><c>[batch, length, hidden]</c>, float32.</param>
    /// <param name="attention">Which of the positions are tokens.</param>
    /// <param name="normalises">Whether vectors are divided by their length.</param>
    /// <returns><c>[batch, hidden]</c>.</returns>
    public static Tensor Of(Pooling pooling, Tensor states, AttentionMask attention, bool normalises)
    {
        var pooled = pooling == Pooling.Cls ? states.select(1, 0) : OfTokens(pooling, states, attention);
        return normalises ? nn.functional.normalize(pooled, 2, -1) : pooled;
    }

    private static Tensor OfTokens(Pooling pooling, Tensor states, AttentionMask attention)
    {
        long[] lengths =
        [
            .. attention.Blocks?.Select(blocks => (long)blocks.Sum()) ?? Enumerable.Repeat(attention.Length, (int)attention.Batch),
        ];
        var counts = tensor(lengths, device: states.device).unsqueeze(1);
        var isToken = arange(attention.Length, device: states.device).unsqueeze(0).lt(counts).unsqueeze(-1);
        return pooling switch
        {
            Pooling.Max => states.masked_fill(isToken.logical_not(), -1e9).max(1).values,
            Pooling.MeanSqrtLen => (states * isToken).sum(1) / counts.to(float32).sqrt(),
            _ => (states * isToken).sum(1) / counts,
        };
    }
}
