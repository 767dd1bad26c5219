using System.Runtime.InteropServices;
using System.Text;

namespace Electra.Tokenization;

/// <summary>
/// Words as lists of pieces, the pairs of neighbours in them, and the joining of the most frequent pair (Hugging Face tokenizers,
/// <c>models/bpe/trainer.rs</c>, <c>do_train</c>). Only the words that hold the joined pair are looked at again.
/// </summary>
internal sealed class PairMerging
{
    private readonly List<string> tokens = [.. Vocabulary.SpecialTokens];
    private readonly Dictionary<string, int> ids = new(StringComparer.Ordinal);
    private readonly List<(int[] Pieces, long Count)> words = [];
    private readonly Dictionary<(int Left, int Right), Occurrences> pairs = [];
    // Most frequent first; ties go to the pieces found first.
    private readonly PriorityQueue<(int Left, int Right), (long Negative, int Left, int Right)> queue = new();

    /// <summary>Cuts words into single characters.</summary>
    /// <param name="counted">How often each word occurs.</param>
    /// <param name="alphabet">The characters to keep.</param>
    public PairMerging(Dictionary<string, long> counted, HashSet<Rune> alphabet)
    {
        // In code-point order, so that ids, which break ties, do not hang on the order of the words.
        foreach (var character in alphabet.Order())
            Id(character.ToString());
        foreach (
            var character in counted.Keys.SelectMany(word => word.EnumerateRunes().Skip(1)).Distinct().Where(alphabet.Contains).Order()
        )
            Id(Vocabulary.Continuation + character);

        foreach (var (word, count) in counted)
        {
            words.Add((Characters(word, alphabet), count));
            foreach (var pair in Neighbours(words[^1].Pieces))
                Count(pair, count).List(words.Count - 1);
        }
        foreach (var (pair, found) in pairs)
            Enqueue(pair, found);
    }

    /// <summary>Joins pairs until there are enough tokens, or no pair is frequent enough.</summary>
    /// <returns>The tokens: special ones, single characters, and joined pieces in the order they were found.</returns>
    public IReadOnlyList<string> Run(VocabularyTraining settings, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        const int JoinsPerReport = 256;
        int joins = 0;
        while (tokens.Count < settings.Size && queue.TryDequeue(out var pair, out var priority))
        {
            if (!pairs.TryGetValue(pair, out var found) || found.Count < settings.MinFrequency)
                continue;
            if (-priority.Negative != found.Count)
            {
                // Its count has changed since it was queued: it waits for its new turn.
                Enqueue(pair, found);
                continue;
            }
            Join(pair, found);
            if (++joins % JoinsPerReport == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new ProgressReport("joining pieces", tokens.Count, settings.Size, "tokens"));
            }
        }
        progress?.Report(new ProgressReport("joining pieces", tokens.Count, tokens.Count, "tokens"));
        return tokens;
    }

    private void Join((int Left, int Right) pair, Occurrences found)
    {
        int joined = Id(tokens[pair.Left] + tokens[pair.Right][Vocabulary.Continuation.Length..]);
        var grown = new HashSet<(int Left, int Right)>();
        foreach (int word in found.Words)
        {
            var (pieces, count) = words[word];
            var shorter = Replace(pieces, pair, joined);
            if (shorter.Length == pieces.Length)
                continue; // the pair has gone with another join
            words[word] = (shorter, count);
            foreach (var neighbours in Neighbours(pieces))
                Count(neighbours, -count);
            foreach (var neighbours in Neighbours(shorter))
            {
                var occurrences = Count(neighbours, count);
                if (neighbours.Left != joined && neighbours.Right != joined)
                    continue;
                occurrences.List(word);
                grown.Add(neighbours);
            }
        }
        pairs.Remove(pair);
        foreach (var neighbours in grown)
            Enqueue(neighbours, pairs[neighbours]);
    }

    private void Enqueue((int Left, int Right) pair, Occurrences found) => queue.Enqueue(pair, (-found.Count, pair.Left, pair.Right));

    private Occurrences Count((int Left, int Right) pair, long count)
    {
        var occurrences = CollectionsMarshal.GetValueRefOrAddDefault(pairs, pair, out _) ??= new Occurrences();
        occurrences.Count += count;
        return occurrences;
    }

    /// <summary>As in the Rust code, characters outside the alphabet are left out, and those around them become neighbours.</summary>
    private int[] Characters(string word, HashSet<Rune> alphabet) =>
        [.. word.EnumerateRunes()
            .Select((character, place) => (Character: character, Prefix: place == 0 ? "" : Vocabulary.Continuation))
            .Where(piece => alphabet.Contains(piece.Character))
            .Select(piece => Id(piece.Prefix + piece.Character))];

    private static IEnumerable<(int Left, int Right)> Neighbours(int[] pieces)
    {
        for (int i = 1; i < pieces.Length; i++)
            yield return (pieces[i - 1], pieces[i]);
    }

    private static int[] Replace(int[] pieces, (int Left, int Right) pair, int joined)
    {
        var result = new List<int>(pieces.Length);
        for (int i = 0; i < pieces.Length; i++)
            if (i + 1 < pieces.Length && (pieces[i], pieces[i + 1]) == pair)
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

    /// <summary>How often a pair occurs, and in which words: perhaps no longer in all of them.</summary>
    private sealed class Occurrences
    {
        public long Count { get; set; }

        public List<int> Words { get; } = [];

        public void List(int word)
        {
            if (Words.Count == 0 || Words[^1] != word)
                Words.Add(word);
        }
    }
}
