namespace Electra.Data.Examples;

/// <summary>How much there is in a set of examples.</summary>
/// <param name="Examples">The number of examples.</param>
/// <param name="Tokens">Their tokens in all, <c>[CLS]</c> and <c>[SEP]</c> included.</param>
/// <param name="Unknown">How many of these are <c>[UNK]</c>.</param>
/// <param name="TwoSegments">Examples that have a second segment.</param>
internal readonly record struct ExampleCounts(long Examples, long Tokens, long Unknown, long TwoSegments)
{
    /// <summary>The counts of two sets together.</summary>
    public static ExampleCounts operator +(ExampleCounts a, ExampleCounts b) =>
        new(a.Examples + b.Examples, a.Tokens + b.Tokens, a.Unknown + b.Unknown, a.TwoSegments + b.TwoSegments);

    /// <summary>Tokens in an example, on average.</summary>
    public double MeanLength => Share(Tokens, Examples);

    /// <summary>The tokens of the text, that is without <c>[CLS]</c> and <c>[SEP]</c>.</summary>
    public long TextTokens => Tokens - 2 * Examples - TwoSegments;

    /// <summary>The share of <c>[UNK]</c> among the tokens of the text.</summary>
    public double UnknownShare => Share(Unknown, TextTokens);

    /// <summary>The share of the examples that have a second segment.</summary>
    public double TwoSegmentShare => Share(TwoSegments, Examples);

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}

/// <summary>What came out of preparing examples.</summary>
/// <param name="Documents">Documents read.</param>
/// <param name="Characters">Their characters in all.</param>
/// <param name="Train">The examples to train on.</param>
/// <param name="HeldOut">The examples kept for evaluation.</param>
/// <param name="DroppedTokens">Tokens of the documents that are in no example: the rest of lines that have more than an example has room
/// for.</param>
internal sealed record ExampleSummary(long Documents, long Characters, ExampleCounts Train, ExampleCounts HeldOut, long DroppedTokens)
{
    /// <summary>The share of the documents' tokens that is in no example.</summary>
    public double DroppedShare => DroppedTokens == 0 ? 0 : (double)DroppedTokens / (All.TextTokens + DroppedTokens);

    /// <summary>Both sets together.</summary>
    public ExampleCounts All => Train + HeldOut;
}
