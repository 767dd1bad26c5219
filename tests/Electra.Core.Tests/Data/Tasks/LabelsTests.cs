using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tasks;

public class LabelsTests
{
    [Theory]
    [InlineData("cola", "1", "acceptable")]
    [InlineData("sst2", "1", "positive")]
    [InlineData("mrpc", "1", "equivalent")]
    [InlineData("qqp", "1", "duplicate")]
    [InlineData("wnli", "1", "entailment")]
    [InlineData("rte", "not_entailment", "not_entailment")]
    [InlineData("qnli", "not_entailment", "not_entailment")]
    [InlineData("mnli", "neutral", "neutral")]
    [InlineData("ax", "neutral", "neutral")]
    public void The_second_output_is_what_the_site_and_the_reader_call_it(string name, string submitted, string said)
    {
        var task = MadeRuns.Task(name);
        float[] logits = [-1f, 2f, 0f];
        Assert.Equal(submitted, Labels.Text(task, logits.AsSpan(0, task.Outputs)));
        Assert.Equal(said, Labels.Name(task, logits.AsSpan(0, task.Outputs)));
    }

    [Theory]
    [InlineData(3.14159f, "3.142")]
    [InlineData(-0.3f, "0.000")]
    [InlineData(5.7f, "5.000")]
    [InlineData(0.0004f, "0.000")]
    public void A_value_has_three_decimals_and_stays_in_its_range(float output, string text)
    {
        Assert.Equal(text, Labels.Text(MadeRuns.Task("stsb"), [output]));
        Assert.True(Labels.IsLabel(MadeRuns.Task("stsb"), text));
    }

    [Fact]
    public void A_value_without_a_range_is_as_it_came_out()
    {
        var task = MadeRuns.Task("stsb") with { Range = null };
        Assert.Equal("-12.500", Labels.Text(task, [-12.5f]));
        Assert.True(Labels.IsLabel(task, "-12.500"));
        Assert.False(Labels.IsLabel(task, "NaN"));
        Assert.Equal("the numbers", Labels.Allowed(task));
    }

    [Theory]
    [InlineData("cola", "1", true)]
    [InlineData("cola", "2", false)]
    [InlineData("cola", "01", false)]
    [InlineData("cola", "acceptable", false)]
    [InlineData("rte", "entailment", true)]
    [InlineData("rte", "0", false)]
    [InlineData("rte", "Entailment", false)]
    [InlineData("mnli", "contradiction", true)]
    [InlineData("stsb", "5.001", false)]
    [InlineData("stsb", "-0.1", false)]
    [InlineData("stsb", "NaN", false)]
    [InlineData("stsb", "", false)]
    [InlineData("stsb", "4", true)]
    public void A_label_is_one_of_the_tasks_own_in_its_own_form(string task, string text, bool isLabel) =>
        Assert.Equal(isLabel, Labels.IsLabel(MadeRuns.Task(task), text));

    [Fact]
    public void The_probability_is_that_of_the_largest_output_however_large()
    {
        Assert.Equal(1 / (1 + Math.Exp(-2) + Math.Exp(-3)), Labels.Probability([1f, 3f, 0f]), 1e-7);
        Assert.Equal(0.5, Labels.Probability([1000f, 1000f]), 1e-12);
        Assert.Equal(1, Labels.Probability([-1000f, 1000f]), 1e-12);
    }

    [Fact]
    public void A_task_of_ones_own_answers_with_its_labels()
    {
        var task = TaskSources.Define(
            "reviews",
            new TaskSourceOptions
            {
                Own = new Dictionary<string, OwnTaskOptions>
                {
                    ["reviews"] = new()
                    {
                        Text = ["review"],
                        Labels = ["bad", "good"],
                        Train = "a.csv",
                        HeldOut = 0.1,
                    },
                },
            }
        );
        Assert.Equal("good", Labels.Text(task, [0f, 1f]));
    }
}
