using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Electra.Tokenization;

/// <summary>
/// WordPiece as Hugging Face's <c>ElectraTokenizerFast</c> does it: text is cleaned, stripped of accents and lowercased, split at
/// spaces and punctuation, and each word is cut into the longest pieces that the vocabulary has, from the left.
/// </summary>
/// <remarks>
/// Serves wherever a <see cref="Tokenizer"/> does. That library's own <c>BertTokenizer</c> gives other ids: it loses symbols and
/// joins words across line breaks. Offsets are places in the text as it was given, never in a normalised one, and so the normalised
/// text that some methods hand out is always null. May be used from several threads.
/// </remarks>
public sealed class ElectraTokenizer : Tokenizer
{
    private readonly CharacterClasses classes;
    private readonly PieceTrie pieces;
    private readonly AddedTokenMatcher addedTokens;
    private readonly ElectraTokenizer? ofNormalised;

    /// <summary>A tokenizer over a vocabulary.</summary>
    /// <param name="vocabulary">The pieces; those that continue a word begin with <c>##</c>.</param>
    /// <param name="lowercase">Whether text is lowercased and stripped of accents.</param>
    public ElectraTokenizer(Vocabulary vocabulary, bool lowercase = true)
        : this(vocabulary, new TokenizerSettings { Lowercase = lowercase }) { }

    /// <summary>A tokenizer over a vocabulary.</summary>
    /// <param name="vocabulary">The pieces; those that continue a word begin with <c>##</c>.</param>
    /// <param name="settings">How text is normalised.</param>
    /// <param name="findsSpecial">Whether special tokens in a text (<c>[MASK]</c>) stand for themselves; else they are text.</param>
    internal ElectraTokenizer(Vocabulary vocabulary, TokenizerSettings settings, bool findsSpecial = true)
        : this(
            vocabulary,
            settings,
            CharacterClasses.For(settings),
            new PieceTrie(vocabulary),
            vocabulary.AddedTokens.Where(token => !token.Normalized && (findsSpecial || !token.Special))
        )
    {
        var normalised = vocabulary.AddedTokens.Where(token => token.Normalized && (findsSpecial || !token.Special))
            .Select(token => token with { Content = NormalisedText.Of(token.Content, classes).Text })
            .Where(token => token.Content != "").DistinctBy(token => token.Content).ToList();
        if (normalised.Count > 0)
            ofNormalised = new ElectraTokenizer(vocabulary, settings, CharacterClasses.AsWritten, pieces, normalised);
    }

    private ElectraTokenizer(
        Vocabulary vocabulary,
        TokenizerSettings settings,
        CharacterClasses classes,
        PieceTrie pieces,
        IEnumerable<AddedToken> found
    )
    {
        (Vocabulary, Settings, this.classes, this.pieces) = (vocabulary, settings, classes, pieces);
        addedTokens = new AddedTokenMatcher(found);
    }

    /// <summary>The pieces.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>How text is normalised.</summary>
    internal TokenizerSettings Settings { get; }

    /// <summary>
    /// Names what decides a text's ids, for what is made with this tokenizer and kept: the vocabulary's digits and the settings.
    /// </summary>
    public string Fingerprint => $"{Vocabulary.Fingerprint} {Settings}";

    /// <summary>The same to which special tokens in a text are text: <c>[SEP]</c> is three pieces.</summary>
    internal ElectraTokenizer OfText => field ??= new ElectraTokenizer(Vocabulary, Settings, findsSpecial: false);

    /// <summary>The words of a text, normalised: what pieces are cut from.</summary>
    internal IReadOnlyList<string> Words(string text)
    {
        var (words, buffer) = (new List<string>(), new char[WordScanner.BufferLength(Settings.MaxWordLength)]);
        var scanner = new WordScanner(text, classes, buffer, Settings.MaxWordLength);
        while (scanner.MoveNext())
            words.Add(scanner.Word.ToString());
        return words;
    }

