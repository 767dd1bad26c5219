using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Electra.Data.Answering;

/// <summary>
/// The scores of SQuAD's and MRQA's official scripts (<c>evaluate-v1.1.py</c>, <c>evaluate-v2.0.py</c>, <c>mrqa_official_eval.py</c>) for
/// one answer. Normalised: lower case, without ASCII punctuation and articles, single spaces.
/// </summary>
internal static partial class OfficialScores
{
    private static readonly string[] Articles = ["a", "an", "the"];

    /// <summary>The text that is compared.</summary>
    public static string Normalised(string text)
    {
        // As Python does it: two letters for this capital, which the invariant culture leaves, and another sigma at a word's end.
        var lower = FinalSigma().Replace(text.Replace("\u0130", "i\u0307", StringComparison.Ordinal), "\u03C2").ToLowerInvariant();
        var letters = new StringBuilder(lower.Length);
        foreach (char c in lower)
            if (!char.IsAscii(c) || !(char.IsPunctuation(c) || char.IsSymbol(c)))
                letters.Append(c);
        var (kept, word) = (new StringBuilder(lower.Length), new StringBuilder());
        foreach (var rune in letters.ToString().EnumerateRunes())
            if (IsOfWord(rune))
                word.Append(rune);
            else
            {
                EndWord();
                kept.Append(IsSpace(rune) ? " " : rune.ToString());
            }
        EndWord();
        return string.Join(' ', kept.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));

        void EndWord()
        {
            kept.Append(Articles.Contains(word.ToString()) ? " " : word.ToString());
            word.Clear();
        }
    }

    /// <summary>Whether an answer is right in every word: 1 or 0.</summary>
    public static double Exact(string prediction, string gold) => Normalised(prediction) == Normalised(gold) ? 1 : 0;

    /// <summary>The harmonic mean of precision and recall of an answer's words.</summary>
    /// <param name="prediction">The answer.</param>
    /// <param name="gold">The right one.</param>
    /// <param name="emptyIsOne">Whether two answers without words are alike, as in the script of version 2.0; else they are 0.</param>
    public static double F1(string prediction, string gold, bool emptyIsOne)
    {
        string[] own = Words(prediction), right = Words(gold);
        if (own.Length == 0 || right.Length == 0)
            return emptyIsOne && own.Length == right.Length ? 1 : 0;
        var counts = right.CountBy(word => word).ToDictionary();
        int common = own.CountBy(word => word).Sum(word => Math.Min(word.Value, counts.GetValueOrDefault(word.Key)));
        if (common == 0)
            return 0;
        double precision = (double)common / own.Length, recall = (double)common / right.Length;
        return 2 * precision * recall / (precision + recall);

        static string[] Words(string text) => Normalised(text).Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>What Python's <c>\w</c> means: letters, numbers and the underscore, without marks.</summary>
    private static bool IsOfWord(Rune rune) =>
        rune.Value == '_'
        || Rune.GetUnicodeCategory(rune)
            is <= UnicodeCategory.OtherLetter
                or UnicodeCategory.DecimalDigitNumber
                or UnicodeCategory.LetterNumber
                or UnicodeCategory.OtherNumber;

    /// <summary>What Python's <c>str.split</c> splits at.</summary>
    private static bool IsSpace(Rune rune) => Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1C and <= 0x1F;

    [GeneratedRegex(@"(?<=\p{L}\p{M}*)\u03A3(?!\p{M}*\p{L})")]
    private static partial Regex FinalSigma();
}

/// <summary>How good a question's answer is: the best over its right answers, each score for itself.</summary>
/// <param name="Exact">1 or 0.</param>
/// <param name="F1">From 0 to 1.</param>
/// <param name="HasAnswer">Whether the question has an answer.</param>
/// <param name="IsEmpty">Whether none was predicted.</param>
/// <param name="NullOdds">The higher, the less likely it is that the text answers the question.</param>
internal sealed record AnswerScore(double Exact, double F1, bool HasAnswer, bool IsEmpty, double NullOdds)
{
    /// <summary>The score of an answer.</summary>
    /// <param name="prediction">The answer; empty: there is none.</param>
    /// <param name="golds">The right ones.</param>
    /// <param name="unanswerable">Whether questions may have no answer: the rules of version 2.0.</param>
    /// <param name="nullOdds">How unlikely it is that there is one.</param>
    public static AnswerScore Of(string prediction, IReadOnlyList<string> golds, bool unanswerable, double nullOdds = 0)
    {
        var right = unanswerable ? [.. golds.Where(gold => OfficialScores.Normalised(gold) != "")] : golds;
        if (right.Count == 0)
            right = [""];
        return new AnswerScore(
            right.Max(gold => OfficialScores.Exact(prediction, gold)),
            right.Max(gold => OfficialScores.F1(prediction, gold, unanswerable)),
            golds.Count > 0,
            prediction == "",
            nullOdds
        );
    }

    /// <summary>The score where questions with higher odds than a threshold are left unanswered.</summary>
    public AnswerScore At(double threshold) => NullOdds > threshold
        ? this with { Exact = HasAnswer ? 0 : 1, F1 = HasAnswer ? 0 : 1, IsEmpty = true }
        : this;

    /// <summary>
    /// The threshold at which questions with higher odds are best left unanswered, and the mean that it gives. Where it is best to answer
    /// none, it is −∞; the official script says 0, which is wrong of odds below that.
    /// </summary>
    /// <param name="scores">The scores of answers to all questions.</param>
    /// <param name="value">The score that is to be high.</param>
    public static (double Best, double Threshold) BestThreshold(
        IReadOnlyCollection<AnswerScore> scores,
        Func<AnswerScore, double> value
    )
    {
        double sum = scores.Count(score => !score.HasAnswer), best = sum, threshold = double.NegativeInfinity;
        foreach (var score in scores.OrderBy(score => score.NullOdds))
        {
            sum += score.HasAnswer ? value(score) : score.IsEmpty ? 0 : -1;
            if (sum > best)
                (best, threshold) = (sum, score.NullOdds);
        }
        return (best / scores.Count, threshold);
    }
}
