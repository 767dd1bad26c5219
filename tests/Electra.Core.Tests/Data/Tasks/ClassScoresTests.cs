using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tasks;

/// <summary>Scores of one and of several labels against scikit-learn's, among them absent labels and empty rows.</summary>
public sealed class ClassScoresTests
{
    [Fact]
    public void Scores_of_several_labels_equal_those_of_scikit_learn()
    {
        var cases = Golden.CompressedJson("r_scores").GetProperty("multi_label").EnumerateArray().ToList();
        foreach (var one in cases)
        {
            float[][] probabilities = Rows(one.GetProperty("probabilities")), labels = Rows(one.GetProperty("labels"));
            var task = Task(OwnTaskKind.MultiLabel, probabilities[0].Length);
            float[] logits = [.. probabilities.SelectMany(row => row).Select(p => p - 0.5f)];
            var rows = new TaskOutputs(task, logits, [.. labels.SelectMany(row => row)], [.. Enumerable.Range(1, labels.Length)]);
            var measured = Metrics.Measure(rows);
            Assert.Equal(4, measured.Count);
            foreach (var (name, expected) in new[]
            {
                (Metrics.MicroF1, "micro_f1"), (Metrics.MacroF1, "macro_f1"), (Metrics.WeightedF1, "weighted_f1"),
                (Metrics.ExactMatch, "exact_match"),
            })
                Assert.Equal(one.GetProperty(expected).GetDouble(), measured[name], 1e-12);
            var support = one.GetProperty("per_label").GetProperty("support").EnumerateArray().Select(n => $"{n.GetDouble():F0}");
            var report = task.Kind.Report!(rows).Split('\n').Skip(2).Take(support.Count());
            Assert.Equal(support, report.Select(line => line.Split('|')[5].Trim()));
        }
        Assert.Equal(16, cases.Count);
    }

    [Fact]
    public void Scores_of_classes_equal_those_of_scikit_learn()
    {
        var cases = Golden.CompressedJson("r_scores").GetProperty("single_label").EnumerateArray().ToList();
        foreach (var one in cases)
        {
            float[] labels = Row(one.GetProperty("labels")), predictions = Row(one.GetProperty("predictions"));
            int classes = one.GetProperty("classes").GetInt32();
            float[] outputs = [.. predictions.SelectMany(own => Enumerable.Range(0, classes).Select(c => c == (int)own ? 1f : 0f))];
            var rows = MadeRuns.Rows(Task(OwnTaskKind.Classification, classes), outputs, labels);
            var measured = Metrics.Measure(rows);
            foreach (var (name, expected) in new[]
            {
                (Metrics.Accuracy, "accuracy"), (Metrics.MacroF1, "macro_f1"), (Metrics.WeightedF1, "weighted_f1"),
                (Metrics.BalancedAccuracy, "balanced_accuracy"), (Metrics.Mcc, "mcc"),
            })
                Assert.Equal(one.GetProperty(expected).GetDouble(), measured[name], 1e-12);
            var confusion = one.GetProperty("confusion").EnumerateArray().Select(row => string.Join(" | ", row.EnumerateArray()));
            var report = Classification.Kind.Report!(rows).Split('\n');
            Assert.Equal(confusion, report[^(classes + 1)..^1].Select(line => string.Join(" | ", line.Trim('|', ' ').Split(" | ")[1..])));
            var weights = Classification.Balanced(labels, classes);
            foreach (var weight in one.GetProperty("balanced_weights").EnumerateObject())
                Assert.Equal(weight.Value.GetDouble(), weights[int.Parse(weight.Name)], 1e-12);
        }
        Assert.Equal(16, cases.Count);
    }

    private static TaskDefinition Task(OwnTaskKind kind, int labels) => OwnTask.Define("made", new OwnTaskOptions
    {
        Kind = kind,
        Text = ["text"],
        Labels = [.. Enumerable.Range(0, labels).Select(i => $"label {i}")],
    });

    private static float[][] Rows(System.Text.Json.JsonElement rows) => [.. rows.EnumerateArray().Select(Row)];

    private static float[] Row(System.Text.Json.JsonElement row) => [.. row.EnumerateArray().Select(value => value.GetSingle())];
}
