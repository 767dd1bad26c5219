using System.ComponentModel.DataAnnotations;
using Electra.Tensors;

namespace Electra.Pretraining;

/// <summary>How the positions to mask are chosen.</summary>
public enum MaskingStyle
{
    /// <summary>Each position by itself, with the same probability: electra_pytorch.</summary>
    Independent,

    /// <summary>A fixed share of each sequence, drawn with replacement: google-research/electra, <c>pretrain_helpers.mask</c>.</summary>
    FixedShare,
}

/// <summary>Which tokens the generator has to guess, and what it sees in their place.</summary>
public sealed record MaskingOptions
{
    /// <summary>The share of tokens to guess (paper, table 6: 0.15 for small and base, 0.25 for large).</summary>
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

    /// <summary>Whether [UNK] may be chosen: no in electra_pytorch, yes in Google's code.</summary>
    public bool MaskUnknown { get; init; }
}

/// <summary>What masking must know of the vocabulary.</summary>
/// <param name="VocabularySize">Tokens in the vocabulary.</param>
/// <param name="MaskId">The id of [MASK].</param>
/// <param name="Special">Whether an id is never masked, <c>[vocabulary]</c>.</param>
public sealed record MaskingTokens(int VocabularySize, int MaskId, bool[] Special);

/// <summary>The result of masking: what the generator sees and what it has to guess.</summary>
/// <param name="Ids">Token ids with some masked, <c>[batch · length]</c>.</param>
/// <param name="Positions">Indices into <paramref name="Ids"/> of the tokens to guess.</param>
/// <param name="Targets">The tokens that were there.</param>
public sealed record MaskedTokens(long[] Ids, long[] Positions, long[] Targets);

/// <summary>Chooses tokens and hides them.</summary>
public static class Masking
{
    /// <summary>Masks a batch.</summary>
    /// <param name="ids">Token ids, <c>[batch · length]</c>.</param>
    /// <param name="lengths">The tokens of each sequence; the rest of its row is padding.</param>
    /// <param name="tokens">The vocabulary's part.</param>
    /// <param name="options">What to choose and how to hide it.</param>
    /// <param name="key">Names the random draws.</param>
    public static MaskedTokens Apply(ReadOnlySpan<long> ids, ReadOnlySpan<int> lengths, MaskingTokens tokens, MaskingOptions options, RandomKey key)
    {
        var (choice, hiding) = (key[0].Numbers(), key[1].Numbers());
        return Apply(ids, lengths, tokens, options, _ => choice.NextDouble(), _ => hiding.NextDouble());
    }

    /// <summary>The same, with the random numbers in [0, 1) that decide at each position given.</summary>
    internal static MaskedTokens Apply(ReadOnlySpan<long> ids, ReadOnlySpan<int> lengths, MaskingTokens tokens, MaskingOptions options,
        Func<int, double> choice, Func<int, double> hiding)
    {
        var positions = new List<int>();
        int length = ids.Length / lengths.Length;
        for (int row = 0; row < lengths.Length; row++)
            if (options.Style == MaskingStyle.Independent)
                ChooseIndependently(ids, row * length, lengths[row], tokens.Special, options.Probability, choice, positions);
            else
                ChooseFixedShare(ids, row * length, lengths[row], length, tokens.Special, options.Probability, choice, positions);
        return Hide(ids, positions, tokens, options, hiding);
    }

    private static void ChooseIndependently(ReadOnlySpan<long> ids, int start, int length, bool[] special, double probability, Func<int, double> choice, List<int> positions)
    {
        for (int i = start; i < start + length; i++)
            if (!special[ids[i]] && choice(i) < probability)
                positions.Add(i);
    }

    /// <summary>round(p · length) draws, at least one and at most int((p + 0.005) · maximum length); a position drawn twice counts twice.</summary>
    private static void ChooseFixedShare(ReadOnlySpan<long> ids, int start, int length, int maximum, bool[] special, double probability, Func<int, double> choice, List<int> positions)
    {
        Span<int> candidates = length <= 1024 ? stackalloc int[length] : new int[length];
        int count = 0;
        for (int i = start; i < start + length; i++)
            if (!special[ids[i]])
                candidates[count++] = i;
        if (count == 0)
            return;
        int draws = Math.Max(1, Math.Min((int)((probability + 0.005) * maximum), (int)Math.Round(probability * length)));
        for (int draw = 0; draw < draws; draw++)
            positions.Add(candidates[(int)(choice(start + draw) * count)]);
    }

    private static MaskedTokens Hide(ReadOnlySpan<long> ids, List<int> positions, MaskingTokens tokens, MaskingOptions options, Func<int, double> hiding)
    {
        var result = ids.ToArray();
        var (places, targets) = (new long[positions.Count], new long[positions.Count]);
        for (int i = 0; i < places.Length; i++)
        {
            int position = positions[i];
            (places[i], targets[i]) = (position, ids[position]);
            double draw = hiding(position);
            if (draw < options.MaskShare)
                result[position] = tokens.MaskId;
            else if (draw < options.MaskShare + options.RandomShare) // what is left of the draw is uniform again
                result[position] = (int)((draw - options.MaskShare) / options.RandomShare * tokens.VocabularySize);
        }
        return new MaskedTokens(result, places, targets);
    }
}