    /// <summary>Appends the ids of a text, without [CLS] and [SEP]. Allocates nothing beside the list's growth.</summary>
    /// <param name="text">The text; special tokens in it (<c>[MASK]</c>) stand for themselves.</param>
    /// <param name="ids">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> text, List<int> ids) => Encode(text, classes, ids);

    /// <summary>The text of ids, as Hugging Face's decoder gives it.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether [CLS], [SEP] and their like are left out.</param>
    /// <param name="cleanUp">Whether spaces before punctuation and in contractions are closed up.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens, bool cleanUp = true)
    {
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)Vocabulary.Count, nameof(ids));
            if (skipSpecialTokens && Vocabulary.IsSpecial(id))
                continue;
            var token = Vocabulary[id];
            if (text.Length > 0 && token.StartsWith(Vocabulary.Continuation, StringComparison.Ordinal))
                text.Append(token.AsSpan(Vocabulary.Continuation.Length));
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
        List<int> all = [.. ids];
        (idsConsumed, charsWritten) = (0, 0);
        if (all.Exists(id => (uint)id >= (uint)Vocabulary.Count))
            return OperationStatus.InvalidData;
        var text = Decode(all);
        idsConsumed = all.Count;
        if (text.Length > destination.Length)
        {
            // The longest beginning that fits: one more id never gives less text, for a token is as long as the space that it closes up.
            int fits = 0;
            for (int step = 1 << 30; step > 0; step >>= 1)
                if (step <= all.Count - fits && Decode(all.Take(fits + step)).Length <= destination.Length)
                    fits += step;
            (idsConsumed, text) = (fits, Decode(all.Take(fits)));
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
            Encode(span, ClassesFor(settings), ids);
            return new EncodeResults<int> { Tokens = ids, CharsConsumed = span.Length };
        }
        var limited = EncodeToTokens(text, textSpan, settings);
        return new EncodeResults<int> { Tokens = [.. limited.Tokens.Select(token => token.Id)], CharsConsumed = limited.CharsConsumed };
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A limit cuts between two pieces of a word too, and the text up to there has just these tokens. Where two pieces share a
    /// character (a Hangul syllable is two or three letters to an uncased vocabulary), the cut is before it.
    /// </remarks>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.MaxTokenCount, nameof(settings.MaxTokenCount));
        var span = text is null ? textSpan : text;
        var tokens = Tokens(span, ClassesFor(settings), settings.MaxTokenCount);
        int count = Math.Min(tokens.Count, settings.MaxTokenCount);
        while (count > 0 && count < tokens.Count && tokens[count].Offset.Start.Value < tokens[count - 1].Offset.End.Value)
            count--;
        int consumed = count == tokens.Count ? span.Length : count == 0 ? 0 : tokens[count - 1].Offset.End.Value;
        return new EncodeResults<EncodedToken> { Tokens = tokens[..count], CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        EncodeToIds(text, textSpan, settings).Tokens.Count;

    /// <inheritdoc/>
    /// <remarks>From the end, only whole words are kept: the end of a word alone would have other pieces.</remarks>
    protected override int GetIndexByTokenCount(
        string? text,
        ReadOnlySpan<char> textSpan,
        EncodeSettings settings,
        bool fromEnd,
        out string? normalizedText,
        out int tokenCount
    )
    {
        normalizedText = null;
        if (!fromEnd)
        {
            var beginning = EncodeToTokens(text, textSpan, settings);
            tokenCount = beginning.Tokens.Count;
            return beginning.CharsConsumed;
        }
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.MaxTokenCount, nameof(settings.MaxTokenCount));
        var span = text is null ? textSpan : text;
        var tokens = Tokens(span, ClassesFor(settings), int.MaxValue);
        int first = Math.Max(0, tokens.Count - settings.MaxTokenCount);
        while (first > 0 && first < tokens.Count && tokens[first].Value.StartsWith(Vocabulary.Continuation, StringComparison.Ordinal))
            first++;
        tokenCount = tokens.Count - first;
        return first == 0 ? 0 : first == tokens.Count ? span.Length : tokens[first].Offset.Start.Value;
    }

    private CharacterClasses ClassesFor(EncodeSettings settings)
    {
        var normal = settings.ConsiderNormalization ? classes : CharacterClasses.AsWritten;
        return settings.ConsiderPreTokenization ? normal : normal.Unsplit;
    }

    private void Encode(ReadOnlySpan<char> text, CharacterClasses classes, List<int> ids)
    {
        Span<char> buffer = stackalloc char[WordScanner.BufferLength(Settings.MaxWordLength)];
        for (int from = 0; ;)
        {
            var added = addedTokens.Next(text, from);
            if (ofNormalised is null)
            {
                var words = new WordScanner(text[from..added.Start], classes, buffer, Settings.MaxWordLength);
                while (words.MoveNext())
                    AppendPieces(words, ids);
            }
            else
                ofNormalised.Encode(NormalisedText.Of(text[from..added.Start], classes).Text, classes.AfterNormalisation, ids);
            if (added.Id < 0)
                return;
            ids.Add(added.Id);
            from = added.End;
        }
    }

    /// <summary>Tokens with their places in the text, until there are more than <paramref name="enough"/>.</summary>
    private List<EncodedToken> Tokens(ReadOnlySpan<char> text, CharacterClasses classes, int enough)
    {
        Span<char> buffer = stackalloc char[WordScanner.BufferLength(Settings.MaxWordLength)];
        Span<int> sources = stackalloc int[WordScanner.BufferLength(Settings.MaxWordLength)];
        var (tokens, ids) = (new List<EncodedToken>(), new List<int>());
        for (int from = 0; ;)
        {
            var added = addedTokens.Next(text, from);
            if (ofNormalised is null)
            {
                var words = new WordScanner(text[..added.Start], classes, buffer, Settings.MaxWordLength, sources, from);
                while (tokens.Count <= enough && words.MoveNext())
                    AppendTokens(words, ids, tokens);
            }
            else
            {
                var (normalised, places) = NormalisedText.Of(text[from..added.Start], classes);
                int start = from;
                tokens.AddRange(ofNormalised.Tokens(normalised, classes.AfterNormalisation, enough)
                    .Select(token => new EncodedToken(token.Id, token.Value, places.Of(token.Offset, start))));
            }
            if (added.Id < 0 || tokens.Count > enough)
                return tokens;
            tokens.Add(new EncodedToken(added.Id, Vocabulary[added.Id], added.Start..added.End));
            from = added.End;
        }
    }

    /// <summary>The pieces of a word with the places of the characters that they come from.</summary>
    private void AppendTokens(in WordScanner words, List<int> ids, List<EncodedToken> tokens)
    {
        ids.Clear();
        AppendPieces(words, ids);
        int start = 0;
        foreach (int id in ids)
        {
            if (id == Vocabulary.UnkId)
            {
                tokens.Add(new EncodedToken(id, Vocabulary[id], words.Start..words.End));
                continue;
            }
            int next = start + Vocabulary[id].Length - (start > 0 ? Vocabulary.Continuation.Length : 0);
            tokens.Add(new EncodedToken(id, Vocabulary[id], words.SourceOf(start, next)));
            start = next;
        }
    }

    /// <summary>The pieces of a word; [UNK] for the whole word where a part of it has no piece.</summary>
    private void AppendPieces(in WordScanner words, List<int> ids)
    {
        if (words.IsTooLong || !pieces.TryAppend(words.Word, ids))
            ids.Add(Vocabulary.UnkId);
    }

    /// <summary>
    /// What Hugging Face's <c>clean_up_tokenization</c> (transformers, <c>tokenization_utils_base.py</c>) closes up, in its order.
    /// </summary>
    private static StringBuilder CleanUp(StringBuilder text) => text
        .Replace(" .", ".").Replace(" ?", "?").Replace(" !", "!").Replace(" ,", ",").Replace(" ' ", "'").Replace(" n't", "n't")
        .Replace(" 'm", "'m").Replace(" 's", "'s").Replace(" 've", "'ve").Replace(" 're", "'re");
}
