using System.Globalization;
using MathNet.Numerics.Statistics;

namespace Electra.Data.Tasks;

/// <summary>What dev sets are scored by, as fractions: 0.8604, not 86.04.</summary>
internal static class Metrics
{
    /// <summary>The share of the rows whose class is right.</summary>
    public const string Accuracy = "accuracy";

    /// <summary>The harmonic mean of precision and recall: of class 1, of two classes; of spans, as conlleval.pl reads them;
    /// of the words of answers, the mean over questions.</summary>
    public const string F1 = "f1";

    /// <summary>Matthews' correlation coefficient, in [−1, 1].</summary>
    public const string Mcc = "mcc";

    /// <summary>The linear correlation of values and predictions.</summary>
    public const string Pearson = "pearson";

    /// <summary>The linear correlation of their ranks; ties share the mean of their ranks.</summary>
    public const string Spearman = "spearman";

    /// <summary>Every metric of classes that single predictions give.</summary>
    public static IReadOnlyList<string> ForClasses { get; } = [Accuracy, F1, Mcc];

    /// <summary>Every metric of a regression.</summary>
    public static IReadOnlyList<string> ForValues { get; } = [Pearson, Spearman];

    /// <summary>The mean over classes of the harmonic mean of precision and recall, of the classes that are there or predicted.</summary>
    public const string MacroF1 = "f1_macro";

    /// <summary>The same mean, each class weighted by its rows.</summary>
    public const string WeightedF1 = "f1_weighted";

    /// <summary>The harmonic mean of precision and recall of all labels together.</summary>
    public const string MicroF1 = "f1_micro";

    /// <summary>The share of what is predicted that is right: of spans.</summary>
    public const string Precision = "precision";

    /// <summary>The share of what is there that is found: of spans.</summary>
    public const string Recall = "recall";

    /// <summary>F1 of spans where well-formed ones alone count, as seqeval's mode strict.</summary>
    public const string StrictF1 = "f1_strict";

    /// <summary>The mean recall of the classes that are there.</summary>
    public const string BalancedAccuracy = "balanced_accuracy";

    /// <summary>The share of the rows all of whose labels are right, or whose answer is.</summary>
    public const string ExactMatch = "exact_match";

    /// <summary>F1 and exact match of the questions that have an answer.</summary>
    public const string HasAnswerF1 = "has_ans_f1", HasAnswerExact = "has_ans_exact";

    /// <summary>The same of those that have none: the share that is left unanswered.</summary>
    public const string NoAnswerF1 = "no_ans_f1", NoAnswerExact = "no_ans_exact";

    /// <summary>F1 and exact match at the threshold of null odds that is best for each on the rows that are measured.</summary>
    public const string BestF1 = "best_f1", BestExact = "best_exact";

    /// <summary>Of what is found for a query, the ten or hundred first: <see cref="RetrievalScores"/>.</summary>
    public const string Ndcg10 = "ndcg@10", Mrr10 = "mrr@10", Map100 = "map@100", Accuracy1 = "accuracy@1", Recall10 = "recall@10";

    /// <summary>The mean over queries of the area under precision over recall.</summary>
    public const string MeanPrecision = "map";

    /// <summary>Measures all the metrics of a task.</summary>
    /// <param name="rows">The outputs of the model beside the labels.</param>
    /// <param name="suffix">Added to each name.</param>
    /// <returns>
    /// The value of each metric by its name; NaN where it is undefined: a correlation with a constant, and every metric where an output
    /// is not finite or there is no row.
    /// </returns>
    public static IReadOnlyDictionary<string, double> Measure(TaskOutputs rows, string suffix = "")
    {
        var task = rows.Task;
        var values = rows.Count == 0 || !AreFinite(rows.Outputs) ? null : task.Kind.Measure(rows, task.Metrics);
        return task.Metrics.ToDictionary(name => name + suffix, name => values?[name] ?? double.NaN);
    }

