using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Runtime.InteropServices;
using System.Text;

namespace Electra.Text;

/// <summary>How a vocabulary is trained.</summary>
public sealed record VocabularyTraining
{
    /// <summary>Tokens, at most; a small text gives fewer.</summary>
    [Range(100, 10_000_000)]
    public int Size { get; init; } = 30522;

    /// <summary>How often two pieces must stand side by side to become one.</summary>
    [Range(1, long.MaxValue)]
    public long MinFrequency { get; init; } = 2;

    /// <summary>Characters that are kept, the most frequent ones; words with others become [UNK].</summary>
    [Range(1, 1 << 20)]
    public int AlphabetLimit { get; init; } = 1000;

    /// <summary>Whether text is lowercased and stripped of accents.</summary>
    public bool Lowercase { get; init; } = true;
}

/// <summary>
/// Trains a WordPiece vocabulary as Hugging Face's <c>WordPieceTrainer</c> does: words start as single characters, and the pair of
/// pieces that stands side by side most often becomes a piece, again and again. The same text gives the same vocabulary, whatever
/// the number of threads.
/// </summary>
public static class WordPieceTrainer
{
    

    /// <summary>Trains a vocabulary.</summary>
    /// <param name="texts">The text, in any pieces: a word does not reach across two of them.</param>
    /// <param name="settings">Size and the like.</param>
    /// <param name="progress">Told of the words counted, then of the pieces found.</param>
    /// <param name="cancellation">Stops the training.</param>
    /// <exception cref="UserErrorException">There are no words in the text.</exception>
    public static Vocabulary Train(IEnumerable<string> texts, VocabularyTraining settings, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        var words = CountWords(texts, settings.Lowercase ? CharacterClasses.Lowercase : CharacterClasses.Cased, progress, cancellation);
        if (words.Count == 0)
            throw new UserErrorException("there are no words to train a vocabulary on: the text is empty");
        var alphabet = Alphabet(words, Math.Min(settings.AlphabetLimit, (settings.Size - Vocabulary.SpecialTokens.Count) / 4));
        return new Vocabulary(new Merging(words, alphabet, settings).Run(progress, cancellation), "the trained vocabulary");
    }

    /// <summary>How often each word occurs, in ordinal order.</summary>
    private static List<(string Word, long Count)> CountWords(IEnumerable<string> texts, CharacterClasses classes, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        var counters = new ConcurrentBag<Dictionary<string, long>>();
        long characters = 0;
        Parallel.ForEach(
            Partitioner.Create(texts, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
            () => new Dictionary<string, long>(StringComparer.Ordinal),
            (text, _, counts) =>
            {
                Count(text, classes, counts);
                progress?.Report(new ProgressReport("counting words", Interlocked.Add(ref characters, text.Length) / 1e6, null, "M characters"));
                return counts;
            },
            counters.Add);

        var total = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (word, count) in counters.SelectMany(counts => counts))
            CollectionsMarshal.GetValueRefOrAddDefault(total, word, out _) += count;
        return [.. total.Select(entry => (entry.Key, entry.Value)).OrderBy(entry => entry.Key, StringComparer.Ordinal)];
    }

