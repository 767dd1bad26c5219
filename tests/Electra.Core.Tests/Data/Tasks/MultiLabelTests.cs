using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tasks;

/// <summary>Rows with any number of labels, as files write them.</summary>
public sealed class MultiLabelTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.tsv", "text\tlabel\none\tred|blue\ntwo\t\nthree\t blue \n")]
    [InlineData("a.csv", "label,text\nred|blue,one\n,two\nblue,three\n")]
    [InlineData("a.jsonl", """
        {"text": "one", "label": ["red", "blue"]}
        {"text": "two", "label": []}
        {"text": "three", "label": "blue"}
        """)]
    public void Labels_are_a_list_or_stand_between_bars(string name, string content) =>
        Assert.Equal([new(["one"], [1, 1]), new(["two"], [0, 0]), new(["three"], [0, 1])], Rows(name, content));

    [Fact]
    public void Each_label_may_have_a_column_of_its_own() =>
        Assert.Equal(
            [new(["one"], [1, 0]), new(["two"], [0, 1])],
            Rows("a.csv", "blue,text,red\n0,one,1\nTrue,two,0.0\n", Options with { LabelColumns = true })
        );

    [Fact]
    public void Labels_of_a_list_may_be_numbers()
    {
        var numbered = Options with { Labels = ["0", "27"] };
        Assert.Equal([new(["one"], [0, 1])], Rows("a.jsonl", """{"text": "one", "label": [27]}""", numbered));
        Assert.Contains(
            "a.jsonl:1: label has \"null\"; the labels of made are 0, 27",
            Assert.Throws<UserErrorException>(() => Rows("a.jsonl", """{"text": "one", "label": [27, null]}""", numbered)).Message
        );
    }

    [Fact]
    public void Rows_that_are_read_in_another_way_are_encoded_anew()
    {
        const string Content = "text,label,red,blue\n\"one\",red,0,1\n";
        Write("a.csv", Content);
        Assert.Equal([1, 0], Encoded("a.csv", columns: false));
        Assert.Equal([0, 1], Encoded("a.csv", columns: true));
        Write("b.tsv", Content.Replace(',', '\t'));
        Write("b.csv", Content.Replace(',', '\t'));
        Assert.NotEqual(Tokens("b.tsv"), Tokens("b.csv"));

        float[] Encoded(string name, bool columns)
        {
            using var data = Prepare(name, Options with { LabelColumns = columns });
            return data.Train.Examples.Labels;
        }
        int Tokens(string name)
        {
            using var data = Prepare(name, Options);
            return data.Train.Examples.Lengths[0];
        }
    }

    [Theory]
    [InlineData(
        "text\tlabel\none\tredd\n",
        false,
        "a.tsv:2: label has \"redd\"; the labels of made are red, blue, separated by |; did you mean red?"
    )]
    [InlineData("text\tred\tblue\none\t1\tx\n", true, "a.tsv:2: blue is \"x\"; a label's column has 1 where it is there, and 0 where not")]
    [InlineData("text\tlabel\none\t[red\n", false, "a.tsv:2: label is not a JSON list: [red")]
    public void A_label_that_is_not_the_tasks_is_an_error(string content, bool columns, string said) =>
        Assert.Contains(
            said,
            Assert.Throws<UserErrorException>(() => Rows("a.tsv", content, Options with { LabelColumns = columns })).Message
        );

    [Fact]
    public void A_label_that_no_training_row_has_is_warned_of()
    {
        Write("a.tsv", "text\tlabel\none\tblue\ntwo\t\n");
        using var data = Prepare("a.tsv", Options);
        Assert.Equal(["made, train: no row has the label red"], data.Warnings);
        Assert.Equal([0, 1, 0, 0], data.Train.Examples.Batch([0, 1]).Labels);
    }

    private TaskData Prepare(string name, OwnTaskOptions options)
    {
        options = options with { Train = folder.File(name), Dev = folder.File(name) };
        return TaskData.Prepare(
            OwnTask.Open(OwnTask.Define("made", options), options),
            new(new Electra.Tokenization.Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two"])),
            new EncodingOptions(),
            folder.File("datasets")
        );
    }

    private static OwnTaskOptions Options => new() { Kind = OwnTaskKind.MultiLabel, Text = ["text"], Labels = ["red", "blue"] };

    private List<TaskRow> Rows(string name, string content, OwnTaskOptions? options = null)
    {
        Write(name, content);
        options = (options ?? Options) with { Train = folder.File(name), Dev = folder.File(name) };
        return [.. OwnTask.Open(OwnTask.Define("made", options), options).Splits[0].Rows()];
    }

    private void Write(string name, string content) => File.WriteAllText(folder.File(name), content);
}