    /// <summary>Measures the metrics of a regression.</summary>
    public static IReadOnlyDictionary<string, double> OfValues(TaskOutputs rows, IReadOnlyList<string> metrics)
    {
        double[] predicted = [.. ToDoubles(rows.Outputs)], given = [.. ToDoubles(rows.Labels)];
        return metrics.ToDictionary(
            name => name,
            name => name == Spearman ? Correlation.Spearman(predicted, given) : Correlation.Pearson(predicted, given)
        );
    }

    /// <summary>Measures the metrics of classes.</summary>
    public static IReadOnlyDictionary<string, double> OfClasses(TaskOutputs rows, IReadOnlyList<string> metrics)
    {
        int[] classes = Classes(rows.Outputs, rows.Task.Outputs), right = [.. rows.Labels.Select(label => (int)label)];
        var report = new ClassReport(rows.Task.Labels, classes, right);
        return metrics.ToDictionary(name => name, name => name switch
        {
            Mcc => MatthewsCorrelation(classes, right),
            F1 => report.Classes[1].F1,
            MacroF1 => report.MacroF1,
            WeightedF1 => report.WeightedF1,
            BalancedAccuracy => report.BalancedAccuracy,
            _ => AccuracyOf(classes, right),
        });
    }

    /// <summary>Whether all outputs of a model are finite: those of one that diverged are not, and say nothing.</summary>
    public static bool AreFinite(ReadOnlySpan<float> outputs)
    {
        foreach (float output in outputs)
            if (!float.IsFinite(output))
                return false;
        return true;
    }

    /// <summary>Outputs that a model may give.</summary>
    /// <param name="outputs">The outputs.</param>
    /// <param name="source">The model.</param>
    /// <exception cref="UserErrorException">One of them is not finite.</exception>
    public static float[] Finite(float[] outputs, string source) =>
        AreFinite(outputs) ? outputs
        : throw new UserErrorException(
            $"the outputs of {source} are not finite: it diverged in training, or its activations are too large for the precision"
        );

    /// <summary>A score as it is shown: times 100, or <c>undefined</c>.</summary>
    /// <param name="score">The score, as a fraction.</param>
    /// <param name="format">The format of a number.</param>
    public static string Shown(double score, string format = "F1") =>
        double.IsFinite(score) ? (100 * score).ToString(format, CultureInfo.InvariantCulture) : "undefined";

    /// <summary>The class with the largest output in each row, the first of equals.</summary>
    /// <param name="logits"><c>[rows · outputs]</c>.</param>
    /// <param name="outputs">Outputs in a row.</param>
    public static int[] Classes(ReadOnlySpan<float> logits, int outputs)
    {
        var classes = new int[logits.Length / outputs];
        for (int row = 0; row < classes.Length; row++)
            for (int i = 1; i < outputs; i++)
                if (logits[row * outputs + i] > logits[row * outputs + classes[row]])
                    classes[row] = i;
        return classes;
    }

    private static double AccuracyOf(int[] predicted, int[] labels) =>
        predicted.Zip(labels).Count(pair => pair.First == pair.Second) / (double)labels.Length;

    /// <summary>The form for any number of classes (Gorodkin 2004), 0 where a side knows one class only, as in scikit-learn.</summary>
    private static double MatthewsCorrelation(int[] predicted, int[] labels)
    {
        double n = labels.Length, right = predicted.Zip(labels).Count(pair => pair.First == pair.Second);
        var predictedCounts = predicted.CountBy(c => c).ToDictionary();
        var truths = labels.CountBy(c => c).ToDictionary();
        double together = truths.Sum(truth => (double)truth.Value * predictedCounts.GetValueOrDefault(truth.Key));
        double spread = (n * n - predictedCounts.Values.Sum(c => (double)c * c)) * (n * n - truths.Values.Sum(c => (double)c * c));
        return spread == 0 ? 0 : (right * n - together) / Math.Sqrt(spread);
    }

    private static double[] ToDoubles(ReadOnlySpan<float> values)
    {
        var doubles = new double[values.Length];
        for (int i = 0; i < doubles.Length; i++)
            doubles[i] = values[i];
        return doubles;
    }
}
