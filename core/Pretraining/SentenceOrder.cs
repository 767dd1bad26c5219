using Electra.Data;
using Electra.Tensors;

namespace Electra.Pretraining;

/// <summary>
/// Sentence order prediction (Lan et al. 2020, "ALBERT", section 3.1): the two segments of half of the examples are swapped, and a head
/// of one's own says which. An example of what <see cref="ElectraMethod.Prepare"/> and <see cref="ExtraLoss"/> are for.
/// </summary>
public static class SentenceOrder
{
    /// <summary>The label of an example with one segment: <c>cross_entropy</c> passes over it.</summary>
    public const long Ignored = -100;

    /// <summary>Swaps the segments of about half of the examples that have two, <c>[CLS] a [SEP] b [SEP]</c>.</summary>
    /// <param name="batch">Examples of one or two segments.</param>
    /// <param name="key">Names the random draws, which follow an example's row in the whole batch.</param>
    /// <returns>
    /// The batch with <see cref="TokenBatch.Labels"/>: 1 where the segments are swapped, 0 where they are not, else <see cref="Ignored"/>.
    /// </returns>
    /// <exception cref="UserErrorException">Several examples share a row.</exception>
    public static TokenBatch Swap(TokenBatch batch, RandomKey key)
    {
        if (batch.Packed is not null)
            throw new UserErrorException(
                "sentence order prediction swaps the segments of one example a row: it needs examples.packing=none"
            );
        var (ids, types, labels) = (batch.Ids.ToArray(), batch.TokenTypes.ToArray(), new long[batch.Size]);
        for (int row = 0; row < batch.Size; row++)
        {
            int start = row * batch.Length, length = batch.Lengths[row];
            int second = Array.IndexOf(batch.TokenTypes, 1L, start, length) - start; // where it begins; the first begins after [CLS]
            labels[row] = second < 0 ? Ignored : key[batch.FirstRow + row].Numbers().NextDouble() < 0.5 ? 1 : 0;
            if (labels[row] != 1)
                continue;
            var original = batch.Ids.AsSpan(start, length);
            original[second..].CopyTo(ids.AsSpan(start + 1));
            original[1..second].CopyTo(ids.AsSpan(start + 1 + length - second));
            types.AsSpan(start, 1 + length - second).Clear();
            types.AsSpan(start + 1 + length - second, second - 1).Fill(1);
        }
        return batch with { Ids = ids, TokenTypes = types, Labels = labels };
    }
}
