using Electra.Tensors;

namespace Electra.Data;

/// <summary>Sequences side by side as a model reads them, padded to one length.</summary>
/// <param name="Size">Sequences in the batch.</param>
/// <param name="Length">Positions of each, padding included.</param>
/// <param name="Ids">Token ids, <c>[size · length]</c>.</param>
/// <param name="TokenTypes">0 for the first segment, 1 for the second, <c>[size · length]</c>.</param>
/// <param name="Lengths">Tokens of each sequence, without padding.</param>
public sealed record TokenBatch(int Size, int Length, long[] Ids, long[] TokenTypes, int[] Lengths)
{
    /// <summary>
    /// The number of the first sequence in the whole batch of an update, of which this is a part: masks, samples and dropout follow it,
    /// so that the cut into parts changes none of them.
    /// </summary>
    public long FirstRow { get; init; }

    /// <summary>The longest that a sequence may be, which bounds how many tokens of one are drawn as a fixed share.</summary>
    public int MaxLength { get; init; } = int.MaxValue;

    /// <summary>A label of each sequence, <c>[size]</c>, for a loss of one's own; empty where nothing sets them.</summary>
    public long[] Labels { get; init; } = [];

    /// <summary>
    /// The tokens of each example of each row, where a row has several, one after the other, that do not attend to each other; null: a
    /// row is one example.
    /// </summary>
    public int[][]? Packed { get; init; }

    /// <summary>The examples of a row: where each begins in <see cref="Ids"/>, and its tokens.</summary>
    public IEnumerable<(int Start, int Length)> ExamplesOf(int row)
    {
        int start = row * Length;
        foreach (int length in Packed?[row] ?? [Lengths[row]])
        {
            yield return (start, length);
            start += length;
        }
    }

    /// <summary>The number of tokens, without padding.</summary>
    public long TokenCount => Lengths.Sum(n => (long)n);

    /// <summary>The same sequences with more padding.</summary>
    /// <param name="length">What they are padded to.</param>
    /// <param name="paddingId">The token that is added.</param>
    /// <param name="paddingType">Its token type.</param>
    internal TokenBatch PaddedTo(int length, int paddingId, int paddingType)
    {
        long[] Padded(long[] values, long padding) =>
        [
            .. Enumerable.Range(0, Size).SelectMany(row =>
                values.Skip(row * Length).Take(Length).Concat(Enumerable.Repeat(padding, length - Length))),
        ];
        return length == Length ? this
            : this with { Length = length, Ids = Padded(Ids, paddingId), TokenTypes = Padded(TokenTypes, paddingType) };
    }

    /// <summary>Indices into <see cref="Ids"/> of all that is not padding.</summary>
    internal long[] TokenPositions()
    {
        var positions = new long[TokenCount];
        int next = 0;
        for (int row = 0; row < Size; row++)
            for (int i = 0; i < Lengths[row]; i++)
                positions[next++] = (long)row * Length + i;
        return positions;
    }

    /// <summary>
    /// A key for what is drawn at each of some positions: named by the sequence's row in the whole batch and the place in it, and where
    /// a position is there again, by how often it was there before.
    /// </summary>
    /// <param name="positions">Indices into <see cref="Ids"/>.</param>
    /// <param name="key">Names what is drawn.</param>
    public RandomKey[] KeysAt(IReadOnlyList<long> positions, RandomKey key)
    {
        var seen = new Dictionary<long, int>(positions.Count);
        return
        [
            .. positions.Select(position =>
            {
                var first = key[FirstRow + (position / Length)][position % Length];
                return seen.TryAdd(position, 0) ? first : first[++seen[position]];
            }),
        ];
    }

    /// <summary>Reads the ids of the i-th sequence of a batch, and tells where its first segment ends.</summary>
    internal delegate int RowReader(int i, Span<int> ids, out int lengthA);

    /// <summary>Puts sequences side by side.</summary>
    /// <param name="lengths">The tokens of each.</param>
    /// <param name="length">What they are padded to.</param>
    /// <param name="paddingId">The token that fills up shorter ones.</param>
    /// <param name="paddingType">Its token type.</param>
    /// <param name="read">Reads one.</param>
    internal static TokenBatch Of(int[] lengths, int length, int paddingId, int paddingType, RowReader read) =>
        Of([.. lengths.Select(tokens => new[] { tokens })], length, paddingId, paddingType, read) with { Packed = null };

    /// <summary>Puts rows of several sequences each side by side.</summary>
    /// <param name="packed">The tokens of each sequence of each row.</param>
    /// <param name="length">What rows are padded to.</param>
    /// <param name="paddingId">The token that fills up shorter ones.</param>
    /// <param name="paddingType">Its token type.</param>
    /// <param name="read">Reads one, those of all rows counted through.</param>
    internal static TokenBatch Of(int[][] packed, int length, int paddingId, int paddingType, RowReader read)
    {
        var (ids, types, sequence) = (new long[packed.Length * length], new long[packed.Length * length], new int[length]);
        int next = 0;
        foreach (var (row, sequences) in packed.Index())
        {
            Span<long> rest = ids.AsSpan(row * length, length), restTypes = types.AsSpan(row * length, length);
            foreach (int _ in sequences)
            {
                int n = read(next++, sequence, out int lengthA);
                for (int j = 0; j < n; j++)
                    rest[j] = sequence[j];
                restTypes[lengthA..n].Fill(1);
                rest = rest[n..];
                restTypes = restTypes[n..];
            }
            rest.Fill(paddingId);
            restTypes.Fill(paddingType);
        }
        return new TokenBatch(packed.Length, length, ids, types, [.. packed.Select(sequences => sequences.Sum())]) { Packed = packed };
    }
}
