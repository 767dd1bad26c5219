using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Electra.Text;

/// <summary>
/// WordPiece as Hugging Face's <c>ElectraTokenizerFast</c> does it: text is cleaned, stripped of accents and lowercased, split at
/// spaces and punctuation, and each word is cut into the longest pieces that the vocabulary has, from the left.
/// </summary>
/// <remarks>
/// Serves wherever a <see cref="Tokenizer"/> does. That library's own <c>BertTokenizer</c> gives other ids: it loses symbols and
/// joins words across line breaks. Normalisation and splitting are one pass over the text here, and are always done: the flags that
/// would turn them off are ignored. May be used from several threads.
/// </remarks>
public sealed class ElectraTokenizer : Tokenizer
{
    private const string Continuation = "##";

    private readonly CharacterClasses classes;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> starts, continuations;
    private readonly int longestStart, longestContinuation;

    /// <summary>A tokenizer over a vocabulary.</summary>
    /// <param name="vocabulary">The pieces; those that continue a word begin with <c>##</c>.</param>
    /// <param name="lowercase">Whether text is lowercased and stripped of accents.</param>
    public ElectraTokenizer(Vocabulary vocabulary, bool lowercase = true)
    {
        Vocabulary = vocabulary;
        Lowercase = lowercase;
        classes = lowercase ? CharacterClasses.Lowercase : CharacterClasses.Cased;
        var (first, rest) = (new Dictionary<string, int>(StringComparer.Ordinal), new Dictionary<string, int>(StringComparer.Ordinal));
        for (int id = 0; id < vocabulary.Count; id++)
        {
            var token = vocabulary[id];
            first[token] = id;
            if (token.StartsWith(Continuation, StringComparison.Ordinal) && token.Length > Continuation.Length)
                rest[token[Continuation.Length..]] = id;
        }
        (starts, continuations) = (first.GetAlternateLookup<ReadOnlySpan<char>>(), rest.GetAlternateLookup<ReadOnlySpan<char>>());
        (longestStart, longestContinuation) = (first.Keys.Max(token => token.Length), rest.Keys.Select(token => token.Length).DefaultIfEmpty(0).Max());
    }

    /// <summary>The pieces.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>Whether text is lowercased and stripped of accents.</summary>
    public bool Lowercase { get; }

    /// <summary>Appends the ids of a text, without [CLS] and [SEP].</summary>
    /// <param name="text">The text; special tokens in it (<c>[MASK]</c>) stand for themselves.</param>
    /// <param name="ids">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> text, List<int> ids)
    {
        var scratch = Scratch.Of(this);
        while (FindSpecial(text) is { Id: >= 0 } special)
        {
            EncodeWords(text[..special.Start], scratch, ids);
            ids.Add(special.Id);
            text = text[special.End..];
        }
        EncodeWords(text, scratch, ids);
    }

    /// <summary>The ids of many texts, worked out in parallel.</summary>
    public IReadOnlyList<int>[] EncodeBatch(IReadOnlyList<string> texts)
    {
        var results = new IReadOnlyList<int>[texts.Count];
        Parallel.For(0, texts.Count, i =>
        {
            var ids = new List<int>(texts[i].Length / 4);
            Encode(texts[i], ids);
            results[i] = ids;
        });
        return results;
    }

