using System.Globalization;
using System.IO.Compression;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Finetuning.Prediction;

/// <summary>Tiny runs of two tasks of one's own and of two of GLUE's, made once for all tests.</summary>
public sealed class TinyRuns : IAsyncLifetime
{
    internal TinyFinetuning Tiny { get; } = new();

    public async ValueTask InitializeAsync()
    {
        var random = new Random(2);
        string Text() =>
            string.Join(
                ' ',
                Enumerable.Range(0, random.Next(1, 9)).Select(_ => TinyFinetuning.Words[random.Next(TinyFinetuning.Words.Length)])
            );
        foreach (var (split, rows) in new[] { ("train", 40), ("dev", 10), ("test", 146) })
            Tiny.Write($"glue/WNLI/{split}.tsv", "index\tsentence1\tsentence2\tlabel", rows, i => $"{i}\t{Text()}\t{Text()}\t{i % 2}");
        foreach (
            var (split, rows) in new[]
            {
                ("train", 24),
                ("dev_matched", 6),
                ("dev_mismatched", 6),
                ("test_matched", 5),
                ("test_mismatched", 4),
            }
        )
            Tiny.Write(
                $"glue/MNLI/{split}.tsv",
                "index\tsentence1\tsentence2\tgold_label",
                rows,
                i => $"{i}\t{Text()}\t{Text()}\t{new[] { "entailment", "neutral", "contradiction" }[i % 3]}"
            );
        Tiny.Write("glue/AX/AX.tsv", "index\tsentence1\tsentence2", 7, i => $"{i}\t{Text()}\t{Text()}");
        await Tiny.Done(
            $"data.glue={Tiny.File("glue")}",
            "tasks=[colour, same, wnli, mnli]",
            "training.epochs=2",
            "training.precision=float32"
        );
    }

