
namespace Electra.Pretraining;

/// <summary>How well replaced tokens are told from original ones.</summary>
/// <param name="Tokens">Tokens judged.</param>
/// <param name="ReplacedShare">The share of them that was replaced.</param>
/// <param name="Accuracy">The share judged rightly, at a logit of 0.</param>
/// <param name="Precision">Of the tokens called replaced, the share that was; 0 when none was called so.</param>
/// <param name="Recall">Of the replaced tokens, the share that was called so.</param>
/// <param name="Auc">Area under the ROC curve: the chance that a replaced token is suspected more than an original one; 0.5 is
/// guessing.</param>
public sealed record DetectionMetrics(long Tokens, double ReplacedShare, double Accuracy, double Precision, double Recall, double Auc)
{
    /// <summary>The accuracy of calling every token original.</summary>
    public double MajorityBaseline => Math.Max(ReplacedShare, 1 - ReplacedShare);

    /// <summary>Measures logits against the truth.</summary>
    /// <param name="logits">Positive means "replaced".</param>
    /// <param name="replaced">Whether each token was replaced.</param>
    public static DetectionMetrics Of(ReadOnlySpan<float> logits, ReadOnlySpan<bool> replaced)
    {
        long truePositives = 0, falsePositives = 0, positives = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            positives += replaced[i] ? 1 : 0;
            if (logits[i] > 0)
                _ = replaced[i] ? truePositives++ : falsePositives++;
        }
        long negatives = logits.Length - positives;
        return new DetectionMetrics(
            logits.Length,
            Share(positives, logits.Length),
            Share(truePositives + negatives - falsePositives, logits.Length),
            Share(truePositives, truePositives + falsePositives),
            Share(truePositives, positives),
            AreaUnderCurve(logits, replaced, positives, negatives));
    }

    /// <summary>
    /// The Mann–Whitney statistic: ranks summed over the positives, ties at their mean rank. 0.5 where one class is missing, NaN where a
    /// logit is.
    /// </summary>
    private static double AreaUnderCurve(ReadOnlySpan<float> logits, ReadOnlySpan<bool> replaced, long positives, long negatives)
    {
        if (positives == 0 || negatives == 0)
            return 0.5;
        if (logits.ContainsAnyExceptInRange(float.NegativeInfinity, float.PositiveInfinity))
            return double.NaN;
        var (scores, labels) = (logits.ToArray(), replaced.ToArray());
        Array.Sort(scores, labels);
        double rankSum = 0;
        for (int start = 0, end; start < scores.Length; start = end)
        {
            int tiedPositives = 0;
            for (end = start; end < scores.Length && scores[end] == scores[start]; end++)
                tiedPositives += labels[end] ? 1 : 0;
            rankSum += tiedPositives * (start + 1 + end) / 2.0;
        }
        return (rankSum - positives * (positives + 1) / 2.0) / ((double)positives * negatives);
    }

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
