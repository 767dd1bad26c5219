using Electra.Data.Tasks;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Tasks;

public sealed class TaskSourcesTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("cola", 8551, 1043, 1063, 6023, 721)]
    [InlineData("sst2", 67349, 872, 1821, 37569, 444)]
    [InlineData("mrpc", 3668, 408, 1725, 2474, 279)]
    [InlineData("rte", 2490, 277, 3000, 1241, 131)]
    [InlineData("wnli", 635, 71, 146, 312, 31)]
    [InlineData("stsb", 5749, 1500, 1379, null, null)]
    public void Glue_has_the_official_numbers_of_rows_and_labels(string name, int train, int dev, int test, int? ones, int? devOnes)
    {
        var text = TaskSources.Open(name, new TaskSourceOptions { Glue = TestData.Shared("glue") });
        var rows = text.Splits.Select(split => split.Rows().ToList()).ToList();
        Assert.Equal([train, dev, test], rows.Select(split => split.Count));
        if (ones is not null)
            Assert.Equal((ones, devOnes), (rows[0].Count(row => row.Labels[0] == 1), rows[1].Count(row => row.Labels[0] == 1)));
        else
            Assert.All(rows[0].Concat(rows[1]), row => Assert.InRange(row.Labels[0], 0, 5));
        Assert.All(rows[2], row => Assert.True(float.IsNaN(row.Labels[0])));
        Assert.All(
            rows.SelectMany(split => split),
            row => Assert.True(row.Texts.All(one => one.Length > 0) && row.Texts.Count == 2 == text.Task.IsPair)
        );
    }

    [Fact]
    public void Quotation_marks_are_text_in_the_archive()
    {
        Write("MRPC/train.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\t\"Open\tClosed\"\n");
        Assert.Equal([new TaskRow(["\"Open", "Closed\""], [1])], Rows("mrpc"));
    }

    [Fact]
    public void Cola_has_no_header_but_in_its_test_set()
    {
        Write("CoLA/train.tsv", "gj04\t1\t\tIt works.\nks08\t0\t*\tIt work.\n");
        Write("CoLA/test.tsv", "index\tsentence\n0\tDoes it?\n");
        var splits = Open("cola").Splits;
        Assert.Equal([new TaskRow(["It works."], [1]), new TaskRow(["It work."], [0])], splits[0].Rows());
        Assert.Equal(["Does it?"], splits[1].Rows().Select(row => row.Texts[0]));
    }

    [Fact]
    public void Questions_without_a_partner_are_dropped_from_training_only_and_torn_lines_everywhere()
    {
        foreach (var split in new[] { "train", "dev" })
            Write(
                $"QQP/{split}.tsv",
                "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t1\t2\tHow?\tWhy?\t1\n2\t3\t4\tWhat?\t\t0\n3\ttorn\n"
            );
        var splits = Open("qqp").Splits;
        Assert.Equal(["How?"], splits[0].Rows().Select(row => row.Texts[0]));
        Assert.Equal(["How?", "What?"], splits[1].Rows().Select(row => row.Texts[0]));
    }

    [Fact]
    public void Mnli_is_measured_and_predicted_twice_and_ax_with_its_model()
    {
        foreach (var split in new[] { "train", "dev_matched", "dev_mismatched" })
            Write($"MNLI/{split}.tsv", "index\tsentence1\tsentence2\tgold_label\n0\tA.\tB.\tcontradiction\n");
        foreach (var split in new[] { "test_matched", "test_mismatched" })
            Write($"MNLI/{split}.tsv", "index\tsentence1\tsentence2\n0\tA.\tB.\n");
        Write("diagnostic/diagnostic.tsv", "index\tsentence1\tsentence2\n0\tA.\tB.\n");
        var mnli = Open("mnli");
        Assert.Equal(["", "_mm"], mnli.Of(SplitRole.Dev).Select(split => split.Split.Suffix));
        Assert.Equal(["MNLI-m.tsv", "MNLI-mm.tsv"], mnli.Of(SplitRole.Test).Select(split => split.Split.Submission));
        Assert.Equal(2, mnli.Splits[0].Rows().Single().Labels[0]);
        Assert.Equal(("mnli", 1), (Open("ax").Task.Model, Open("ax").Splits.Count));
    }

    [Fact]
    public async Task Parquet_as_the_hub_has_it_is_read_by_its_own_columns()
    {
        await WriteParquet("mnli/train-00000-of-00002.parquet", ["A."], ["B."], [2L]);
        await WriteParquet("mnli/train-00001-of-00002.parquet", ["C."], ["D."], [0L]);
        await WriteParquet("mnli/test_matched-00000-of-00001.parquet", ["E."], ["F."], [-1L]);
        var text = Open("mnli");
        Assert.Equal([new TaskRow(["A.", "B."], [2]), new TaskRow(["C.", "D."], [0])], text.Splits[0].Rows());
        Assert.True(float.IsNaN(text.Splits[1].Rows().Single().Labels[0]));
        await WriteParquet("mnli/train-00000-of-00002.parquet", ["A."], ["B."], [-1L]);
        Assert.Contains("entailment", Assert.Throws<UserErrorException>(() => Rows("mnli")).Message);
    }

    [Theory]
    [InlineData("index\tsentence1\tlabel\n", "train.tsv:1", "no column sentence2", "did you mean sentence1")]
    [InlineData(
        "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tmaybe\n",
        "train.tsv:2",
        "label is \"maybe\"",
        "entailment, not_entailment"
    )]
    [InlineData("index\tsentence1\tsentence2\tlabel\n\n0\tA.\tB.\n", "train.tsv:3", "3 columns", "label is column 4")]
    public void What_is_wrong_with_a_table_is_named_with_its_line(string content, params string[] said)
    {
        Write("RTE/train.tsv", content);
        Refused(() => Rows("rte"), said);
    }

    [Fact]
    public void A_score_out_of_its_range_is_refused()
    {
        Write("STS-B/train.tsv", "sentence1\tsentence2\tscore\nA.\tB.\t5.5\n");
        Refused(() => Rows("stsb"), "train.tsv:2", "score is \"5.5\"", "from 0 to 5");
    }

    [Theory]
    [InlineData("data.csv", "text,answer,kind\r\n\"Yes, \"\"sure\"\"\",\"two\nlines\",good\r\nNo,,bad\r\n")]
    [InlineData(
        "data.jsonl",
        "{\"kind\": \"good\", \"text\": \"Yes, \\\"sure\\\"\", \"answer\": \"two\\nlines\"}\n{\"text\": \"No\", \"answer\": "
            + "null, \"kind\": \"bad\"}\n"
    )]
    public void Ones_own_task_reads_csv_and_json_lines(string name, string content)
    {
        Write(name, content);
        var text = TaskSources.Open(
            "mine",
            Own(
                new OwnTaskOptions
                {
                    Text = ["text", "answer"],
                    Label = "kind",
                    Labels = ["good", "bad"],
                    Train = folder.File(name),
                    HeldOut = 0.5,
                }
            )
        );
        Assert.Equal(
            [new TaskRow(["Yes, \"sure\"", "two\nlines"], [0]), new TaskRow(["No", ""], [1])],
            text.Splits.SelectMany(split => split.Rows()).OrderBy(row => row.Labels[0])
        );
    }

    [Fact]
    public void Ones_own_columns_may_be_numbers_and_its_label_a_number()
    {
        Write("data.tsv", "2.5\tSome \"text\n-1\tmore\n");
        var text = TaskSources.Open(
            "mine",
            Own(
                new OwnTaskOptions
                {
                    Text = ["2"],
                    Label = "1",
                    Regression = true,
                    Header = false,
                    Dev = folder.File("data.tsv"),
                }
            )
        );
        Assert.Equal([new TaskRow(["Some \"text"], [2.5f]), new TaskRow(["more"], [-1])], text.Splits.Single().Rows());
        Assert.Equal(("spearman", true, 1), (text.Task.ReportedMetric, text.Task.IsRegression, text.Task.Outputs));
    }

    [Fact]
    public void Rows_held_out_are_always_the_same_and_the_others_train()
    {
        Write("data.csv", "text,label\n" + string.Concat(Enumerable.Range(0, 1000).Select(i => $"row {i},{i % 2}\n")));
        var options = Own(
            new OwnTaskOptions
            {
                Text = ["text"],
                Labels = ["0", "1"],
                Train = folder.File("data.csv"),
                HeldOut = 0.2,
            }
        );
        var (train, dev) = (
            TaskSources.Open("mine", options).Splits[0].Rows().ToList(),
            TaskSources.Open("mine", options).Splits[1].Rows().ToList()
        );
        Assert.InRange(dev.Count, 150, 250);
        Assert.Equal(1000, train.Union(dev).Count());
        Assert.Equal(dev, TaskSources.Open("mine", options).Splits[1].Rows());
    }

    [Theory]
    [InlineData("text,label\n\"open,0\n", "data.csv:2")]
    [InlineData("text,label\na \"b\" c,0\n", "data.csv:2", "quotation mark")]
    [InlineData("text,label\na,b,0\n", "data.csv:2", "separator inside a text")]
    [InlineData("text,label\n\"two\nlines\",0\nlast,2\n", "data.csv:4", "label is \"2\"", "0, 1")]
    public void A_csv_file_that_is_wrong_is_refused_with_its_line(string content, params string[] said)
    {
        Write("data.csv", content);
        Refused(
            () => TaskSources.Open("mine", Own(ZeroOrOne("data.csv"))).Splits[0].Rows().ToList(),
            said
        );
    }

    [Fact]
    public void Rows_without_a_label_are_left_out_where_that_is_asked_for_and_counted()
    {
        Write("data.csv", "text,label\na,0\nb,-\nc,1.0\nd,\n");
        var options = ZeroOrOne("data.csv");
        Refused(
            () => TaskSources.Open("mine", Own(options)).Splits[0].Rows().ToList(),
            "data.csv:3: label is \"-\"",
            "drop_labels=[\"-\"]'"
        );
        var split = TaskSources.Open("mine", Own(options with { DropLabels = ["-", ""] })).Splits[0];
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([new TaskRow(["a"], [0]), new TaskRow(["c"], [1])], split.Rows());
            Assert.Equal(2, split.LeftOut.DroppedLabels);
        }
        Assert.Equal("own.mine.drop_labels", Assert.Single(Own(options with { DropLabels = ["1"] }).Problems()).Key);
    }

    [Theory]
    [InlineData("text,label\n", "there is no row in")]
    [InlineData("text,label\na,-\nb,-\n", "there is no row in", "2 rows left out, whose label is one of drop_labels")]
    public void A_file_without_a_row_is_named(string content, params string[] said)
    {
        Write("data.csv", content);
        Refused(
            () => TaskSources.Open("mine", Own(ZeroOrOne("data.csv") with { DropLabels = ["-"] })).Splits[0].Rows().ToList(),
            said
        );
    }

    [Fact]
    public void A_share_that_holds_out_no_row_is_named()
    {
        Write("data.csv", "text,label\na,0\nb,1\n");
        var text = TaskSources.Open(
            "mine",
            Own(
                new OwnTaskOptions
                {
                    Text = ["text"],
                    Labels = ["0", "1"],
                    Train = folder.File("data.csv"),
                    HeldOut = 0.001,
                }
            )
        );
        Refused(() => text.Splits[1].Rows().ToList(), "of 2 training rows, none is held out at held_out: 0.001");
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_named_with_its_split()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        File.CreateSymbolicLink(folder.File("a.csv"), folder.File("gone.csv"));
        Refused(
            () => TaskSources.Open("mine", Own(ZeroOrOne("a.csv"))),
            "task mine: dev: ",
            "gone.csv, which does not exist"
        );
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        Refused(() => Open("rte"), "RTE/train.tsv", "rte/train-*.parquet");
        Refused(() => TaskSources.Open("rte", new TaskSourceOptions { Glue = folder.File("nowhere") }), "nowhere", "data.glue");
        Refused(() => Open("rta"), "did you mean rte", "data.own");
        Refused(
            () => TaskSources.Open("mine", Own(ZeroOrOne("no.csv"))),
            "mine",
            "no.csv"
        );
        Assert.Equal(
            ["own.mine.text", "own.mine.labels", "own.mine.dev"],
            Own(new OwnTaskOptions { Train = "x.csv" }).Problems().Select(problem => problem.Key)
        );
        Assert.Contains(
            "there already",
            Assert
                .Single(
                    new TaskSourceOptions
                    {
                        Own = new Dictionary<string, OwnTaskOptions>
                        {
                            ["rte"] = new() { Text = ["a"], Regression = true },
                        },
                    }.Problems()
                )
                .Problem
        );
    }

    [Fact]
    public void Tasks_from_the_documentation_share_no_type_between_splits_and_are_always_the_same()
    {
        foreach (var task in DotnetDocsTasks.All)
        {
            var splits = TaskSources.Open(task.Name, new TaskSourceOptions()).Splits.Select(split => split.Rows().ToList()).ToList();
            Assert.InRange(splits[0].Count, 3000, 16_000);
            Assert.InRange(splits[1].Count, 1900, 2100);
            Assert.InRange(splits[2].Count, 400, 600);
            // A type is in one split, and so is each text.
            int own = task == DotnetDocsTasks.Answer ? 1 : 0;
            Assert.Empty(splits[0].Select(row => row.Texts[own]).Intersect(splits[1].Select(row => row.Texts[own])));
            if (task == DotnetDocsTasks.Names)
                Assert.Contains(splits[1], row => row.WordTexts.Zip(row.Labels).Contains(("Stream", task.Labels.Index().First(
                    tag => tag.Item == "B-type").Index)));
            if (task == DotnetDocsTasks.Answer)
            {
                Assert.All(splits[1], row =>
                {
                    var answer = row.Question!.Answers!.Single();
                    Assert.Equal(answer.Text, row.Question.Context[answer.Start..answer.End]);
                });
                continue;
            }
            if (task == DotnetDocsTasks.Kind)
                Assert.Equal(splits[1], TaskSources.Open(task.Name, new TaskSourceOptions()).Splits[1].Rows());
            if (task == DotnetDocsTasks.Returns)
                Assert.Equal(splits[0].Count / 2, splits[0].Count(row => row.Labels[0] == 1));
            else
                Assert.Equal(task.IsRegression ? 5 : task.Labels.Count - 1, splits[1].Max(row => row.Labels[0]));
        }
    }

    [Theory]
    [InlineData("System.Text.Rune", "System.Text.Rune", 5)]
    [InlineData("System.Text.Rune", "System.Text.Encoder", 10 / 3.0)]
    [InlineData("System.Text.Rune", "System.Object", 5 / 3.0)]
    [InlineData("System.Text.Rune", "Microsoft.Win32.Registry", 0)]
    public void Closeness_is_the_share_of_the_path_that_two_types_have_in_common(string a, string b, double closeness) =>
        Assert.Equal(closeness, DotnetDocsTasks.Closeness(a, b), 1e-6);

    private TaskText Open(string name) => TaskSources.Open(name, new TaskSourceOptions { Glue = folder.Path });

    private List<TaskRow> Rows(string name) => [.. Open(name).Splits[0].Rows()];

    private OwnTaskOptions ZeroOrOne(string dev) =>
        new()
        {
            Text = ["text"],
            Labels = ["0", "1"],
            Dev = folder.File(dev),
        };

    private static TaskSourceOptions Own(OwnTaskOptions options) =>
        new() { Own = new Dictionary<string, OwnTaskOptions> { ["mine"] = options } };

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), content);
    }

    private async Task WriteParquet(string name, string[] premises, string[] hypotheses, long?[] labels)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        var (premise, hypothesis, label) = (
            new DataField<string>("premise"),
            new DataField<string>("hypothesis"),
            new DataField<long?>("label")
        );
        await using var file = File.Create(folder.File(name));
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(premise, hypothesis, label), file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync(premise, premises);
        await group.WriteAsync(hypothesis, hypotheses);
        await group.WriteAsync<long>(label, labels);
    }

    private static void Refused(Action read, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(read).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }
}