    /// <summary>The text of ids, as Hugging Face's decoder gives it.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether [CLS], [SEP] and their like are left out.</param>
    /// <param name="cleanUp">Whether spaces before punctuation and in contractions are closed up.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens, bool cleanUp = true)
    {
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            if (skipSpecialTokens && Vocabulary.IsSpecial(id))
                continue;
            var token = Vocabulary[id];
            if (text.Length > 0 && token.StartsWith(Continuation, StringComparison.Ordinal))
                text.Append(token, Continuation.Length, token.Length - Continuation.Length);
            else
                text.Append(text.Length > 0 ? " " : "").Append(token);
        }
        return cleanUp ? CleanUp(text).ToString() : text.ToString();
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) => Decode(ids, skipSpecialTokens: false);

    /// <inheritdoc/>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        var all = ids.ToList();
        var text = Decode(all, skipSpecialTokens: false);
        idsConsumed = all.Count;
        if (text.Length > destination.Length)
        {
            // The longest beginning that fits: more ids never give less text, but for a space or two that is cleaned up.
            int fits = 0;
            for (int step = 1 << 30; step > 0; step >>= 1)
                if (fits + step <= all.Count && Decode(all.Take(fits + step), skipSpecialTokens: false).Length <= destination.Length)
                    fits += step;
            (idsConsumed, text) = (fits, Decode(all.Take(fits), skipSpecialTokens: false));
        }
        text.CopyTo(destination);
        charsWritten = text.Length;
        return idsConsumed == all.Count ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var span = text is null ? textSpan : text;
        if (settings.MaxTokenCount == int.MaxValue)
        {
            var ids = new List<int>();
            Encode(span, ids);
            return new EncodeResults<int> { Tokens = ids, CharsConsumed = span.Length };
        }
        var limited = EncodeToTokens(text, textSpan, settings);
        return new EncodeResults<int> { Tokens = [.. limited.Tokens.Select(token => token.Id)], CharsConsumed = limited.CharsConsumed };
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var span = text is null ? textSpan : text;
        var tokens = Tokens(span);
        if (tokens.Count <= settings.MaxTokenCount)
            return new EncodeResults<EncodedToken> { Tokens = tokens, CharsConsumed = span.Length };
        int consumed = settings.MaxTokenCount == 0 ? 0 : tokens[settings.MaxTokenCount - 1].Offset.End.Value;
        return new EncodeResults<EncodedToken> { Tokens = tokens[..settings.MaxTokenCount], CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        EncodeToIds(text, textSpan, settings).Tokens.Count;

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd, out string? normalizedText, out int tokenCount)
    {
        normalizedText = null;
        var span = text is null ? textSpan : text;
        var tokens = Tokens(span);
        tokenCount = Math.Min(tokens.Count, settings.MaxTokenCount);
        if (tokenCount == tokens.Count)
            return fromEnd ? 0 : span.Length;
        if (tokenCount == 0)
            return fromEnd ? span.Length : 0;
        return fromEnd ? tokens[^tokenCount].Offset.Start.Value : tokens[tokenCount - 1].Offset.End.Value;
    }

    private void EncodeWords(ReadOnlySpan<char> text, Scratch scratch, List<int> ids)
    {
        var words = new WordScanner(text, classes, scratch.Word);
        while (words.MoveNext())
        {
            if (words.IsTooLong)
            {
                ids.Add(Vocabulary.UnkId);
                continue;
            }
            ref var known = ref scratch.Recall(words.Word);
            if (known.Count == 0)
            {
                int before = ids.Count;
                AppendPieces(words.Word, ids);
                scratch.Remember(words.Word, CollectionsMarshal.AsSpan(ids)[before..]);
            }
            else if (known.Count == 1)
                ids.Add(known.First);
            else
                ids.AddRange(scratch.PiecesOf(known));
        }
    }

    /// <summary>The longest piece first, from the left; [UNK] for the whole word where a part of it has no piece.</summary>
    private void AppendPieces(ReadOnlySpan<char> word, List<int> ids)
    {
        int before = ids.Count;
        for (int start = 0, end; start < word.Length; start = end)
        {
            int id = LongestPiece(word, start, out end);
            if (id < 0)
            {
                CollectionsMarshal.SetCount(ids, before);
                ids.Add(Vocabulary.UnkId);
                return;
            }
            ids.Add(id);
        }
    }

    private int LongestPiece(ReadOnlySpan<char> word, int start, out int end)
    {
        var pieces = start == 0 ? starts : continuations;
        for (end = Math.Min(word.Length, start + (start == 0 ? longestStart : longestContinuation)); end > start; end--)
            if (pieces.TryGetValue(word[start..end], out int id))
                return id;
        return -1;
    }

    /// <summary>Tokens with their places in the text.</summary>
    private List<EncodedToken> Tokens(ReadOnlySpan<char> text)
    {
        var tokens = new List<EncodedToken>();
        int offset = 0;
        while (FindSpecial(text[offset..]) is { Id: >= 0 } special)
        {
            AppendTokens(text.Slice(offset, special.Start), offset, tokens);
            tokens.Add(new EncodedToken(special.Id, Vocabulary[special.Id], new Range(offset + special.Start, offset + special.End)));
            offset += special.End;
        }
        AppendTokens(text[offset..], offset, tokens);
        return tokens;
    }

    private void AppendTokens(ReadOnlySpan<char> text, int offset, List<EncodedToken> tokens)
    {
        Span<char> buffer = stackalloc char[WordScanner.BufferLength];
        Span<int> sources = stackalloc int[WordScanner.BufferLength];
        var words = new WordScanner(text, classes, buffer, sources);
        while (words.MoveNext())
        {
            int before = tokens.Count;
            bool unknown = words.IsTooLong;
            for (int start = 0, end; start < words.Word.Length && !unknown; start = end)
            {
                int id = LongestPiece(words.Word, start, out end);
                unknown = id < 0;
                if (!unknown)
                    tokens.Add(new EncodedToken(id, Vocabulary[id], new Range(
                        offset + words.SourceOf(start), offset + (end < words.Word.Length ? words.SourceOf(end) : words.End))));
            }
            if (unknown)
            {
                tokens.RemoveRange(before, tokens.Count - before);
                tokens.Add(new EncodedToken(Vocabulary.UnkId, Vocabulary[Vocabulary.UnkId], new Range(offset + words.Start, offset + words.End)));
            }
        }
    }

    /// <summary>The first special token in a text; an id of −1 where there is none.</summary>
    private (int Id, int Start, int End) FindSpecial(ReadOnlySpan<char> text)
    {
        for (int from = 0; text[from..].IndexOf('[') is >= 0 and var found; from += found + 1)
            foreach (int id in Vocabulary.SpecialIds)
                if (text[(from + found)..].StartsWith(Vocabulary[id], StringComparison.Ordinal))
                    return (id, from + found, from + found + Vocabulary[id].Length);
        return (-1, 0, 0);
    }

    /// <summary>What Hugging Face's WordPiece decoder closes up, in its order.</summary>
    private static StringBuilder CleanUp(StringBuilder text) => text
        .Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",").Replace(" ' ", "'").Replace(" n't", "n't")
        .Replace(" 'm", "'m").Replace(" do not", " don't").Replace(" 's", "'s").Replace(" 've", "'ve").Replace(" 're", "'re");

    /// <summary>The pieces of a word seen before: a range of a scratch's list.</summary>
    private readonly record struct KnownWord(int First, int Count);

    /// <summary>A thread's own working memory: the current word, and the pieces of words seen before.</summary>
    private sealed class Scratch(ElectraTokenizer owner)
    {
        private const int MaxWords = 1 << 17, MaxLength = 32;

        [ThreadStatic]
        private static Scratch? current;

        private static KnownWord none;

        private readonly ElectraTokenizer owner = owner;
        private readonly Dictionary<string, KnownWord> words = new(StringComparer.Ordinal);
        private readonly List<int> pieces = [];

        public char[] Word { get; } = new char[WordScanner.BufferLength];

        /// <summary>This thread's scratch; another tokenizer's is forgotten.</summary>
        public static Scratch Of(ElectraTokenizer tokenizer) =>
            current is { } scratch && ReferenceEquals(scratch.owner, tokenizer) ? scratch : current = new Scratch(tokenizer);

        /// <summary>What is known of a word; a count of 0 where nothing is.</summary>
        public ref KnownWord Recall(ReadOnlySpan<char> word)
        {
            ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(words.GetAlternateLookup<ReadOnlySpan<char>>(), word);
            return ref System.Runtime.CompilerServices.Unsafe.IsNullRef(ref known) ? ref none : ref known;
        }

        public void Remember(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
        {
            if (words.Count >= MaxWords || word.Length > MaxLength)
                return;
            words[word.ToString()] = new KnownWord(ids.Length == 1 ? ids[0] : pieces.Count, ids.Length);
            if (ids.Length > 1)
                pieces.AddRange(ids);
        }

        public ReadOnlySpan<int> PiecesOf(KnownWord word) => CollectionsMarshal.AsSpan(pieces).Slice(word.First, word.Count);
    }
}
