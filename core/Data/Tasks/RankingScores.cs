using static Electra.Data.Tasks.Metrics;

namespace Electra.Data.Tasks;

/// <summary>How well passages are ranked, a mean over queries; one without a relevant passage, whose label is above 0, counts 0.</summary>
/// <param name="Ndcg">Labels, discounted by 1/log₂(rank + 1), of the ten first over the best that is possible; the passages of one score
/// share their places (scikit-learn, <c>ndcg_score</c>).</param>
/// <param name="Mrr">The reciprocal rank of the first relevant passage of the ten first; of equal scores the order given counts.</param>
/// <param name="Map">The area under precision over recall (scikit-learn, <c>average_precision_score</c>).</param>
internal sealed record RankingScores(double Ndcg, double Mrr, double Map)
{
    /// <summary>Passages that are looked at.</summary>
    private const int Depth = 10;

    /// <summary>The metrics of a task.</summary>
    public static IReadOnlyList<string> Metrics { get; } = [Ndcg10, Mrr10, MeanPrecision];

    /// <summary>The metrics by their names.</summary>
    public IReadOnlyDictionary<string, double> Values =>
        new Dictionary<string, double> { [Ndcg10] = Ndcg, [Mrr10] = Mrr, [MeanPrecision] = Map };

    /// <summary>Measures scores.</summary>
    /// <param name="rows">The labels, query after query.</param>
    /// <param name="scores">The score of each passage.</param>
    public static RankingScores Of(TaskOutputs rows, float[] scores)
    {
        var queries = Enumerable.Range(0, rows.Count)
            .Select(row => (
                Scores: scores[(row == 0 ? 0 : rows.Ends[row - 1])..rows.Ends[row]].Select(Convert.ToDouble).ToArray(),
                Labels: rows.LabelsAt(row).Select(Convert.ToDouble).ToArray()
            ))
            .ToList();
        return new RankingScores(
            queries.Average(query => NdcgOf(query.Scores, query.Labels, Depth)),
            queries.Average(query => MrrOf(query.Scores, query.Labels)),
            queries.Average(query => PrecisionOf(query.Scores, query.Labels))
        );
    }

    /// <summary>The numbers of passages, the best first; of equal scores the first.</summary>
    public static IReadOnlyList<int> Order<T>(IReadOnlyList<T> scores) =>
        [.. scores.Index().OrderByDescending(one => one.Item).Select(one => one.Index)];

    /// <summary>The normalised discounted cumulative gain of the first few.</summary>
    public static double NdcgOf(double[] scores, double[] labels, int depth)
    {
        double best = labels.OrderDescending().Take(depth).Index().Sum(one => one.Item * Discount(one.Index)), gain = 0;
        int place = 0;
        foreach (var same in Tied(scores))
        {
            double discounts = Enumerable.Range(place, same.Count).Where(rank => rank < depth).Sum(Discount);
            gain += same.Average(passage => labels[passage]) * discounts;
            place += same.Count;
        }
        return best == 0 ? 0 : gain / best;
    }

    /// <summary>What a passage counts at a place, from 0, in a discounted gain.</summary>
    public static double Discount(int place) => 1 / Math.Log2(place + 2);

    /// <summary>The reciprocal rank of the first relevant one.</summary>
    public static double MrrOf(double[] scores, double[] labels) =>
        ReciprocalRank(Order(scores).Select(passage => labels[passage] > 0));

    /// <summary>The reciprocal rank of the first that is relevant among the ten first, else 0.</summary>
    /// <param name="areRelevant">Of each, the best first, whether it is.</param>
    public static double ReciprocalRank(IEnumerable<bool> areRelevant) =>
        areRelevant.Take(Depth).Index().Where(one => one.Item).Select(one => 1.0 / (one.Index + 1)).FirstOrDefault();

    /// <summary>Σ (Rₙ − Rₙ₋₁) · Pₙ over the scores that there are.</summary>
    public static double PrecisionOf(double[] scores, double[] labels)
    {
        int relevant = labels.Count(label => label > 0), seen = 0, right = 0;
        double sum = 0;
        foreach (var same in Tied(scores))
        {
            int own = same.Count(passage => labels[passage] > 0);
            (seen, right) = (seen + same.Count, right + own);
            sum += relevant == 0 ? 0 : (double)own / relevant * right / seen;
        }
        return sum;
    }

    /// <summary>Passages of one score together, the best first.</summary>
    private static IEnumerable<IReadOnlyList<int>> Tied(double[] scores) =>
        scores.Index().GroupBy(one => one.Item).OrderByDescending(same => same.Key).Select(same => same.Select(one => one.Index).ToList());
}
