
namespace Electra.Data.Examples;

/// <summary>Examples side by side, padded to one length. The arrays are filled again and again.</summary>
/// <param name="size">The number of rows that there is room for.</param>
/// <param name="maxLength">The longest row that there is room for.</param>
public sealed class ExampleBatch(int size, int maxLength)
{
    // Matrix products are fastest at lengths that vector and tensor units divide.
    private const int LengthMultiple = 8;

    private readonly int[] row = new int[maxLength];

    /// <summary>The number of rows that there is room for.</summary>
    public int Size { get; } = size;

    /// <summary>The number of rows in use.</summary>
    public int Count { get; private set; }

    /// <summary>The length that rows are padded to: the longest one's, rounded up to a multiple of 8 where that is not beyond the maximum.</summary>
    public int Length { get; private set; }

    /// <summary>Token ids: the first <see cref="Count"/> · <see cref="Length"/> values are <c>[batch, length]</c>.</summary>
    public long[] Ids { get; } = new long[size * maxLength];

    /// <summary>The length of each row without padding: the first <see cref="Count"/> values.</summary>
    public int[] Lengths { get; } = new int[size];

    /// <summary>The length of <c>[CLS] A [SEP]</c> in each row: the first <see cref="Count"/> values.</summary>
    public int[] LengthsA { get; } = new int[size];

    /// <summary>Fills the batch with examples of a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="indices">Which examples, one for each row.</param>
    public void Fill(ExampleStore store, ReadOnlySpan<long> indices)
    {
        Count = indices.Length;
        int longest = 0;
        for (int i = 0; i < Count; i++)
        {
            (Lengths[i], LengthsA[i]) = store.Lengths(indices[i]);
            longest = Math.Max(longest, Lengths[i]);
        }
        Length = Math.Min((longest + LengthMultiple - 1) / LengthMultiple * LengthMultiple, maxLength);
        for (int i = 0; i < Count; i++)
        {
            var target = Ids.AsSpan(i * Length, Length);
            int length = store.Read(indices[i], row, out _);
            for (int j = 0; j < length; j++)
                target[j] = row[j];
            target[length..].Fill(store.Vocabulary.Pad);
        }
    }
}
