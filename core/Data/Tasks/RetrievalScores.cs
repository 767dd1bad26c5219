using static Electra.Data.Tasks.Metrics;

namespace Electra.Data.Tasks;

/// <summary>
/// How well texts are found, a mean over queries (sentence-transformers, <c>InformationRetrievalEvaluator</c>). A text is right or wrong;
/// all queries count.
/// </summary>
/// <param name="Queries">The queries that were measured.</param>
/// <param name="AtRank">Accuracy, precision and recall at each of <see cref="Ranks"/>.</param>
/// <param name="Mrr">The reciprocal rank of the first right text of the ten first, else 0.</param>
/// <param name="Ndcg">Discounted gain of the ten first over the best that is possible.</param>
/// <param name="Map">The mean of the precisions at the ranks of right texts, of the hundred first.</param>
internal sealed record RetrievalScores(
    int Queries,
    IReadOnlyList<(int Rank, double Accuracy, double Precision, double Recall)> AtRank,
    double Mrr,
    double Ndcg,
    double Map
)
{
    private const int Ten = 10;

    /// <summary>The ranks that are looked at.</summary>
    private static readonly int[] Ranks = [1, 3, 5, Ten];

    /// <summary>The metrics of a task.</summary>
    public static IReadOnlyList<string> Metrics { get; } = [Ndcg10, Mrr10, Map100, Accuracy1, Recall10];

    /// <summary>The metrics by their names.</summary>
    public IReadOnlyDictionary<string, double> Values => new Dictionary<string, double>
    {
        [Ndcg10] = Ndcg,
        [Mrr10] = Mrr,
        [Map100] = Map,
        [Accuracy1] = AtRank[0].Accuracy,
        [Recall10] = AtRank[^1].Recall,
    };

    /// <summary>Measures what was found.</summary>
    public static RetrievalScores Of(IEnumerable<FoundTexts> found)
    {
        var queries = found.Select(query => (Hits: query.Found.Select(one => one.IsRelevant).ToArray(), query.Relevant)).ToList();
        double Mean(Func<bool[], int, double> score) => queries.Average(query => score(query.Hits, query.Relevant));
        return new RetrievalScores(
            queries.Count,
            [
                .. Ranks.Select(rank => (
                    rank,
                    Mean((hits, _) => hits.Take(rank).Any(hit => hit) ? 1 : 0),
                    Mean((hits, _) => hits.Take(rank).Count(hit => hit) / (double)rank),
                    Mean((hits, relevant) => hits.Take(rank).Count(hit => hit) / (double)relevant)
                )),
            ],
            Mean((hits, _) => RankingScores.ReciprocalRank(hits)),
            Mean((hits, relevant) => Gain(hits) / Gain([.. Enumerable.Repeat(true, relevant)])),
            Mean((hits, relevant) => Precisions(hits) / Math.Min(Retrieval.Depth, relevant))
        );
    }

    /// <summary>All of them in Markdown.</summary>
    public string Table() =>
        $"{Queries} queries\n\n"
        + ClassScores.Markdown(
            ["rank", "accuracy", "precision", "recall"],
            AtRank.Select(at => (string[])[$"{at.Rank}", Shown(at.Accuracy, "F2"), Shown(at.Precision, "F2"), Shown(at.Recall, "F2")])
        )
        + "\n"
        + ClassScores.Markdown(["metric", "score"], Values.Select(score => (string[])[score.Key, Shown(score.Value, "F2")]));

    private static double Gain(bool[] hits) => hits.Take(Ten).Index().Sum(hit => hit.Item ? RankingScores.Discount(hit.Index) : 0);

    private static double Precisions(bool[] hits)
    {
        int right = 0;
        return hits.Take(Retrieval.Depth).Index().Sum(hit => hit.Item ? ++right / (double)(hit.Index + 1) : 0);
    }
}
