using Electra.Data.Tasks;

namespace Electra.Statistics.Inference;

/// <summary>A metric of several runs over the same examples, of which each counts as often as it was drawn.</summary>
internal abstract class ResampledMetric(int runs, int examples)
{
    /// <summary>Resamples that are computed at once: each row of the examples is read once for all of them.</summary>
    public const int Tile = 16;

    /// <summary>The runs that are measured.</summary>
    public int Runs { get; } = runs;

    /// <summary>The examples that they are measured on.</summary>
    public int Examples { get; } = examples;

    /// <summary>Measures every run on resamples.</summary>
    /// <param name="counts"><c>[resamples, examples]</c>, at most <see cref="Tile"/> resamples.</param>
    /// <param name="scores"><c>[resamples, runs]</c>; NaN where the metric is undefined on a resample.</param>
    public abstract void Score(ReadOnlySpan<int> counts, Span<double> scores);

    /// <summary>The metric of that name.</summary>
    /// <param name="name">As in <see cref="Metrics"/>.</param>
    /// <param name="labels">The label of each example: a class from 0, or a value.</param>
    /// <param name="predictions">Of each run, what it predicts for each example.</param>
    public static ResampledMetric Of(string name, double[] labels, IReadOnlyList<double[]> predictions) =>
        name switch
        {
            Metrics.Accuracy => Sums(labels, predictions, [], [(p, l) => p == l ? 1 : 0], (n, _, own) => own[0] / n),
            Metrics.F1 => Sums(
                labels,
                predictions,
                [label => label == 1 ? 1 : 0],
                [(p, l) => p == 1 && l == 1 ? 1 : 0, (p, _) => p == 1 ? 1 : 0],
                (_, labelled, own) => labelled[0] + own[1] is var either && either == 0 ? 0 : 2 * own[0] / either
            ),
            Metrics.Mcc => Mcc(labels, predictions),
            Metrics.Pearson => Pearson(labels, predictions),
            Metrics.Spearman => new ResampledSpearman(labels, predictions),
            _ => throw new ArgumentException($"no metric {name}", nameof(name)),
        };

    /// <summary>The form for any number of classes (Gorodkin 2004), 0 where a side knows one class only. The last class is the
    /// rest.</summary>
    private static ResampledMetric Mcc(double[] labels, IReadOnlyList<double[]> predictions)
    {
        int classes = 1 + (int)predictions.Append(labels).Max(all => all.Max());
        var counted = Enumerable.Range(0, classes - 1).ToList();
        return Sums(
            labels,
            predictions,
            [.. counted.Select(c => (Func<double, double>)(label => label == c ? 1 : 0))],
            [(p, l) => p == l ? 1 : 0, .. counted.Select(c => (Func<double, double, double>)((p, _) => p == c ? 1 : 0))],
            (n, labelled, own) =>
            {
                double restLabelled = n, restPredicted = n, together = 0, predictedSquares = 0, labelledSquares = 0;
                for (int c = 0; c < labelled.Length; c++)
                    Add(labelled[c], own[c + 1]);
                Add(restLabelled, restPredicted);
                double spread = (n * n - predictedSquares) * (n * n - labelledSquares);
                return spread == 0 ? 0 : (own[0] * n - together) / Math.Sqrt(spread);

                void Add(double truth, double predicted)
                {
                    (restLabelled, restPredicted) = (restLabelled - truth, restPredicted - predicted);
                    together += truth * predicted;
                    predictedSquares += predicted * predicted;
                    labelledSquares += truth * truth;
                }
            }
        );
    }

    private static ResampledMetric Pearson(double[] labels, IReadOnlyList<double[]> predictions)
    {
        // Around the mean of all examples, so that no digits are lost.
        return Sums(
            Centred(labels),
            [.. predictions.Select(Centred)],
            [y => y, y => y * y],
            [(x, _) => x, (x, _) => x * x, (x, y) => x * y],
            (n, y, x) =>
            {
                double ofX = Variance(x[0], x[1]), ofY = Variance(y[0], y[1]);
                return (x[2] / n - x[0] / n * (y[0] / n)) / Math.Sqrt(ofX * ofY);

                // What is left of a constant is rounding.
                double Variance(double sum, double squares) =>
                    squares / n - sum / n * (sum / n) is var variance && variance > 1e-12 * squares / n ? variance : double.NaN;
            }
        );

        static double[] Centred(double[] values)
        {
            double mean = values.Average();
            return [.. values.Select(value => value - mean)];
        }
    }

    private static ResampledSums Sums(
        double[] labels,
        IReadOnlyList<double[]> predictions,
        Func<double, double>[] ofLabel,
        Func<double, double, double>[] ofRun,
        ScoreOfSums score
    ) => new(labels, predictions, ofLabel, ofRun, score);
}
