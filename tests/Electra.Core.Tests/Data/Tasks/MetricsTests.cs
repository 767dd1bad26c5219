using System.Text.Json;
using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tasks;

public class MetricsTests
{
    [Fact]
    public void Metrics_equal_those_of_fastai()
    {
        int compared = 0;
        foreach (var row in Golden.Json("e_metrics").EnumerateArray())
        {
            var expected = row.GetProperty("metrics").EnumerateObject().Where(metric => metric.Name != "pearson_float64").ToList();
            bool classes = row.GetProperty("kind").GetString() == "classification";
            float[][] outputs = [.. row.GetProperty(classes ? "logits" : "predictions").EnumerateArray()
                .Select(value => classes ? Floats(value) : [value.GetSingle()])];
            var task = Task(classes ? outputs[0].Length : 0, [.. expected.Select(metric => metric.Name)]);
            float[] labels = Floats(row.GetProperty("labels"));
            var measured = Metrics.Measure(MadeRuns.Rows(task, [.. outputs.SelectMany(output => output)], labels));
            foreach (var metric in expected)
            {
                compared++;
                if (metric.Value.ValueKind == JsonValueKind.Null)
                    Assert.True(double.IsNaN(measured[metric.Name]), $"{row.GetProperty("name")} {metric.Name}: {measured[metric.Name]}");
                else
                    Assert.Equal(metric.Value.GetDouble(), measured[metric.Name], 1e-12);
            }
            if (classes)
                Assert.Equal(
                    row.GetProperty("predictions").EnumerateArray().Select(p => p.GetInt32()),
                    Metrics.Classes([.. outputs.SelectMany(output => output)], outputs[0].Length)
                );
        }
        Assert.Equal(32, compared);
    }

    [Fact]
    public void A_second_development_set_has_names_of_its_own() =>
        Assert.Equal("accuracy_mm", Assert.Single(Metrics.Measure(MadeRuns.Rows(Task(2, "accuracy"), [1f, 0f], [0f]), "_mm")).Key);

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Outputs_that_are_not_finite_have_no_score(float output)
    {
        Assert.All(
            Metrics.Measure(MadeRuns.Rows(Task(2, "accuracy", "f1", "mcc"), [output, 0f, 1f, 0f], [0f, 0f])).Values,
            score => Assert.True(double.IsNaN(score))
        );
        Assert.All(
            Metrics.Measure(MadeRuns.Rows(Task(0, "pearson", "spearman"), [output, 0f], [0f, 1f])).Values,
            score => Assert.True(double.IsNaN(score))
        );
    }

    [Fact]
    public void A_score_that_is_undefined_is_shown_as_that() =>
        Assert.Equal(("86.0", "-5.25", "undefined"), (Metrics.Shown(0.86), Metrics.Shown(-0.0525, "F2"), Metrics.Shown(double.NaN)));

    private static float[] Floats(JsonElement values) => [.. values.EnumerateArray().Select(value => value.GetSingle())];

    private static TaskDefinition Task(int classes, params string[] metrics) => new()
    {
        Name = "made",
        DisplayName = "Made",
        TextColumns = ["text"],
        Labels = [.. Enumerable.Range(0, classes).Select(i => $"class {i}")],
        Metrics = metrics,
        ReportedMetric = metrics[0],
    };
}