    public ValueTask DisposeAsync()
    {
        Tiny.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>scripts/predict.csx itself, run as a user runs it.</summary>
public sealed class PredictScriptTests(TinyRuns runs) : IClassFixture<TinyRuns>, IDisposable
{
    private readonly TemporaryFolder output = TestData.Temporary();

    public void Dispose() => output.Dispose();

    [Fact]
    public async Task Test_sets_are_predicted_by_the_best_runs()
    {
        var run = (await Predict("tasks=[colour, same, wnli]")).Succeeded();
        run.Said(
            "same is not predicted: there is no test set",
            "submission.zip is partial: what is in it is as gluebenchmark.com wants it, and it lacks CoLA.tsv, SST-2.tsv, MRPC.tsv, "
                + "STS-B.tsv, QQP.tsv, MNLI-m.tsv, MNLI-mm.tsv, QNLI.tsv, RTE.tsv, AX.tsv."
        );
        Assert.Equal(
            ["WNLI.tsv", "colour.tsv", "runs.tsv", "submission.zip"],
            Directory.EnumerateFiles(output.File("tiny")).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
        using (var zip = ZipFile.OpenRead(output.File("tiny/submission.zip")))
            Assert.Equal(["WNLI.tsv"], zip.Entries.Select(entry => entry.FullName));
        Assert.Empty(Submission.Check(output.File("tiny/submission.zip")));
        foreach (var task in new[] { "colour", "wnli" })
        {
            var best = FinetuneResult.All(runs.Tiny.File("runs")).Where(result => result.Task == task).MaxBy(result => result.Score)!;
            Assert.Contains($"\t{task}\t{best.Run}\t{best.Seed}\t", File.ReadAllText(output.File("tiny/runs.tsv")));
            Assert.Equal(Expected(task, best.Run), File.ReadLines(output.File($"tiny/{(task == "wnli" ? "WNLI" : task)}.tsv")).Skip(1));
        }
    }

    [Fact]
    public async Task Several_runs_are_an_ensemble()
    {
        var run = await Predict("tasks=[mnli, colour]", "predict.runs={mnli: [0, 1], colour: 1}");
        // The made-up test sets are too short for the site: that is an error, and the files are there all the same.
        run.Ended(1)
            .Said(
                "MNLI-m.tsv: there are 5 predictions, and the site's test set has 9796",
                "AX.tsv: there are 7 predictions, and the site's test set has 1104"
            );
        Assert.Equal(Expected("mnli", 0, 1), File.ReadLines(output.File("tiny/MNLI-m.tsv")).Skip(1));
        Assert.Equal(
            7,
            File.ReadLines(output.File("tiny/AX.tsv"))
                .Skip(1)
                .Count(line => line.Split('\t')[1] is "entailment" or "neutral" or "contradiction")
        );
        Assert.Equal(Expected("colour", 1), File.ReadLines(output.File("tiny/colour.tsv")).Skip(1));
    }

    [Fact]
    public async Task Each_line_of_standard_input_is_answered_before_the_next()
    {
        using var run = Start("tasks=colour", "predict.input=-");
        foreach (var line in new[] { "the red house", "a blue dog sees a cat" })
        {
            await run.Type(line + "\n");
            var answer = (await run.ReadLine())!.Split('\t');
            Assert.Equal(line, answer[2]);
            Assert.Contains(answer[0], new[] { "red", "blue" });
            Assert.InRange(double.Parse(answer[1], CultureInfo.InvariantCulture), 0.5, 1);
        }
        run.EndInput();
        var end = await run.Finish();
        Assert.Equal((0, ""), (end.ExitCode, end.Output));
        Assert.Contains("a text in, label<tab>probability<tab>line out", end.Error);
    }

    [Fact]
    public async Task A_file_of_pairs_is_predicted_as_the_same_rows_of_a_test_set_are()
    {
        var rows = TaskSources.Open("wnli", Source).Of(SplitRole.Test).Single().Rows().ToList();
        File.WriteAllLines(output.File("pairs.txt"), rows.Select(row => $"{row.Texts[0]}\t{row.Texts[1]}"));
        var run = await Predict(
            "tasks=[wnli]",
            "predict.runs={wnli: [0, 1]}",
            $"predict.input={output.File("pairs.txt")}",
            $"predict.output={output.File("out.tsv")}"
        );
        run.Succeeded().Said("out.tsv: 146 lines");
        var names = GlueTasks.Find("wnli")!.Labels;
        Assert.Equal(Expected("wnli", 0, 1)
            .Select((line, i) => (names[int.Parse(line.Split('\t')[1])], rows[i].Texts[0], rows[i].Texts[1])),
            File.ReadLines(output.File("out.tsv")).Select(line => line.Split('\t')).Select(fields => (fields[0], fields[2], fields[3])));
    }

    [Fact]
    public async Task Waiting_for_standard_input_ends_with_a_signal()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        using var run = Start("tasks=[same]", "predict.input=-");
        await run.Type("a cat\tthe cat\n");
        await run.WaitForLine("a cat\tthe cat");
        run.Send("TERM");
        Assert.Equal("", (await run.Finish()).Ended(143).Output);
    }

    [Fact]
    public async Task Mistakes_are_named_and_nothing_is_left_behind()
    {
        await Refused(
            ["tasks=[colour, same]", "predict.input=-"],
            "predict.input is predicted with one task, and the configuration has 2: tasks=colour"
        );
        await Refused(["group=tinny"], "there is no finished run of group tinny", "group=tiny");
        await Refused(["tasks=[same]"], "there is nothing to predict", "same: there is no test set");
        await Refused(
            ["tasks=[colour]", "data.own.colour.labels=[blue, red]"],
            "learned single texts with the labels red, blue",
            "colour has single texts with the labels blue, red"
        );

        // The second task's file is read before the first is predicted.
        File.WriteAllText(output.File("broken.tsv"), "words\nred\n");
        await Refused(
            ["tasks=[wnli, colour]", $"data.own.colour.test={output.File("broken.tsv")}"],
            "broken.tsv:1: there is no column text"
        );
        Assert.Equal(["broken.tsv"], Directory.EnumerateFileSystemEntries(output.Path).Select(Path.GetFileName));

        async Task Refused(string[] overrides, params string[] said)
        {
            Assert.DoesNotContain("predicting", (await Predict(overrides)).Refused(said).Output);
        }
    }

    private TaskSourceOptions Source =>
        new()
        {
            Glue = runs.Tiny.File("glue"),
            Own = new Dictionary<string, OwnTaskOptions>
            {
                ["colour"] = new()
                {
                    Text = ["text"],
                    Labels = ["red", "blue"],
                    Test = runs.Tiny.File("colour-test.tsv"),
                },
            },
        };

    /// <summary>The lines of a task's first test set, from the models of some runs one row at a time.</summary>
    private IEnumerable<string> Expected(string task, params int[] numbers)
    {
        var rows = TaskSources.Open(task, Source).Of(SplitRole.Test).First().Rows().ToList();
        var sums = new float[rows.Count][];
        var definition = TaskSources.Define(task, Source);
        foreach (int number in numbers)
        {
            using var model = FinetunedModel.Open(FinetuneResult.Folder(runs.Tiny.File("runs"), "tiny", task, number), Compute.Reference);
            foreach (var (i, row) in rows.Index())
                sums[i] =
                [
                    .. model.Predict([row], batchSize: 1, new(), default).Outputs
                        .Zip(sums[i] ?? new float[definition.Outputs], (a, b) => a + b),
                ];
        }
        return [.. sums.Select((sum, i) => $"{i}\t{Labels.Text(definition, sum)}")];
    }

    private Task<ScriptResult> Predict(params string[] overrides) => Start(overrides).Finish();

    private RunningScript Start(params string[] overrides) =>
        ScriptRunner.Start(
            runs.Tiny.Folder,
            [
                ScriptRunner.Kit("predict.csx"),
                "--",
                runs.Tiny.Config,
                $"data.glue={runs.Tiny.File("glue")}",
                "training.precision=float32",
                $"predict.folder={output.Path}",
                .. overrides,
            ]
        );
}
