using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Storage;

namespace Electra.Data.Examples;

/// <summary>
/// The three files of a store in its folder. <c>name.tokens</c>: the ids of all examples in a row, 2 bytes each where the vocabulary
/// fits, else 4. <c>name.index</c>: an <see cref="StoredExample"/> for each example. <c>name.json</c>: an <see cref="ExampleStoreInfo"/>,
/// written when the others are whole. Numbers are little-endian, and no file has a header.
/// </summary>
internal readonly record struct ExampleStoreFiles(string Folder, string Name)
{
    public string Tokens => Path.Combine(Folder, $"{Name}.tokens");

    public string Index => Path.Combine(Folder, $"{Name}.index");

    public string Info => Path.Combine(Folder, $"{Name}.json");

    /// <summary>The error for a store that cannot be used as it is.</summary>
    public UserErrorException Damaged(string file, string problem, Exception? cause = null) =>
        new($"{file}: {problem}. Delete the folder {Folder} and prepare the examples again.", cause);

    /// <summary>Reads a record that lies in the folder.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public T Read<T>(string file)
    {
        try
        {
            return SealedJson.Read<T>(file);
        }
        catch (InvalidDataException e)
        {
            throw Damaged(file, e.Message, e);
        }
    }
}

/// <summary>Where an example lies in the file of tokens, and what tells whether it is still what was written.</summary>
/// <param name="End">The number of ids up to the end of this example; it starts where the one before it ends.</param>
/// <param name="LengthA">The length of <c>[CLS] A [SEP]</c>.</param>
/// <param name="Checksum">Of its bytes and of <paramref name="LengthA"/>: half an XXH3.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct StoredExample(long End, int LengthA, uint Checksum)
{
    public static uint ChecksumOf(ReadOnlySpan<byte> tokens, int lengthA) => (uint)XxHash3.HashToUInt64(tokens, lengthA);
}

/// <summary>What a store holds.</summary>
internal sealed record ExampleStoreInfo
{
    public const string CurrentFormat = "electra-examples-2";

    /// <summary>The kind and version of the files.</summary>
    public required string Format { get; init; }

    /// <summary>What the examples were made with.</summary>
    public required ExampleVocabulary Vocabulary { get; init; }

    /// <summary>No example is longer.</summary>
    public required int MaxLength { get; init; }

    /// <summary>How much there is.</summary>
    public required ExampleCounts Counts { get; init; }

    /// <summary>What examples take on the disk.</summary>
    public static double BytesOf(ExampleVocabulary vocabulary, double examples, double tokens) =>
        tokens * TokenBytes(vocabulary) + examples * Unsafe.SizeOf<StoredExample>();

    /// <summary>Bytes of one token id on disk.</summary>
    public static int TokenBytes(ExampleVocabulary vocabulary) => vocabulary.Size <= ushort.MaxValue + 1 ? sizeof(ushort) : sizeof(int);
}
