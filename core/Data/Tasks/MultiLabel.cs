using System.Globalization;
using System.Text;
using System.Text.Json;
using Electra.Storage;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>Any number of labels for a text, or for a pair: each is predicted where its probability is more than a half.</summary>
internal static class MultiLabel
{
    /// <summary>What stands between the labels of a row in a table, and in predictions.</summary>
    public const char Separator = '|';

    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("multi_label")
    {
        Metrics = _ => [Metrics.MicroF1, Metrics.MacroF1, Metrics.WeightedF1, Metrics.ExactMatch],
        ReportedMetric = Metrics.MicroF1,
        Read = Read,
        Encode = (_, row, encoder) => encoder.Add(row),
        Outputs = task => task.Labels.Count,
        Loss = Loss,
        LabelsIn = (task, labels) =>
            labels.Index().Where(label => label.Item > 0.5f).Select(label => label.Index % task.Labels.Count).ToHashSet(),
        Measure = Measure,
        Report = rows => Scores(rows) is var scores ? ClassScores.Table(scores, scores) : "",
        DevPredictions = sets => [(Tasks.DevPredictions.OfSeveralLabels, DevPredictions(sets))],
        Text = (task, outputs) => string.Join(Separator, Names(task, Predicted(outputs))),
        Answer = (rows, row) => string.Join(Separator, Names(rows.Task, Predicted(rows[row]))) + "\t" + string.Join(Separator,
            rows.Task.Labels.Zip(rows[row], (label, output) =>
                string.Create(CultureInfo.InvariantCulture, $"{label}={Probability(output):F4}"))),
        AnswerColumns = "labels<tab>probabilities",
        Decode = (task, outputs) =>
            new([.. Names(task, Predicted(outputs))], [.. task.Labels.Zip(outputs.Select(Probability))]),
        ProblemType = "multi_label_classification",
        Described = task => $"any of the labels {string.Join(", ", task.Labels)}",
    };

    /// <summary>The mean over rows and labels of the binary cross-entropy; smoothing moves each target towards a half.</summary>
    private static Tensor Loss(TaskDefinition task, Tensor logits, Tensor labels, double smoothing)
    {
        var targets = labels.view(logits.shape);
        return binary_cross_entropy_with_logits(logits, smoothing == 0 ? targets : (targets * (1 - smoothing)) + (smoothing / 2));
    }

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        float[] unlabelled = [.. task.Labels.Select(_ => float.NaN)];
        return !file.HasLabels ? TaskRows.FromTable(task, file, leftOut, [], (_, _) => unlabelled)
            : file.Columns.LabelColumns
                ? TaskRows.FromTable(task, file, leftOut, task.Labels, (values, line) => Flags(task, values, file, line))
            : TaskRows.FromTable(
                task,
                file with { Form = file.Form with { Lists = true } },
                leftOut,
                [file.Columns.Label],
                (values, line) =>
                    task.DropLabels.Contains(values[0].Trim())
                        ? null
                        : Named(task, values[0], $"{Paths.Shown(file.Path)}:{line}: {file.Columns.Label}")
            );
    }

    /// <summary>A column for each label, 0 or 1.</summary>
    private static float[] Flags(TaskDefinition task, string[] values, TaskFile file, int line) =>
    [
        .. values.Select((value, i) => value.Trim().ToLowerInvariant() switch
        {
            "1" or "1.0" or "true" => 1f,
            "0" or "0.0" or "false" => 0f,
            _ => throw new UserErrorException(
                $"{Paths.Shown(file.Path)}:{line}: {task.Labels[i]} is {(value == "" ? "empty" : $"\"{value}\"")}; "
                    + "a label's column has 1 where it is there, and 0 where not"
            ),
        }),
    ];

    /// <summary>The labels by name: a JSON list, or separated by <see cref="Separator"/>; an empty text is none.</summary>
    private static float[] Named(TaskDefinition task, string text, string place)
    {
        string[] names = text.StartsWith('[') ? JsonList.Texts(text, place)
            : [.. text.Split(Separator).Select(name => name.Trim()).Where(name => name != "")];
        var row = new float[task.Labels.Count];
        foreach (var name in names)
        {
            int label = Array.IndexOf([.. task.Labels], name);
            if (label < 0)
                throw new UserErrorException(
                    $"{place} has \"{name}\"; the labels of {task.DisplayName} are {string.Join(", ", task.Labels)}, separated by "
                        + $"{Separator}"
                        + (Spelling.Nearest(name, task.Labels) is { } nearest ? $"; did you mean {nearest}?" : "")
                );
            row[label] = 1;
        }
        return row;
    }

    private static bool[] Predicted(ReadOnlySpan<float> outputs)
    {
        var predicted = new bool[outputs.Length];
        for (int i = 0; i < predicted.Length; i++)
            predicted[i] = outputs[i] > 0;
        return predicted;
    }

    private static double Probability(float output) => 1 / (1 + Math.Exp(-output));

    private static IEnumerable<string> Names(TaskDefinition task, bool[] labels) => task.Labels.Where((_, i) => labels[i]);

    private static IReadOnlyDictionary<string, double> Measure(TaskOutputs rows, IReadOnlyList<string> metrics)
    {
        var scores = Scores(rows);
        return metrics.ToDictionary(name => name, name => name switch
        {
            Metrics.MacroF1 => scores.Average(label => label.F1),
            Metrics.WeightedF1 => ClassScores.WeightedF1(scores),
            Metrics.ExactMatch => Enumerable.Range(0, rows.Count).Count(row => Predicted(rows[row]).SequenceEqual(Given(rows, row)))
                / (double)rows.Count,
            _ => ClassScores.Sum(scores).F1,
        });
    }

    private static bool[] Given(TaskOutputs rows, int row)
    {
        int count = rows.Task.Labels.Count;
        return [.. rows.Labels.AsSpan(row * count, count).ToArray().Select(label => label > 0.5f)];
    }

    /// <summary>How well each label is found.</summary>
    private static IReadOnlyList<ClassScores> Scores(TaskOutputs rows)
    {
        int count = rows.Task.Labels.Count;
        var (right, predicted, support) = (new int[count], new int[count], new int[count]);
        for (int i = 0; i < rows.Outputs.Length; i++)
        {
            bool guess = rows.Outputs[i] > 0, own = rows.Labels[i] > 0.5f;
            right[i % count] += guess && own ? 1 : 0;
            predicted[i % count] += guess ? 1 : 0;
            support[i % count] += own ? 1 : 0;
        }
        return [.. rows.Task.Labels.Select((name, i) => new ClassScores(name, right[i], predicted[i], support[i]))];
    }

    private static string DevPredictions(IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)> sets)
    {
        var text = new StringBuilder();
        foreach (var (split, rows) in sets)
            for (int row = 0; row < rows.Count; row++)
                text.Append(JsonSerializer.Serialize(new
                {
                    split = split.Name,
                    row,
                    labels = Names(rows.Task, Given(rows, row)),
                    predicted = Names(rows.Task, Predicted(rows[row])),
                    probabilities = rows.Task.Labels.Zip(rows[row], (label, output) => (label, Probability: Probability(output)))
                        .ToDictionary(one => one.label, one => one.Probability),
                })).Append('\n');
        return text.ToString();
    }
}
