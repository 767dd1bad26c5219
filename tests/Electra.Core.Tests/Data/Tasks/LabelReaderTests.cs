using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tasks;

public sealed class LabelReaderTests
{
    [Theory]
    [InlineData("0, 1", "1", 1)]
    [InlineData("0, 1", "1.0", 1)]
    [InlineData("0, 1", "1.000000e+00", 1)]
    [InlineData("0, 1", " 0 ", 0)]
    [InlineData("0.0, 1.0", "1", 1)]
    [InlineData("-1, 1", "-1.0", 0)]
    [InlineData("false, true", "True", 1)]
    [InlineData("False, True", "true", 1)]
    [InlineData("no, yes", "yes ", 1)]
    [InlineData("1, 1.0", "1.0", 1)]
    [InlineData("1.5, 2.5", "2.5", 1)]
    public void A_label_is_known_however_programs_write_it(string labels, string text, float expected) =>
        Assert.Equal(expected, Reader(labels).Read(text, "here"));

    [Theory]
    [InlineData("0, 1", "2", "here is \"2\"; the labels of mine are 0, 1.")]
    [InlineData("0, 1", "1.5", "here is \"1.5\"")]
    [InlineData("no, yes", "Yes", "the labels of mine are no, yes; did you mean yes?")]
    [InlineData("no, yes", "", "here is empty; the labels of mine are no, yes. To leave out such rows: 'data.own.mine.drop_labels=[\"\"]'")]
    [InlineData("no, yes", "-", "To leave out such rows: 'data.own.mine.drop_labels=[\"-\"]'")]
    public void A_label_that_is_not_the_tasks_is_named_with_those_that_are(string labels, string text, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Reader(labels).Read(text, "here")).Message);

    [Theory]
    [InlineData(true, "0", "entailment")]
    [InlineData(true, "2", "contradiction")]
    [InlineData(false, "neutral", "neutral")]
    public void A_label_has_one_meaning_whatever_the_order_of_the_outputs(bool isNumbered, string text, string name)
    {
        var form = isNumbered ? LabelForm.Number : LabelForm.Name;
        foreach (bool contradictionFirst in new[] { false, true })
        {
            var task = TaskSources.Define("mnli", new TaskSourceOptions { ContradictionFirst = contradictionFirst });
            Assert.Equal(name, task.Labels[(int)new LabelReader(task, form).Read(text, "here")]);
            Assert.Equal(task.Labels, TaskSources.Define("ax", new TaskSourceOptions { ContradictionFirst = contradictionFirst }).Labels);
        }
        Assert.Equal(
            ["contradiction", "entailment", "neutral"],
            TaskSources.Define("mnli", new TaskSourceOptions { ContradictionFirst = true }).Labels
        );
    }

    [Theory]
    [InlineData("2.5", 2.5f)]
    [InlineData(" -1e-1", -0.1f)]
    public void A_value_is_a_number(string text, float expected) => Assert.Equal(expected, Values().Read(text, "here"));

    [Theory]
    [InlineData("2,5", "here is \"2,5\"; mine has numbers, with a decimal point")]
    [InlineData("NaN", "here is \"NaN\"; mine has numbers.")]
    [InlineData("", "here is empty; mine has numbers.")]
    public void A_value_that_is_not_a_number_is_named(string text, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Values().Read(text, "here")).Message);

    [Fact]
    public void Labels_to_drop_are_known_in_all_their_forms()
    {
        var reader = Reader("0, 1", "-1", "");
        Assert.Equal([true, true, true, true, false, false], new[] { "-1", "-1.0", "", " ", "1", "-" }.Select(reader.IsDropped));
        Assert.False(Reader("0, 1").IsDropped(""));
    }

    private static LabelReader Reader(string labels, params string[] dropped) =>
        new(
            OwnTask.Define(
                "mine",
                new OwnTaskOptions
                {
                    Text = ["text"],
                    Labels = labels.Split(", "),
                    DropLabels = dropped,
                }
            ),
            LabelForm.Name
        );

    private static LabelReader Values() =>
        new(OwnTask.Define("mine", new OwnTaskOptions { Text = ["text"], Regression = true }), LabelForm.Name);
}