    private static void Count(string text, CharacterClasses classes, Dictionary<string, long> counts)
    {
        Span<char> buffer = stackalloc char[WordScanner.BufferLength];
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        var words = new WordScanner(text, classes, buffer);
        while (words.MoveNext())
            if (!words.IsTooLong)
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, words.Word, out _)++;
    }

    /// <summary>The most frequent characters, in ordinal order.</summary>
    private static HashSet<Rune> Alphabet(List<(string Word, long Count)> words, int limit)
    {
        var counts = new Dictionary<Rune, long>();
        foreach (var (word, count) in words)
            foreach (var rune in word.EnumerateRunes())
                CollectionsMarshal.GetValueRefOrAddDefault(counts, rune, out _) += count;
        return [.. counts.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key).Take(limit).Select(entry => entry.Key)];
    }

    /// <summary>Words as lists of pieces, the pairs in them, and the joining of the most frequent pair.</summary>
    private sealed class Merging
    {
        private readonly List<string> tokens = [.. Vocabulary.SpecialTokens];
        private readonly Dictionary<string, int> ids = new(StringComparer.Ordinal);
        private readonly List<(int[] Pieces, long Count)> words = [];
        private readonly Dictionary<(int Left, int Right), Pair> pairs = [];
        // Most frequent first; ties go to the pieces found first.
        private readonly PriorityQueue<(int Left, int Right), (long Negative, int Left, int Right)> queue = new();
        private readonly VocabularyTraining settings;

        private sealed class Pair
        {
            public long Count;
            public readonly List<int> Words = [];
        }

        public Merging(List<(string Word, long Count)> counted, HashSet<Rune> alphabet, VocabularyTraining settings)
        {
            this.settings = settings;
            var kept = counted.Where(entry => entry.Word.EnumerateRunes().All(alphabet.Contains)).ToList();
            foreach (var character in alphabet.Order())
                Id(character.ToString());
            foreach (var character in kept.SelectMany(entry => entry.Word.EnumerateRunes().Skip(1)).Distinct().Order())
                Id(Vocabulary.Continuation + character);
            foreach (var (word, count) in kept)
                words.Add(([.. word.EnumerateRunes().Select((rune, i) => Id(i == 0 ? rune.ToString() : Vocabulary.Continuation + rune))], count));
            for (int word = 0; word < words.Count; word++)
                CountPairs(word, words[word].Count);
            foreach (var (pair, found) in pairs)
                queue.Enqueue(pair, (-found.Count, pair.Left, pair.Right));
        }

        public IEnumerable<string> Run(IProgress<ProgressReport>? progress, CancellationToken cancellation)
        {
            int rounds = 0;
            while (tokens.Count < settings.Size && queue.TryDequeue(out var pair, out var priority))
            {
                if (!pairs.TryGetValue(pair, out var found) || found.Count < settings.MinFrequency)
                    continue;
                if (-priority.Negative != found.Count)
                {
                    // Merges elsewhere have taken some of it: it waits for its new turn.
                    queue.Enqueue(pair, (-found.Count, pair.Left, pair.Right));
                    continue;
                }
                Join(pair, found);
                if (++rounds % 256 == 0)
                {
                    cancellation.ThrowIfCancellationRequested();
                    progress?.Report(new ProgressReport("joining pieces", tokens.Count, settings.Size, "tokens"));
                }
            }
            progress?.Report(new ProgressReport("joining pieces", tokens.Count, tokens.Count, "tokens"));
            return tokens;
        }

        private void Join((int Left, int Right) pair, Pair found)
        {
            pairs.Remove(pair);
            int joined = Id(tokens[pair.Left] + tokens[pair.Right][Vocabulary.Continuation.Length..]);
            var changed = new HashSet<(int, int)>();
            foreach (int word in found.Words)
            {
                var (pieces, count) = words[word];
                if (!Contains(pieces, pair))
                    continue; // listed twice, or gone with another merge
                CountPairs(word, -count);
                words[word] = (Replace(pieces, pair, joined), count);
                CountPairs(word, count);
                pieces = words[word].Pieces;
                for (int i = 1; i < pieces.Length; i++)
                    if (pieces[i - 1] == joined || pieces[i] == joined)
                        changed.Add((pieces[i - 1], pieces[i]));
            }
            pairs.Remove(pair);
            foreach (var (left, right) in changed)
                if (pairs.TryGetValue((left, right), out var neighbour))
                    queue.Enqueue((left, right), (-neighbour.Count, left, right));
        }

        private void CountPairs(int word, long count)
        {
            var pieces = words[word].Pieces;
            for (int i = 1; i < pieces.Length; i++)
            {
                ref var pair = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, (pieces[i - 1], pieces[i]), out _);
                pair ??= new Pair();
                pair.Count += count;
                if (count > 0 && (pair.Words.Count == 0 || pair.Words[^1] != word))
                    pair.Words.Add(word);
            }
        }

        private static bool Contains(int[] pieces, (int Left, int Right) pair)
        {
            for (int i = 1; i < pieces.Length; i++)
                if (pieces[i - 1] == pair.Left && pieces[i] == pair.Right)
                    return true;
            return false;
        }

        private static int[] Replace(int[] pieces, (int Left, int Right) pair, int joined)
        {
            var result = new List<int>(pieces.Length);
            for (int i = 0; i < pieces.Length; i++)
                if (i + 1 < pieces.Length && pieces[i] == pair.Left && pieces[i + 1] == pair.Right)
                {
                    result.Add(joined);
                    i++;
                }
                else
                    result.Add(pieces[i]);
            return [.. result];
        }

        private int Id(string token)
        {
            ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(ids, token, out bool known);
            if (!known)
            {
                id = tokens.Count;
                tokens.Add(token);
            }
            return id;
        }
    }
}
