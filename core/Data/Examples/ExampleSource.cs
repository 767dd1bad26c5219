
namespace Electra.Data.Examples;

/// <summary>
/// Appends the token ids of one line of text to <paramref name="ids"/>, without special tokens; called from many threads.
/// </summary>
/// <param name="line">The line, without its line break.</param>
/// <param name="ids">What the ids are appended to; what it holds already must stay.</param>
internal delegate void TokenizeLine(ReadOnlySpan<char> line, List<int> ids);

/// <summary>What examples need to know of a vocabulary.</summary>
/// <param name="Size">The number of tokens; every id is below it.</param>
/// <param name="Cls">The id of <c>[CLS]</c>, which starts every example.</param>
/// <param name="Sep">The id of <c>[SEP]</c>, which ends every segment.</param>
/// <param name="Pad">The id of <c>[PAD]</c>, which fills batches up.</param>
/// <param name="Unknown">The id of <c>[UNK]</c>, which is counted.</param>
internal readonly record struct ExampleVocabulary(int Size, int Cls, int Sep, int Pad, int Unknown);

/// <summary>What examples are made from.</summary>
/// <param name="Documents">The documents, each a text of lines that end in <c>\n</c>; the same ones in the same order at every
/// enumeration.</param>
/// <param name="Tokenize">The tokenizer.</param>
/// <param name="Vocabulary">The tokenizer's vocabulary.</param>
/// <param name="Description">
/// What names the documents and the tokenizer (paths, revisions, a hash of the vocabulary): examples on disk are used again only
/// where it is the same.
/// </param>
internal sealed record ExampleSource(IEnumerable<string> Documents, TokenizeLine Tokenize, ExampleVocabulary Vocabulary, string Description)
{
    /// <summary>
    /// The documents that follow a number of documents with so many characters in all, for a source that need not read these again to
    /// go on after them; null: <see cref="Documents"/> are read from the start and passed over.
    /// </summary>
    public Func<long, long, IEnumerable<string>>? DocumentsAfter { get; init; }

    /// <summary>
    /// Told now and then of how many documents the examples are safe on the disk: their source is not needed for these any more.
    /// </summary>
    public Action<long>? Prepared { get; init; }
}
