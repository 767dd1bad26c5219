using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Storage;

namespace Electra.Data.Examples;

/// <summary>Writes a store from its first example, or on from where an earlier writer stopped.</summary>
internal sealed class ExampleStoreWriter : IDisposable
{
    private readonly ExampleStoreFiles files;
    private readonly ExampleVocabulary vocabulary;
    private readonly int maxLength;
    private readonly FileStream tokens;
    private readonly FileStream index;
    private ushort[] narrow = [];
    private StoredExample[] stored = [];

    /// <summary>Opens or makes the files, and cuts off what was written after <paramref name="written"/>.</summary>
    public ExampleStoreWriter(ExampleStoreFiles files, ExampleVocabulary vocabulary, int maxLength, ExampleCounts written)
    {
        (this.files, this.vocabulary, this.maxLength, Counts) = (files, vocabulary, maxLength, written);
        File.Delete(files.Info);
        tokens = OpenAt(files.Tokens, written.Tokens * ExampleStoreInfo.TokenBytes(vocabulary));
        index = OpenAt(files.Index, written.Examples * Unsafe.SizeOf<StoredExample>());
    }

    /// <summary>What the store holds by now.</summary>
    public ExampleCounts Counts { get; private set; }

    /// <summary>Adds examples at the end.</summary>
    /// <exception cref="ArgumentException">An id is not of the vocabulary.</exception>
    public void Append(ExampleList examples)
    {
        foreach (int id in examples.Ids)
            if ((uint)id >= (uint)vocabulary.Size)
                throw new ArgumentException(
                    $"the tokenizer gave the id {id}, and its vocabulary has {vocabulary.Size} tokens",
                    nameof(examples)
                );
        var bytes = BytesOf(examples.Ids);
        tokens.Write(bytes);
        WriteIndex(examples.Bounds, bytes);
        Counts += new ExampleCounts(
            examples.Count,
            examples.Ids.Length,
            examples.Ids.Count(vocabulary.Unknown),
            TwoSegments(examples.Bounds)
        );
    }

    /// <summary>Returns when all that was added is on the disk.</summary>
    public void Flush()
    {
        tokens.Flush(flushToDisk: true);
        index.Flush(flushToDisk: true);
    }

    /// <summary>Makes the files a store that can be opened.</summary>
    public void Finish()
    {
        Flush();
        SealedJson.Write(files.Info, new ExampleStoreInfo
        {
            Format = ExampleStoreInfo.CurrentFormat,
            Vocabulary = vocabulary,
            MaxLength = maxLength,
            Counts = Counts,
        });
    }

    public void Dispose()
    {
        tokens.Dispose();
        index.Dispose();
    }

    /// <summary>The ids as they lie in the file.</summary>
    private ReadOnlySpan<byte> BytesOf(ReadOnlySpan<int> ids)
    {
        if (ExampleStoreInfo.TokenBytes(vocabulary) == sizeof(int))
            return MemoryMarshal.AsBytes(ids);
        EnsureRoom(ref narrow, ids.Length);
        for (int i = 0; i < ids.Length; i++)
            narrow[i] = (ushort)ids[i];
        return MemoryMarshal.AsBytes(narrow.AsSpan(0, ids.Length));
    }

    private void WriteIndex(ReadOnlySpan<ExampleBounds> added, ReadOnlySpan<byte> bytes)
    {
        EnsureRoom(ref stored, added.Length);
        int width = ExampleStoreInfo.TokenBytes(vocabulary), start = 0;
        for (int i = 0; i < added.Length; i++)
        {
            int end = (int)added[i].End * width;
            stored[i] = new(Counts.Tokens + added[i].End, added[i].LengthA, StoredExample.ChecksumOf(bytes[start..end], added[i].LengthA));
            start = end;
        }
        index.Write(MemoryMarshal.AsBytes(stored.AsSpan(0, added.Length)));
    }

    private static long TwoSegments(ReadOnlySpan<ExampleBounds> bounds)
    {
        long count = 0, start = 0;
        foreach (var (end, lengthA) in bounds)
        {
            count += lengthA < end - start ? 1 : 0;
            start = end;
        }
        return count;
    }

    private static void EnsureRoom<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[length];
    }

    private FileStream OpenAt(string file, long length)
    {
        // Examples come in pieces of hundreds of kilobytes: a buffer would only copy them once more.
        var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if (stream.Length < length)
        {
            stream.Dispose();
            throw files.Damaged(file, $"the file is shorter than the {length} bytes that were written");
        }
        stream.SetLength(length);
        stream.Seek(0, SeekOrigin.End);
        return stream;
    }
}
