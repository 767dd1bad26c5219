using System.Globalization;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>One class of several for a text, or for a pair.</summary>
internal static class Classification
{
    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("classification")
    {
        Metrics = labels => labels.Count == 2
            ? [Metrics.Accuracy, Metrics.F1, Metrics.Mcc, Metrics.MacroF1, Metrics.WeightedF1, Metrics.BalancedAccuracy]
            : [Metrics.Accuracy, Metrics.Mcc, Metrics.MacroF1, Metrics.WeightedF1, Metrics.BalancedAccuracy],
        ReportedMetric = Metrics.Accuracy,
        Read = TaskRows.WithOneLabel,
        Encode = (_, row, encoder) => encoder.Add(row),
        HasOneLabel = true,
        Outputs = task => task.Labels.Count,
        Loss = CrossEntropy,
        Weight = Weight,
        Measure = Metrics.OfClasses,
        Report = rows => new ClassReport(
            rows.Task.Labels,
            Metrics.Classes(rows.Outputs, rows.Task.Outputs),
            [.. rows.Labels.Select(label => (int)label)]
        ).ToString(),
        DevPredictions = sets => [(DevPredictions.FileName, DevPredictions.Text(sets))],
        Text = (task, outputs) => Labels.Text(task, outputs),
        Answer = (rows, row) =>
            string.Create(CultureInfo.InvariantCulture, $"{Labels.Name(rows.Task, rows[row])}\t{Labels.Probability(rows[row]):F4}"),
        AnswerColumns = "label<tab>probability",
        Decode = (task, outputs) => new([Labels.Name(task, outputs)], [.. task.Labels.Zip(Labels.Probabilities(outputs))]),
        ProblemType = "single_label_classification",
    };

    /// <summary>The mean of −log p of each label, weighted by its class where classes have weights.</summary>
    public static Tensor CrossEntropy(TaskDefinition task, Tensor logits, Tensor labels, double smoothing)
    {
        using var weights = task.ClassWeights.Count == 0 ? null
            : Staging.Put(logits.device, [.. task.ClassWeights.Select(weight => (float)weight)]);
        return cross_entropy(logits, labels.to(int64), weights, label_smoothing: smoothing);
    }

    /// <summary>The number of labels, or the sum of their classes' weights.</summary>
    public static double Weight(TaskDefinition task, float[] labels) =>
        task.ClassWeights.Count == 0 ? labels.Length : labels.Sum(label => task.ClassWeights[(int)label]);

    /// <summary>
    /// The weights that make the classes weigh the same together: rows / (classes that have rows · rows of the class), 0 of others.
    /// </summary>
    /// <param name="labels">The class of each row.</param>
    /// <param name="classes">How many there are.</param>
    public static IReadOnlyList<double> Balanced(IReadOnlyCollection<float> labels, int classes)
    {
        var rows = new int[classes];
        foreach (float label in labels)
            rows[(int)label]++;
        int there = rows.Count(count => count > 0);
        return [.. rows.Select(count => count == 0 ? 0 : (double)labels.Count / (there * count))];
    }
}
