using MathNet.Numerics.Distributions;

namespace Electra.Statistics.Inference;

/// <summary>
/// Two kinds of seeds, each value of one with each of the other (first weights of the head × order of the data, Dodge et al. 2020): a
/// two-way layout of random effects without replication.
/// </summary>
/// <param name="Rows">The first kind.</param>
/// <param name="Columns">The second kind.</param>
/// <param name="Residual">The variance that neither explains.</param>
internal sealed record CrossedVariance(CrossedEffect Rows, CrossedEffect Columns, double Residual)
{
    /// <summary>Splits the variance of scores.</summary>
    /// <param name="scores">Of each row, the score in each column.</param>
    /// <returns>Null where there are fewer than two rows or columns, or a score is missing.</returns>
    public static CrossedVariance? Of(IReadOnlyList<IReadOnlyList<double>> scores)
    {
        var (rows, columns) = (scores.Count, scores.Count == 0 ? 0 : scores[0].Count);
        if (rows < 2 || columns < 2 || scores.Any(row => row.Count != columns))
            return null;
        double[] rowMeans = [.. scores.Select(row => row.Average())];
        double[] columnMeans = [.. Enumerable.Range(0, columns).Select(c => scores.Average(row => row[c]))];
        double mean = rowMeans.Average();
        double ofRows = columns * rowMeans.Sum(m => (m - mean) * (m - mean)) / (rows - 1);
        double ofColumns = rows * columnMeans.Sum(m => (m - mean) * (m - mean)) / (columns - 1);
        double sum = 0;
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                sum += Math.Pow(scores[r][c] - rowMeans[r] - columnMeans[c] + mean, 2);
        int freedom = (rows - 1) * (columns - 1);
        double residual = sum / freedom;
        return new CrossedVariance(
            CrossedEffect.Of(ofRows, rows - 1, residual, freedom, columns),
            CrossedEffect.Of(ofColumns, columns - 1, residual, freedom, rows),
            residual
        );
    }
}

/// <summary>What one kind of seeds does.</summary>
/// <param name="MeanSquare">Its mean square.</param>
/// <param name="F">The mean square in those of the residual.</param>
/// <param name="P">The p value of no difference.</param>
/// <param name="Variance">Its variance; 0 where the estimate is negative.</param>
internal sealed record CrossedEffect(double MeanSquare, double F, double P, double Variance)
{
    internal static CrossedEffect Of(double meanSquare, int freedom, double residual, int residualFreedom, int others) =>
        new(
            meanSquare,
            meanSquare / residual,
            FisherSnedecor.CDF(residualFreedom, freedom, residual / meanSquare),
            Math.Max(0, (meanSquare - residual) / others)
        );
}
