using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Electra.Tokenization;

/// <summary>How a vocabulary is trained.</summary>
internal sealed record VocabularyTraining
{
    /// <summary>Tokens, at most; a small text gives fewer.</summary>
    [Range(100, 10_000_000)]
    public int Size { get; init; } = 30522;

    /// <summary>How often two pieces must stand side by side to become one.</summary>
    [Range(1, long.MaxValue)]
    public long MinFrequency { get; init; } = 2;

    /// <summary>
    /// Characters that are kept, the most frequent ones, and never more than a quarter of <see cref="Size"/>, so that there is room for
    /// pieces. Other characters are left out of the words they are in.
    /// </summary>
    [Range(1, 1 << 20)]
    public int AlphabetLimit { get; init; } = 1000;

    /// <summary>How text is normalised.</summary>
    public TokenizerSettings Text { get; init; } = new();
}

/// <summary>
/// Trains a WordPiece vocabulary as Hugging Face's <c>WordPieceTrainer</c> does: words start as single characters, and the pair of
/// pieces that stands side by side most often becomes a piece, again and again. The same text gives the same vocabulary, whatever
/// the number of threads.
/// </summary>
internal static class WordPieceTrainer
{
    /// <summary>
    /// A thread hands its counts in when it has this many different words: with any number of threads, most are kept once.
    /// </summary>
    private const int WordsPerThread = 1 << 18;

    private const int CharactersPerReport = 1 << 20;

    /// <summary>Trains a vocabulary.</summary>
    /// <param name="texts">The text, in any pieces, read once: a word does not reach across two of them.</param>
    /// <param name="settings">Size and the like.</param>
    /// <param name="progress">Told of the words counted, then of the pieces found.</param>
    /// <param name="cancellation">Stops the training.</param>
    /// <exception cref="UserErrorException">There are no words in the text.</exception>
    public static Vocabulary Train(
        IEnumerable<string> texts,
        VocabularyTraining settings,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var words = CountWords(texts, settings.Text, progress, cancellation);
        if (words.Count == 0)
            throw new UserErrorException("there are no words to train a vocabulary on: the text is empty");
        var alphabet = Alphabet(words, Math.Min(settings.AlphabetLimit, (settings.Size - Vocabulary.SpecialTokens.Count) / 4));
        return new Vocabulary(new PairMerging(words, alphabet).Run(settings, progress, cancellation), "the trained vocabulary");
    }

    /// <summary>How often each word occurs.</summary>
    private static Dictionary<string, long> CountWords(
        IEnumerable<string> texts,
        TokenizerSettings settings,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        var total = new Dictionary<string, long>(StringComparer.Ordinal);
        var classes = CharacterClasses.For(settings);
        long characters = 0;
        try
        {
            Parallel.ForEach(
                Partitioner.Create(texts, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
                () => new Dictionary<string, long>(StringComparer.Ordinal),
                (text, _, counts) =>
                {
                    Count(text, classes, settings.MaxWordLength, counts);
                    if (counts.Count >= WordsPerThread)
                        HandIn(counts);
                    long after = Interlocked.Add(ref characters, text.Length);
                    if (after / CharactersPerReport > (after - text.Length) / CharactersPerReport)
                        progress?.Report(new ProgressReport("counting words", after / 1e6, null, "M characters"));
                    return counts;
                },
                HandIn);
        }
        catch (AggregateException error)
        {
            // What is wrong with the text is for the caller to see as if it had been read in a plain loop.
            ExceptionDispatchInfo.Throw(error.Flatten().InnerExceptions[0]);
        }
        return total;

        void HandIn(Dictionary<string, long> counts)
        {
            lock (total)
                foreach (var (word, count) in counts)
                    CollectionsMarshal.GetValueRefOrAddDefault(total, word, out _) += count;
            counts.Clear();
        }
    }

    private static void Count(string text, CharacterClasses classes, int maxLength, Dictionary<string, long> counts)
    {
        Span<char> buffer = stackalloc char[WordScanner.BufferLength(maxLength)];
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        var words = new WordScanner(text, classes, buffer, maxLength);
        while (words.MoveNext())
            if (!words.IsTooLong) // such words are [UNK] whatever the vocabulary
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, words.Word, out _)++;
    }

    /// <summary>The most frequent characters.</summary>
    private static HashSet<Rune> Alphabet(Dictionary<string, long> words, int limit)
    {
        var counts = new Dictionary<Rune, long>();
        foreach (var (word, count) in words)
            foreach (var rune in word.EnumerateRunes())
                CollectionsMarshal.GetValueRefOrAddDefault(counts, rune, out _) += count;
        return [.. counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key).Take(limit).Select(entry => entry.Key)];
    }
}
