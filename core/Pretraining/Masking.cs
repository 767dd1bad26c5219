using System.ComponentModel.DataAnnotations;
using Electra.Data;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>How the positions to mask are chosen.</summary>
public enum MaskingStyle
{
    /// <summary>Each position by itself, with the same probability: electra_pytorch.</summary>
    Independent,

    /// <summary>
    /// A fixed share of each sequence, drawn with replacement: google-research/electra, <c>pretrain_helpers.mask</c>. A position that is
    /// drawn twice counts twice in the generator's loss, and gets the mean of its two samples' ids, rounded down, as in that code.
    /// </summary>
    FixedShare,
}

/// <summary>What is masked whole or not at all.</summary>
public enum MaskingUnit
{
    /// <summary>A token.</summary>
    Token,

    /// <summary>
    /// A word: a token and those after it that continue it (<c>##</c>). With a fixed share, as Hugging Face's
    /// <c>DataCollatorForWholeWordMask</c>: words in random order until round(p · length) tokens are covered, at least one and at most 512;
    /// a word that would exceed that is passed over.
    /// </summary>
    Word,

    /// <summary>
    /// Up to <see cref="MaskingOptions.MaxSpan"/> words that follow each other, one such span in every window of 1/p times its length,
    /// as in DeBERTa's <c>NGramMaskGenerator</c>. Windows give more than the share asked for; those too many are left out at random,
    /// where DeBERTa leaves out the end of the row.
    /// </summary>
    Span,
}

/// <summary>Which tokens the generator has to predict, and what it reads in their place.</summary>
public sealed record MaskingOptions
{
    /// <summary>The share of tokens to predict (paper, table 6: 0.15 for small and base, 0.25 for large).</summary>
    [Range(0.001, 0.999)]
    public double Probability { get; init; } = 0.15;

    /// <summary>The share of those that becomes [MASK]; what is neither masked nor random stays as it is.</summary>
    [Range(0.0, 1.0)]
    public double MaskShare { get; init; } = 0.85;

    /// <summary>The share of those that becomes a random token. BERT's style is 0.8 masked and 0.1 random.</summary>
    [Range(0.0, 1.0)]
    public double RandomShare { get; init; }

    /// <summary>How positions are chosen.</summary>
    public MaskingStyle Style { get; init; }

    /// <summary>What is masked whole or not at all.</summary>
    public MaskingUnit Unit { get; init; }

    /// <summary>
    /// The most words in a span (<c>unit: span</c>); a span of n words is drawn in proportion to 1/n. 1 takes single tokens in place of
    /// words. Null: 3.
    /// </summary>
    [Range(1, 100)]
    public int? MaxSpan { get; init; }

    /// <summary>Whether [UNK] may be chosen: no in electra_pytorch, yes in Google's code.</summary>
    public bool MaskUnknown { get; init; }

    /// <summary>The units in words, after a share: nothing where they are tokens.</summary>
    internal string InUnits =>
        Unit switch
        {
            MaskingUnit.Word => ", as whole words",
            MaskingUnit.Span => $", in spans of up to {MaxSpan ?? MaskingUnits.DefaultMaxSpan}",
            _ => "",
        };

    /// <summary>What cannot be, or means nothing beside the other keys, as (key, problem).</summary>
    internal IEnumerable<(string Key, string Problem)> Problems()
    {
        if (MaskShare + RandomShare > 1)
            yield return (
                "random_share",
                $"is too large: mask_share and random_share together are {MaskShare + RandomShare}, more than all"
            );
        if (MaxSpan is not null && Unit != MaskingUnit.Span)
            yield return (
                "max_span",
                $"is of spans, and {(Unit == MaskingUnit.Word ? "words" : "tokens")} are masked: unit=span masks spans"
            );
    }
}

/// <summary>What masking must know of the vocabulary.</summary>
/// <param name="VocabularySize">Tokens in the vocabulary.</param>
/// <param name="MaskId">The id of [MASK].</param>
/// <param name="Special">Whether an id is never masked, <c>[vocabulary]</c>.</param>
public sealed record MaskingTokens(int VocabularySize, int MaskId, bool[] Special)
{
    /// <summary>The longest that an example may be, which bounds how many tokens of one are drawn as a fixed share.</summary>
    public int MaxLength { get; init; } = int.MaxValue;

