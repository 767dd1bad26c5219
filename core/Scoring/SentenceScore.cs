namespace Electra.Scoring;

/// <summary>The score of a sentence.</summary>
/// <param name="Sum">The sum over its tokens; 0 where it has none.</param>
/// <param name="Tokens">Its tokens, without [CLS] and [SEP].</param>
public readonly record struct SentenceScore(double Sum, int Tokens)
{
    /// <summary>The score for each token; 0 where there is none.</summary>
    public double Mean => Tokens == 0 ? 0 : Sum / Tokens;
}
