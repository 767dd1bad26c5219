using System.Runtime.CompilerServices;

namespace Electra.Pretraining.Examples;

/// <summary>
/// The three files of a store in its folder. <c>name.tokens</c>: the ids of all examples in a row, 2 bytes each where the vocabulary
/// fits, else 4. <c>name.index</c>: an <see cref="ExampleBounds"/> for each example. <c>name.json</c>: an <see cref="ExampleStoreInfo"/>,
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
}

/// <summary>What a store holds.</summary>
internal sealed record ExampleStoreInfo
{
    public const string CurrentFormat = "electra-examples-1";

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
        tokens * TokenBytes(vocabulary) + examples * Unsafe.SizeOf<ExampleBounds>();

    /// <summary>Bytes of one token id on disk.</summary>
    public static int TokenBytes(ExampleVocabulary vocabulary) => vocabulary.Size <= ushort.MaxValue + 1 ? sizeof(ushort) : sizeof(int);
}
