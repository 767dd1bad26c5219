using Electra.Data.Tasks;
using Electra.Finetuning;
using static TorchSharp.torch;

namespace Electra.Tests.Data.Tasks;

/// <summary>Rows with choices, as files write them, and their loss.</summary>
public sealed class ChoiceTests : IDisposable
{
    private static readonly OwnTaskOptions Options = new() { Kind = OwnTaskKind.Choice, Text = ["text"], Choices = ["a", "b", "c"] };

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.tsv", "text\ta\tb\tc\tlabel\nIt\tis\twas\tbe\t1\nHe\tgoes\tgo\t\t0\n")]
    [InlineData("a.csv", "label,text,a,b,c\nB,It,is,was,be\na,He,goes,go,\n")]
    public void Choices_stand_in_columns_of_which_the_last_may_be_empty(string name, string content) =>
        Assert.Equal([new(["It", "is", "was", "be"], [0, 1, 0]), new(["He", "goes", "go"], [1, 0])], Rows(name, content, Options));

    [Fact]
    public void Choices_stand_in_a_list()
    {
        var options = Options with { Text = ["text", "question"], Choices = ["choices.text"], Label = "answerKey" };
        var row = """{"text": "It", "question": "What?", "choices": {"text": ["is", 2]}, "answerKey": "B"}""";
        Assert.Equal([new(["It", "What?", "is", "2"], [0, 1])], Rows("a.jsonl", row, options));
    }

    [Fact]
    public void Labels_say_what_files_call_the_choices() =>
        Assert.Equal(
            [new(["It", "is", "was", "be"], [1, 0, 0])],
            Rows("a.tsv", "text\ta\tb\tc\tlabel\nIt\tis\twas\tbe\t1\n", Options with { Labels = ["1", "2", "3"] })
        );

    [Theory]
    [InlineData("It\tis\twas\tbe\t3", "a.tsv:2: label is \"3\"; the 3 choices of the row are 0 to 2, or A to C")]
    [InlineData("It\tis\twas\t\tC", "a.tsv:2: label is \"C\"; the 2 choices of the row are 0 to 1, or A to B")]
    [InlineData("It\tis\t\t\t0", "a.tsv:2 has 1 choice: two or more are expected")]
    [InlineData("It\tis\t\tbe\t0", "a.tsv:2: choice 2 of 3 is empty")]
    [InlineData("It\tis\twas\tbe\t", "a.tsv:2: label is empty")]
    public void A_row_that_cannot_be_chosen_from_is_an_error(string row, string said) =>
        Assert.Contains(
            said,
            Assert.Throws<UserErrorException>(() => Rows("a.tsv", $"text\ta\tb\tc\tlabel\n{row}\n", Options)).Message
        );

    [Fact]
    public void A_list_that_is_none_is_an_error() =>
        Assert.Contains(
            "a.tsv:2: a is not a JSON list: is",
            Assert.Throws<UserErrorException>(() => Rows("a.tsv", "text\ta\tlabel\nIt\tis\t0\n", Options with { Choices = ["a"] })).Message
        );

    [Theory]
    [InlineData("choices", "is missing")]
    [InlineData("choices", "are columns of a task with choices (kind: choice)")]
    [InlineData("choices", "has text twice, here or as text")]
    [InlineData("metric", "cannot be f1 for labels: accuracy")]
    public void Keys_that_do_not_fit_are_errors(string key, string said)
    {
        var options = said[..3] switch
        {
            "is " => Options with { Choices = [] },
            "are" => Options with { Kind = null, Labels = ["0", "1"] },
            "has" => Options with { Choices = ["text", "b"] },
            _ => Options with { Metric = Metrics.F1 },
        };
        Assert.Contains(options.Problems(), problem => problem.Key == key && problem.Problem.StartsWith(said, StringComparison.Ordinal));
    }

    /// <summary>Rows of two and three choices by hand, alone and padded side by side.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    public void Rows_with_fewer_choices_have_the_loss_that_they_have_alone(double smoothing)
    {
        var task = OwnTask.Define("made", Options);
        Tensor logits = randn(5, 1).requires_grad_(true), labels = tensor(new[] { 0f, 1, 1, 0, 0 });
        double Alone(int from, int to, int right)
        {
            var logs = nn.functional.log_softmax(logits[from..to].flatten(), 0);
            return -((logs[right] * (1 - smoothing)) + (logs.mean() * smoothing)).item<float>();
        }
        var loss = task.Kind.Loss(task, FinetuneMethod.ByRow(logits, [2, 3]), FinetuneMethod.ByRow(labels, [2, 3]), smoothing);
        Assert.Equal((Alone(0, 2, 1) + Alone(2, 5, 0)) / 2, loss.item<float>(), 1e-6);
        loss.backward();
        Assert.True(logits.grad!.isfinite().all().item<bool>());
        Assert.Equal(0, logits.grad![0..2].sum().item<float>(), 1e-6);
    }

    [Fact]
    public void The_choices_of_a_row_stay_in_one_batch()
    {
        File.WriteAllLines(
            folder.File("a.tsv"),
            Enumerable
                .Range(0, 50)
                .Select(i => $"it\tis\twas{string.Concat(Enumerable.Repeat(" be", i % 7))}\t{(i % 3 == 0 ? "" : "be")}\t1")
                .Prepend("text\ta\tb\tc\tlabel")
        );
        var options = Options with { Train = folder.File("a.tsv"), Dev = folder.File("a.tsv") };
        using var data = TaskData.Prepare(
            OwnTask.Open(OwnTask.Define("made", options), options),
            new(new Electra.Tokenization.Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "it", "is", "was", "be"])),
            new EncodingOptions(),
            folder.File("datasets")
        );
        var examples = data.Train.Examples;
        Assert.Equal((50, 50, 133), (examples.Rows, examples.Units, examples.Count));
        var batches = examples.Shuffled(8, 1, 0).Select(rows => (Rows: rows, Batch: examples.Part(rows, 0))).ToList();
        Assert.Equal(7, batches.Count);
        Assert.All(batches, one => Assert.Equal(one.Rows.Select(row => row % 3 == 0 ? 2 : 3), one.Batch.RowSizes!));
        Assert.All(batches, one => Assert.Equal(one.Rows.Length, one.Batch.Labels.Count(label => label == 1)));
        Assert.Equal(Enumerable.Range(0, 50), batches.SelectMany(one => one.Rows).Order());
        var outputs = examples.With([.. Enumerable.Range(0, 133).Select(example => (float)example)]);
        Assert.Equal([2, 3, 4], outputs[1]);
        Assert.Equal([0, 1, 0], outputs.LabelsAt(1));
        Assert.Equal(17 / 50.0, Metrics.Measure(outputs)["accuracy"], 1e-9);
    }

    private List<TaskRow> Rows(string name, string content, OwnTaskOptions options)
    {
        File.WriteAllText(folder.File(name), content);
        options = options with { Train = folder.File(name), Dev = folder.File(name) };
        return [.. OwnTask.Open(OwnTask.Define("made", options), options).Splits[0].Rows()];
    }
}
