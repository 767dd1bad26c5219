namespace Electra.Statistics.Inference;

/// <summary>
/// The correlation of ranks within each resample: an example that was drawn twice is two that tie, and ties share the mean of their
/// ranks. The order of the examples is that of all of them, so that nothing is sorted again.
/// </summary>
internal sealed class ResampledSpearman(double[] labels, IReadOnlyList<double[]> predictions)
    : ResampledMetric(predictions.Count, labels.Length)
{
    private readonly Ranking truth = Ranking.Of(labels);
    private readonly Ranking[] runs = [.. predictions.Select(Ranking.Of)];

    /// <summary>Examples from the lowest value to the highest, and where a group of equal values ends.</summary>
    private sealed record Ranking(int[] Order, bool[] Ends)
    {
        public static Ranking Of(double[] values)
        {
            int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => values[i])];
            return new Ranking(order, [.. order.Select((i, at) => at == order.Length - 1 || values[order[at + 1]] != values[i])]);
        }
    }

    public override void Score(ReadOnlySpan<int> counts, Span<double> scores)
    {
        var weighted = new double[Examples];
        for (int r = 0; r * Examples < counts.Length; r++)
        {
            var count = counts.Slice(r * Examples, Examples);
            double ofTruth = WeighedRanks(truth, count, weighted);
            for (int run = 0; run < Runs; run++)
                scores[r * Runs + run] = Correlation(runs[run], count, weighted, ofTruth);
        }
    }

    /// <summary>Each example's rank around the middle one, times its count.</summary>
    /// <returns>The sum of the squared ranks.</returns>
    private static double WeighedRanks(Ranking ranking, ReadOnlySpan<int> counts, double[] weighted)
    {
        double squares = 0, before = -counts.Length / 2.0;
        for (int at = 0, first = 0, group = 0; at < counts.Length; at++)
        {
            group += counts[ranking.Order[at]];
            if (!ranking.Ends[at])
                continue;
            double rank = before + group / 2.0;
            for (; first <= at; first++)
                weighted[ranking.Order[first]] = rank * counts[ranking.Order[first]];
            squares += group * rank * rank;
            before += group;
            group = 0;
        }
        return squares;
    }

    private static double Correlation(Ranking ranking, ReadOnlySpan<int> counts, double[] weighted, double ofTruth)
    {
        double squares = 0, products = 0, before = -counts.Length / 2.0, sum = 0;
        int group = 0;
        var (order, ends) = (ranking.Order, ranking.Ends);
        for (int at = 0; at < order.Length; at++)
        {
            int example = order[at];
            group += counts[example];
            sum += weighted[example];
            if (!ends[at])
                continue;
            double rank = before + group / 2.0;
            products += rank * sum;
            squares += group * rank * rank;
            before += group;
            (group, sum) = (0, 0);
        }
        // 0 / 0, where all are equal, is NaN.
        return products / Math.Sqrt(squares * ofTruth);
    }
}
