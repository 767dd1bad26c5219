using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Storage;

namespace Electra.Data.Examples;

/// <summary>Examples on disk, memory-mapped: a store of any size opens at once. Reading is safe from many threads.</summary>
internal sealed class ExampleStore : IDisposable
{
    private readonly ExampleStoreFiles files;
    private readonly ExampleStoreInfo info;
    private readonly MappedFile tokens;
    private readonly MappedFile index;
    private string? fingerprint;

    private ExampleStore(ExampleStoreFiles files, ExampleStoreInfo info, MappedFile tokens, MappedFile index) =>
        (this.files, this.info, this.tokens, this.index) = (files, info, tokens, index);

    public long Count => info.Counts.Examples;

    /// <summary>No example is longer than this.</summary>
    public int MaxLength => info.MaxLength;

    /// <summary>Every id is below this.</summary>
    public int VocabularySize => info.Vocabulary.Size;

    /// <summary>The vocabulary that the examples were made with.</summary>
    public ExampleVocabulary Vocabulary => info.Vocabulary;

    /// <summary>How much the store holds.</summary>
    public ExampleCounts Counts => info.Counts;

    /// <summary>
    /// Names the content: that of the index, which holds a checksum of every example. Reading it takes a second for a hundred million
    /// examples, so it is read when this is asked for first.
    /// </summary>
    public string Fingerprint => fingerprint ??= FingerprintOf(index);

    /// <summary>Opens a store.</summary>
    /// <param name="folder">The folder that it was made in.</param>
    /// <param name="name">Which one: <c>train</c> or <c>held_out</c>.</param>
    /// <exception cref="UserErrorException">There is no whole store of this name.</exception>
    public static ExampleStore Open(string folder, string name)
    {
        var files = new ExampleStoreFiles(folder, name);
        if (!File.Exists(files.Info))
            throw files.Damaged(files.Info, "the file is missing, so there are no finished examples");
        var info = files.Read<ExampleStoreInfo>(files.Info);
        if (info.Format != ExampleStoreInfo.CurrentFormat)
            throw files.Damaged(files.Info, $"the format is {info.Format}, and this version reads {ExampleStoreInfo.CurrentFormat}");

        CheckSize(files, files.Tokens, info.Counts.Tokens * ExampleStoreInfo.TokenBytes(info.Vocabulary));
        CheckSize(files, files.Index, info.Counts.Examples * Unsafe.SizeOf<StoredExample>());
        var store = new ExampleStore(files, info, new(files.Tokens), new(files.Index));
        if (store.Count > 0 && store.Stored(store.Count - 1).End != info.Counts.Tokens)
        {
            store.Dispose();
            throw files.Damaged(files.Index, $"it does not end at the last of the {info.Counts.Tokens} tokens");
        }
        return store;
    }

    /// <summary>The lengths of one example: the whole, and that of <c>[CLS] A [SEP]</c>.</summary>
    /// <exception cref="UserErrorException">The index is damaged there.</exception>
    public (int Length, int LengthA) Lengths(long index)
    {
        var (_, length, stored) = Place(index);
        return (length, stored.LengthA);
    }

    /// <summary>Reads one example, <c>[CLS] A [SEP]</c> or <c>[CLS] A [SEP] B [SEP]</c>, without padding.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <param name="ids">Where the ids go: room for <see cref="MaxLength"/> is always enough.</param>
    /// <param name="lengthA">The length of <c>[CLS] A [SEP]</c>.</param>
    /// <returns>The length of the example.</returns>
    /// <exception cref="UserErrorException">The store is damaged there.</exception>
    public int Read(long index, Span<int> ids, out int lengthA)
    {
        var (start, length, stored) = Place(index);
        lengthA = stored.LengthA;
        if (ExampleStoreInfo.TokenBytes(Vocabulary) == sizeof(int))
            Checked(index, tokens.Values<int>(start, length), stored).CopyTo(ids);
        else
            Widen(Checked(index, tokens.Values<ushort>(start, length), stored), ids);
        // An embedding has no row for an id outside the vocabulary: a damaged file must not get that far.
        foreach (int id in ids[..length])
            if ((uint)id >= (uint)VocabularySize)
                throw files.Damaged(files.Tokens, $"example {index} has the token {id}, and the vocabulary has {VocabularySize}");
        return length;
    }