    /// <summary>The id of [PAD].</summary>
    public int PadId { get; init; }

    /// <summary>Whether a token continues the word before it (<c>##</c>), <c>[vocabulary]</c>; for words and spans.</summary>
    public bool[] Continues { get; init; } = [];

    /// <summary>Whether a token is [CLS] or [SEP], which belong to no word, <c>[vocabulary]</c>; for words and spans.</summary>
    public bool[] Separators { get; init; } = [];
}

/// <summary>The result of masking: what the generator reads and what it has to predict.</summary>
/// <param name="Ids">Token ids with some masked, <c>[batch · length]</c>.</param>
/// <param name="Positions">Indices into <paramref name="Ids"/> of the tokens to predict.</param>
/// <param name="Targets">The tokens that were there.</param>
public sealed record MaskedTokens(long[] Ids, long[] Positions, long[] Targets);

/// <summary>Chooses tokens and masks them.</summary>
public static class Masking
{
    /// <summary>Masks a batch. The draws of a sequence follow its row in the whole batch.</summary>
    /// <param name="batch">Sequences of token ids.</param>
    /// <param name="tokens">The vocabulary's part.</param>
    /// <param name="options">What to choose, and what to put in its place.</param>
    /// <param name="key">Names the random draws.</param>
    public static MaskedTokens Apply(TokenBatch batch, MaskingTokens tokens, MaskingOptions options, RandomKey key)
    {
        return Apply(batch, tokens, options, row =>
        {
            var (choice, replacement) = (key[0][batch.FirstRow + row].Numbers(), key[1][batch.FirstRow + row].Numbers());
            return (_ => choice.NextDouble(), _ => replacement.NextDouble());
        });
    }

    /// <summary>
    /// Masks groups of positions, each whole or not at all: words, names, phrases. Each is chosen by itself with the options' probability.
    /// </summary>
    /// <param name="batch">Sequences of token ids.</param>
    /// <param name="tokens">The vocabulary's part; special tokens are never masked.</param>
    /// <param name="options">How often to choose a group, and what to put in the place of its tokens.</param>
    /// <param name="key">Names the random draws.</param>
    /// <param name="groupsOf">
    /// The groups of a row, each as indices into <see cref="TokenBatch.Ids"/>, the same at every call:
    /// <c>row => Masking.Words(batch, row, vocabulary)</c>.
    /// </param>
    public static MaskedTokens ApplyToGroups(
        TokenBatch batch, MaskingTokens tokens, MaskingOptions options, RandomKey key, Func<int, IEnumerable<int[]>> groupsOf)
    {
        var result = batch.Ids.ToArray();
        var positions = new List<long>();
        for (int row = 0; row < batch.Size; row++)
        {
            var (choice, replacement) = (key[0][batch.FirstRow + row].Numbers(), key[1][batch.FirstRow + row].Numbers());
            foreach (var group in groupsOf(row))
                if (choice.NextDouble() < options.Probability)
                    foreach (int position in group.Where(position => !tokens.Special[batch.Ids[position]]))
                    {
                        positions.Add(position);
                        Replace(result, position, tokens, options, _ => replacement.NextDouble());
                    }
        }
        return new MaskedTokens(result, [.. positions], [.. positions.Select(position => batch.Ids[position])]);
    }

    /// <summary>The words of a row: each token that begins one, with those after it that continue it (<c>##</c>).</summary>
    /// <param name="batch">Sequences of token ids.</param>
    /// <param name="row">Which of them.</param>
    /// <param name="vocabulary">Tells which tokens continue a word.</param>
    /// <returns>Indices into <see cref="TokenBatch.Ids"/> for each word, special tokens among them as words of their own.</returns>
    public static IEnumerable<int[]> Words(TokenBatch batch, int row, Vocabulary vocabulary)
    {
        int end = (row * batch.Length) + batch.Lengths[row];
        for (int start = row * batch.Length, next; start < end; start = next)
        {
            next = start + 1;
            while (next < end && vocabulary.Continues((int)batch.Ids[next]))
                next++;
            yield return [.. Enumerable.Range(start, next - start)];
        }
    }

