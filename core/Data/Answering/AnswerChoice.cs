namespace Electra.Data.Answering;

/// <summary>A first and a last position that a model gives a score.</summary>
/// <param name="Window">The number of the window.</param>
/// <param name="Start">The position of the first token in the window's example.</param>
/// <param name="End">That of the last.</param>
/// <param name="StartScore">A logit, or a logarithm of a probability.</param>
/// <param name="EndScore">The same of the end.</param>
internal readonly record struct SpanScore(int Window, int Start, int End, double StartScore, double EndScore)
{
    /// <summary>Their sum.</summary>
    public double Score => StartScore + EndScore;
}

/// <summary>An answer to choose from.</summary>
/// <param name="Text">Its text; empty: there is no answer.</param>
/// <param name="Place">Its place in the context, in UTF-16 units; null: it has none.</param>
/// <param name="Probability">Among all that are kept.</param>
/// <param name="Start">The score of its start.</param>
/// <param name="End">The score of its end.</param>
internal sealed record RankedAnswer(string Text, (int Start, int End)? Place, double Probability, double Start, double End);

/// <summary>The best answers to a question.</summary>
/// <param name="Best">The best first; one without a text where there is none.</param>
/// <param name="NullOdds">How unlikely it is that the text answers the question; 0 where that is not asked.</param>
internal sealed record AnswerRanking(IReadOnlyList<RankedAnswer> Best, double NullOdds)
{
    /// <summary>The best answer with a text; else one without.</summary>
    public RankedAnswer Answer => Best.FirstOrDefault(answer => answer.Text != "") ?? Best[0];

    /// <summary>What is predicted: the best answer, or one without a text where the odds are above a threshold.</summary>
    public RankedAnswer Prediction(double? threshold) => threshold is { } limit && NullOdds > limit ? NoAnswer : Answer;

    /// <summary>That there is no answer, with its probability: among all that are kept, or by the odds.</summary>
    private RankedAnswer NoAnswer =>
        Best.FirstOrDefault(answer => answer.Text == "") ?? new RankedAnswer("", null, 1 / (1 + Math.Exp(-NullOdds)), 0, 0);
}

/// <summary>How answers are chosen.</summary>
/// <param name="Best">Answers that are kept; starts and ends of each window that are looked at.</param>
/// <param name="MaxTokens">Tokens of the longest answer.</param>
/// <param name="Unanswerable">Whether questions may have no answer.</param>
internal sealed record ChoiceForm(int Best, int MaxTokens, bool Unanswerable);

/// <summary>Chooses answers from the scores of their starts and ends.</summary>
internal static class AnswerChoice
{
    private static readonly RankedAnswer None = new("", null, 1, 0, 0);

    /// <summary>
    /// As google-research/electra does (<c>qa_metrics.py</c>): a start counts in the window alone that owns its token, and each text
    /// once.
    /// </summary>
    /// <param name="question">The question.</param>
    /// <param name="spans">All that its windows give.</param>
    /// <param name="nulls">For each window how unlikely it is that it has the answer: by a classifier, or the scores of [CLS].</param>
    /// <param name="isClassified">Whether a classifier said so; else the best answer's score is subtracted.</param>
    /// <param name="form">How.</param>
    public static AnswerRanking AsGoogle(
        ReadQuestion question,
        IEnumerable<SpanScore> spans,
        IEnumerable<double> nulls,
        bool isClassified,
        ChoiceForm form
    )
    {
        var best = Within(question, spans, form)
            .Where(span =>
                span.Start != 0
                && DocumentWindows.Owner(question.Windows, question.TokenAt(span.Window, span.Start)!.Value) == span.Window
            )
            .OrderByDescending(span => span.Score)
            .Select(span => Answer(question, span))
            .DistinctBy(answer => answer.Text)
            .Take(form.Best)
            .ToList();
        var first = best.Find(answer => answer.Text != "") ?? None;
        return new AnswerRanking(
            Ranked(best),
            !form.Unanswerable ? 0 : nulls.Min() - (isClassified ? 0 : first.Start + first.End)
        );
    }

    /// <summary>
    /// As Hugging Face's <c>run_qa.py</c> does (<c>utils_qa.py</c>): every window counts, and where questions may have no answer, [CLS] of
    /// the window with the lowest score stands for that, and is always kept.
    /// </summary>
    /// <param name="question">The question.</param>
    /// <param name="spans">All that its windows give.</param>
    /// <param name="nulls">The scores of [CLS] as start and as end, of each window.</param>
    /// <param name="form">How.</param>
    public static AnswerRanking AsHuggingFace(
        ReadQuestion question,
        IEnumerable<SpanScore> spans,
        IEnumerable<(double Start, double End)> nulls,
        ChoiceForm form
    )
    {
        var answers = Within(question, spans, form)
            .OrderByDescending(span => span.Score)
            .Take(form.Best)
            .Select(span => Answer(question, span));
        var none = nulls.MinBy(scores => scores.Start + scores.End);
        var empty = new RankedAnswer("", null, 0, none.Start, none.End);
        var best = answers
            .Concat(form.Unanswerable ? [empty] : [])
            .OrderByDescending(answer => answer.Start + answer.End)
            .Take(form.Best)
            .ToList();
        if (form.Unanswerable && !best.Contains(empty))
            best.Add(empty);
        var first = best.Find(answer => answer.Text != "") ?? None;
        return new AnswerRanking(Ranked(best), form.Unanswerable ? none.Start + none.End - first.Start - first.End : 0);
    }

    /// <summary>The best numbers of a list by their values, the highest first, of equals the first.</summary>
    public static int[] BestOf(IReadOnlyList<float> values, int count) =>
        [.. Enumerable.Range(0, values.Count).OrderByDescending(i => values[i]).Take(count)];

    /// <summary>Spans of the text that are not too long.</summary>
    private static IEnumerable<SpanScore> Within(ReadQuestion question, IEnumerable<SpanScore> spans, ChoiceForm form) =>
        spans.Where(span =>
            question.TokenAt(span.Window, span.Start) is not null
            && question.TokenAt(span.Window, span.End) is not null
            && span.End >= span.Start
            && span.End - span.Start < form.MaxTokens
        );

    private static RankedAnswer Answer(ReadQuestion question, SpanScore span)
    {
        int first = question.TokenAt(span.Window, span.Start)!.Value, last = question.TokenAt(span.Window, span.End)!.Value;
        return new RankedAnswer(
            question.Text(first, last),
            (question.Places[first].Start, question.Places[last].End),
            0,
            span.StartScore,
            span.EndScore
        );
    }

    /// <summary>The same with their probabilities, by softmax over those that are kept.</summary>
    private static IReadOnlyList<RankedAnswer> Ranked(List<RankedAnswer> best)
    {
        if (best.Count == 0)
            return [None];
        double largest = best.Max(answer => answer.Start + answer.End);
        double sum = best.Sum(answer => Math.Exp(answer.Start + answer.End - largest));
        return [.. best.Select(answer => answer with { Probability = Math.Exp(answer.Start + answer.End - largest) / sum })];
    }
}