    /// <summary>
    /// Some examples side by side, padded to the longest, rounded up to a multiple of 8 where that is not beyond the maximum.
    /// </summary>
    /// <param name="indices">Which examples, one for each row.</param>
    /// <param name="paddingType">The token type of padding.</param>
    /// <param name="firstRow">The number of the first of them in the whole batch.</param>
    public TokenBatch Batch(ReadOnlySpan<long> indices, int paddingType = 0, long firstRow = 0)
    {
        var rows = new long[indices.Length][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = [indices[i]];
        return Batch(rows, paddingType, firstRow) with { Packed = null };
    }

    /// <summary>The same of rows that several examples share.</summary>
    /// <param name="rows">Which examples, for each row.</param>
    /// <param name="paddingType">The token type of padding.</param>
    /// <param name="firstRow">The number of the first row in the whole batch.</param>
    public TokenBatch Batch(long[][] rows, int paddingType = 0, long firstRow = 0)
    {
        const int LengthMultiple = 8; // matrix products are fastest at lengths that vector and tensor units divide
        long[] examples = [.. rows.SelectMany(row => row)];
        int[][] lengths = [.. rows.Select(row => Array.ConvertAll(row, example => Lengths(example).Length))];
        int longest = lengths.Max(row => row.Sum());
        int length = Math.Min((longest + LengthMultiple - 1) / LengthMultiple * LengthMultiple, MaxLength);
        return TokenBatch.Of(
            lengths,
            length,
            Vocabulary.Pad,
            paddingType,
            (int i, Span<int> ids, out int lengthA) => Read(examples[i], ids, out lengthA)
        ) with
        {
            FirstRow = firstRow,
        };
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        tokens.Dispose();
        index.Dispose();
    }

    private (long Start, int Length, StoredExample Stored) Place(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        long start = index == 0 ? 0 : Stored(index - 1).End;
        var stored = Stored(index);
        var (end, lengthA, _) = stored;
        bool possible = start >= 0 && end <= Counts.Tokens && end - start <= MaxLength && lengthA >= 2 && lengthA <= end - start;
        return possible
            ? (start, (int)(end - start), stored)
            : throw files.Damaged(files.Index, $"example {index} cannot lie where the index says");
    }

    private StoredExample Stored(long example) => index.Values<StoredExample>(example, 1)[0];

    private ReadOnlySpan<T> Checked<T>(long example, ReadOnlySpan<T> ids, StoredExample stored)
        where T : unmanaged =>
        StoredExample.ChecksumOf(MemoryMarshal.AsBytes(ids), stored.LengthA) == stored.Checksum
            ? ids
            : throw files.Damaged(files.Tokens, $"example {example} is not what was written");

    private static string FingerprintOf(MappedFile index)
    {
        const int Piece = 1 << 24;
        var hash = new XxHash128();
        for (long start = 0; start < index.Length; start += Piece)
            hash.Append(index.Values<byte>(start, (int)Math.Min(Piece, index.Length - start)));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static void CheckSize(ExampleStoreFiles files, string file, long expected)
    {
        if (!File.Exists(file))
            throw files.Damaged(file, "the file is missing");
        long actual = new FileInfo(file).Length;
        if (actual != expected)
            throw files.Damaged(file, $"the file has {actual} bytes where {files.Info} asks for {expected}");
    }

    private static void Widen(ReadOnlySpan<ushort> narrow, Span<int> wide)
    {
        for (int i = 0; i < narrow.Length; i++)
            wide[i] = narrow[i];
    }
}