    /// <summary>Masks a batch with the random numbers in [0, 1) given.</summary>
    /// <param name="batch">Sequences of token ids.</param>
    /// <param name="tokens">The vocabulary's part.</param>
    /// <param name="options">What to choose, and what to put in its place.</param>
    /// <param name="drawsOf">From a row to what decides whether, or which, position is chosen, and what stands in its place.</param>
    internal static MaskedTokens Apply(TokenBatch batch, MaskingTokens tokens, MaskingOptions options,
        Func<int, (Func<int, double> Choice, Func<int, double> Replacement)> drawsOf)
    {
        tokens = tokens with { MaxLength = Math.Min(tokens.MaxLength, batch.MaxLength) };
        var result = batch.Ids.ToArray();
        var positions = new List<long>();
        for (int row = 0; row < batch.Size; row++)
        {
            var (choice, replacement) = drawsOf(row);
            int first = positions.Count;
            foreach (var (start, length) in batch.ExamplesOf(row))
                positions.AddRange(Chosen(batch.Ids, start, length, tokens, options, choice));
            for (int i = first; i < positions.Count; i++)
                Replace(result, (int)positions[i], tokens, options, replacement);
        }
        return new MaskedTokens(result, [.. positions], [.. positions.Select(position => batch.Ids[position])]);
    }

    /// <summary>The positions of an example that are chosen, as indices into all ids.</summary>
    private static IEnumerable<long> Chosen(
        long[] ids,
        int start,
        int length,
        MaskingTokens tokens,
        MaskingOptions options,
        Func<int, double> choice
    )
    {
        var candidates = Enumerable.Range(start, length).Where(i => !tokens.Special[ids[i]]);
        if (options.Unit != MaskingUnit.Token && tokens.Continues.Length == 0)
            throw new ArgumentException("words are told apart by Continues and Separators", nameof(tokens));
        if (options.Unit != MaskingUnit.Token)
            return MaskingUnits
                .Chosen(MaskingUnits.Words(ids, start, length, tokens), length, options, choice)
                .Where(i => !tokens.Special[ids[i]])
                .Order()
                .Select(i => (long)i);
        return options.Style == MaskingStyle.Independent
            ? candidates.Where(i => choice(i) < options.Probability).Select(i => (long)i)
            : FixedShare([.. candidates], FixedShareDraws(length, tokens.MaxLength, options.Probability), draw => choice(start + draw));
    }

    /// <summary>A position drawn twice counts twice.</summary>
    private static IEnumerable<long> FixedShare(int[] candidates, int draws, Func<int, double> choice) =>
        candidates.Length == 0
            ? []
            : Enumerable.Range(0, draws).Select(draw => (long)candidates[(int)(choice(draw) * candidates.Length)]);

    /// <summary>round(p · length) draws, at least one and at most int((p + 0.005) · maximum length).</summary>
    /// <remarks>
    /// google-research/electra, <c>pretrain_helpers.mask</c> and <c>configure_pretraining.py</c>: the product is one of float32, rounded
    /// to the nearest even number (190 · 0.15 gives 29); the most is one of float64.
    /// </remarks>
    internal static int FixedShareDraws(int length, int maximum, double probability) =>
        Math.Max(1, Math.Min((int)((probability + 0.005) * maximum), (int)MathF.Round(length * (float)probability)));

    private static void Replace(long[] ids, int position, MaskingTokens tokens, MaskingOptions options, Func<int, double> replacement)
    {
        double draw = replacement(position);
        if (draw < options.MaskShare)
            ids[position] = tokens.MaskId;
        else if (draw < options.MaskShare + options.RandomShare) // what is left of the draw is uniform again
            ids[position] = (int)((draw - options.MaskShare) / options.RandomShare * tokens.VocabularySize);
    }
}
