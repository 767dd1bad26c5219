using Electra.Finetuning;
using Electra.Running;
using Electra.Statistics;

namespace Electra.Tests.Statistics;

public sealed class ScoreSetTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private void Finished(string group, string task, int run, int seed, params (string Metric, double Value)[] scores)
    {
        var path = Directory.CreateDirectory(folder.File($"glue/{group}_{task}_{run}")).FullName;
        new FinetuneResult
        {
            Group = group,
            Task = task,
            Run = run,
            Seed = seed,
            Checkpoint = "checkpoints/pretrain/demo_36_100",
            Metric = scores[0].Metric,
            Score = scores[0].Value,
            Scores = scores.ToDictionary(score => score.Metric, score => score.Value),
            Epochs = [],
            Seconds = 1,
        }.Save(path);
    }

    private string Csv(params string[] lines)
    {
        File.WriteAllLines(folder.File("scores.csv"), lines);
        return folder.File("scores.csv");
    }

    [Fact]
    public void Finished_runs_count_by_the_metric_of_tables_and_unfinished_ones_are_listed()
    {
        Finished("small", "mrpc", 0, 5, ("f1", 0.9), ("accuracy", 0.86));
        Finished("small", "member_kind", 0, 5, ("f1", 0.7), ("accuracy", 0.8));
        Directory.CreateDirectory(folder.File("glue/small_rte_3"));
        Directory.CreateDirectory(folder.File("glue/.small_rte_4.0a.partial"));

        var scores = ScoreSet.Read<FinetuneConfig>([folder.File("glue")]);
        Assert.Equal(
            [("mrpc", 86.0, 5), ("member_kind", 70.0, 5)],
            scores.Tasks.SelectMany(task => scores.Of("small", task)).Select(s => (s.Task, s.Value, s.Seed!.Value))
        );
        Assert.Equal("small_rte_3", Path.GetFileName(Assert.Single(scores.Unfinished)));
    }

    [Fact]
    public void An_undefined_score_is_counted_whatever_stands_in_the_place_of_the_predictions_that_would_tell_why()
    {
        Finished("small", "sts-b", 0, 5, ("spearman", double.NaN));
        var predictions = folder.File("glue/small_sts-b_0/dev_predictions.tsv");
        foreach (var (what, _) in OddFiles.All)
        {
            OddFiles.Put(what, predictions);
            Assert.Contains("were not kept", Why());
            OddFiles.Remove(predictions);
        }
        File.WriteAllBytes(predictions, [0xFF, 0x00, 0x09, 0x0A, 0x09, 0x09]);
        Assert.Contains("were not kept", Why());
        File.WriteAllText(predictions, "split\trow\tlabel\tprediction\toutput:value\ndev\t0\t1\t0.5\t0.5\ndev\t1\t2\t0.5\t0.5\n");
        Assert.Equal("it predicts the same for all rows", Why());

        string Why() => Assert.Single(ScoreSet.Read<FinetuneConfig>([folder.File("glue")]).Undefined).Why;
    }

    [Fact]
    public void A_pipe_without_a_writer_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "named pipes of Unix");
        Command.Run("mkfifo", folder.File("scores.csv"));
        Assert.Contains(
            "is a named pipe",
            Assert.Throws<UserErrorException>(() => ScoreSet.Read<FinetuneConfig>([folder.File("scores.csv")])).Message
        );
    }

    [Fact]
    public void A_csv_reads_back_what_was_written_and_knows_the_tasks_by_all_their_names()
    {
        Score[] scores = [new("a, \"b\"", "rte", 0, 67.46), new("a, \"b\"", "my task", 1, -1.5)];
        File.WriteAllText(
            folder.File("written.csv"),
            ScoreCsv.Write(ScoreSet.Of(scores, [new("a", "rte", 1, "accuracy", "of this or that")]))
        );
        var again = ScoreCsv.Read(folder.File("written.csv"));
        Assert.Equal(scores, again.All);
        Assert.Equal(("a", "rte", 1), again.Undefined.Select(score => (score.Group, score.Task, score.Run)).Single());

        var read = ScoreCsv
            .Read(
                Csv("# published", "Score,Run,Task,Model,Seed", "58.72,0,CoLA,x,7", "", "88,0,SST,x,7", "88,1,sst-2,x,8", "86,0,STS-B,x,7")
            )
            .All;
        Assert.Equal(["cola", "sst2", "sst2", "stsb"], read.Select(s => s.Task));
        Assert.Equal(new Score("x", "cola", 0, 58.72, 7), read[0]);
    }

    [Theory]
    [InlineData("model,task,run", "x,rte,0", "scores.csv:1: there is no column score")]
    [InlineData("model,task,run,scor", "x,rte,0,5", "no column score, but scor")]
    [InlineData("model,task,run,score", "x,rte,0,sixty", "scores.csv:2: column score cannot be \"sixty\"")]
    [InlineData(
        "model,task,run,score",
        "x,rte,0,1,234.5",
        "scores.csv:2: 5 fields, where the header names 4 columns: is there a separator inside a name, or a decimal comma?"
    )]
    [InlineData("model;task;run;score", "x;rte;0;1.234,5", "scores.csv:2: column score cannot be \"1.234,5\"")]
    [InlineData(
        "\n# from a sheet\nmodel,task,run,score\n",
        "\n# and more\nx,rte,0,sixty",
        "scores.csv:7: column score cannot be \"sixty\""
    )]
    [InlineData("model,task,run,score\n\"a\n\nb\",rte,0,1\n", "\"c\nd\",rte,0,sixty", "scores.csv:6: column score cannot be \"sixty\"")]
    [InlineData("model,task,run,score", "x,rte,0,6746", "scores.csv:2: column score cannot be \"6746\"")]
    [InlineData("model,task,run,score", "x,rte,-1,60", "scores.csv:2: column run cannot be \"-1\"")]
    [InlineData("model,task,run,score", "x,rte,0", "scores.csv:2: 3 fields, where the header names 4 columns")]
    [InlineData("model,task,run,score", ",rte,0,60", "scores.csv:2: column model is empty")]
    [InlineData("model,task,run,score", "\"x,rte,0,60", "scores.csv:2: a quotation mark is not closed")]
    [InlineData("model,task,run,score", "x,rte,0,60\nx,RTE,0,61", "scores.csv:3: run 0 of x on rte was given before, in line 2")]
    [InlineData("model,model,task,run,score", "", "the column model is named twice")]
    [InlineData("", "", "is empty: a header is expected")]
    public void A_csv_that_is_not_right_is_refused_with_file_line_and_column(string header, string row, string message) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(() => ScoreCsv.Read(Csv(header, row))).Message);

    [Fact]
    public void What_is_not_there_is_named()
    {
        string Message(Action read) => Assert.Throws<UserErrorException>(read).Message;
        Assert.Contains("there is no nowhere/glue", Message(() => ScoreSet.Read<FinetuneConfig>(["nowhere/glue"])));
        Directory.CreateDirectory(folder.File("glue/small_rte_0"));
        Assert.Contains("unfinished: small_rte_0", Message(() => ScoreSet.Read<FinetuneConfig>([folder.File("glue")])));
        Assert.Contains("no finished run", Message(() => ScoreSet.Read<FinetuneConfig>([Csv("model,task,run,score")])));
        var csv = Csv("model,task,run,score", "small,rte,0,60");
        Assert.Contains("did you mean small?", Message(() => ScoreSet.Read<FinetuneConfig>([csv]).Only(["smal"])));
        Finished("small", "rte", 0, 1, ("accuracy", 0.6));
        Assert.Contains("run 0 of small on rte is there 2 times", Message(() => ScoreSet.Read<FinetuneConfig>([csv, folder.File("glue")])));
    }

    [Theory]
    [InlineData("model;task;run;score", "a;rte;0;60,5")]
    [InlineData("\"model\"\t\"task\"\t\"run\"\t\"score\"", "a\trte\t0\t60.5")]
    [InlineData("sep=|\nmodel|task|run|score", "a|rte|0|60,5\n|||")]
    [InlineData("Model, Task, Run, Score, Note", "a, rte, 0, 60.5 %, \"x; y; z\"")]
    [InlineData("\uFEFF\uFEFFmodel,task,run,score", "a,rte,0,60.5\n\n\n")]
    public void A_csv_is_read_as_spreadsheets_of_any_country_write_it(string header, string row) =>
        Assert.Equal([new Score("a", "rte", 0, 60.5)], ScoreCsv.Read(Csv(header, row)).All);

    [Fact]
    public void A_run_without_a_score_is_counted_apart_and_hides_no_other()
    {
        for (var run = 0; run < 3; run++)
            Finished("good", "sts", run, run, ("pearson", 0.5), ("spearman", 0.5 + run / 10.0));
        for (var run = 0; run < 3; run++)
            Finished("bad", "sts", run, run, ("spearman", run == 1 ? double.NaN : 0.4), ("pearson", 0.4));
        Finished("none", "sts", 0, 0, ("spearman", double.NaN));
        Finished("none", "cola", 0, 0, ("accuracy", 0.6));
        File.WriteAllText(
            folder.File("glue/bad_sts_1/dev_predictions.tsv"),
            "split\trow\tlabel\tprediction\toutput:value\ndev\t0\t1\t0.5\t0.51\ndev\t1\t2\t0.5\t0.51\n"
        );
        File.WriteAllText(
            folder.File("glue/none_sts_0/dev_predictions.tsv"),
            "split\trow\tlabel\tprediction\toutput:value\ndev\t0\t2\t0.5\t0.51\ndev\t1\t2\t0.5\t0.7\n"
        );

        var scores = ScoreSet.Read<FinetuneConfig>([folder.File("glue")]);
        Assert.Equal(
            ["bad on sts: 1 of 3 runs has no pearson: it predicts the same for all rows (run 1)"],
            scores
                .Undefinedness()
                .Where(sentence => sentence.StartsWith("bad", StringComparison.Ordinal))
                .Select(sentence => sentence.Replace("spearman", "pearson"))
        );
        Assert.Contains(
            "none on sts: 1 of 1 run has no spearman: all 2 rows of the development set have the same label (run 0)",
            scores.Undefinedness()
        );
        Assert.Contains("none on CoLA: 1 of 1 run has no mcc: it was measured by accuracy (run 0)", scores.Undefinedness());

        var tables = StatisticsReport.Tables(scores, new StatisticsConfig());
        var rows = tables.Single(table => table.Title == "Scores per task").Rows.Select(row => string.Join(' ', row.Take(5)));
        Assert.Equal(
            ["bad sts 2 1 40.00", "good sts 3 0 50.00", "none CoLA 0 1 –", "none sts 0 1 –"],
            rows.Order(StringComparer.Ordinal).Select(row => row.Replace("60.00", "50.00"))
        );
        Assert.Equal(["bad", "good"], tables.Single(table => table.Title == "Average over tasks").Rows.Select(row => row[0]).Order());
        // Two groups have scores, and are compared.
        Assert.Equal("good against bad", tables[0].Title);
        Assert.Contains(
            "Not compared",
            StatisticsReport.Tables(scores, new StatisticsConfig { Compare = ["good", "none"] })[0].Notes.Single()
        );

        StatisticsReport.Write(tables, scores, new StatisticsConfig { Out = folder.File("out") }, Quiet());
        Assert.Equal(3, ScoreSet.Read<FinetuneConfig>([folder.File("out/scores.csv")]).Undefined.Count);
        var only = ScoreSet.Read<FinetuneConfig>([folder.File("glue")], "none");
        StatisticsReport.Write(
            StatisticsReport.Tables(only, new StatisticsConfig()),
            only,
            new StatisticsConfig { Out = folder.File("out") },
            Quiet()
        );
        Assert.False(File.Exists(folder.File("out/scores.png")));
    }

    [Fact]
    public void What_belongs_to_groups_that_are_not_asked_for_is_not_read()
    {
        Finished("good", "rte", 0, 1, ("accuracy", 0.6));
        Directory.CreateDirectory(folder.File("glue/bad_rte_0"));
        File.WriteAllText(folder.File("glue/bad_rte_0/result.json"), "{");
        var csv = Csv("model,task,run,score", "bad,rte,0,sixty", "good,rte,1,70", "bad,rte");

        Assert.Equal([60, 70], ScoreSet.Read<FinetuneConfig>([folder.File("glue"), csv], "good").Values("good", "rte"));
        Assert.Contains(
            "did you mean good?",
            Assert.Throws<UserErrorException>(() => ScoreSet.Read<FinetuneConfig>([folder.File("glue")], "goood")).Message
        );
    }

    [Fact]
    public void A_result_that_is_damaged_or_a_copy_is_left_out_and_named()
    {
        Finished("good", "rte", 0, 1, ("accuracy", 0.6));
        Directory.CreateDirectory(folder.File("glue/bad_rte_0"));
        File.WriteAllText(folder.File("glue/bad_rte_0/result.json"), "{\"accuracy\": 0.5}");
        Directory.CreateDirectory(folder.File("glue/good_rte_0.bak"));
        File.Copy(folder.File("glue/good_rte_0/result.json"), folder.File("glue/good_rte_0.bak/result.json"));

        var scores = ScoreSet.Read<FinetuneConfig>([folder.File("glue")]);
        Assert.Equal([60], scores.Values("good", "rte"));
        Assert.Equal(2, scores.LeftOut.Count);
        Assert.Contains("is not the result of a fine-tuning run", scores.LeftOut[0]);
        Assert.Contains("good_rte_0.bak holds the result of good_rte_0", scores.LeftOut[1]);

        File.Delete(folder.File("glue/good_rte_0/result.json"));
        Assert.Contains(
            "no finished run that can be read",
            Assert.Throws<UserErrorException>(() => ScoreSet.Read<FinetuneConfig>([folder.File("glue")])).Message
        );
    }

    private static RunConsole Quiet() => new(TextWriter.Null, terminal: null);

    [Fact]
    public async Task The_script_prints_and_writes_all_tables()
    {
        foreach (var group in new[] { "demo", "random" })
            for (var run = 0; run < 3; run++)
            {
                Finished(group, "rte", run, 10 + run, ("accuracy", (group == "demo" ? 0.6 : 0.5) + run / 100.0));
                Finished(group, "member_kind", run, 10 + run, ("accuracy", (group == "demo" ? 0.9 : 0.7) + run * run / 100.0));
            }
        Directory.CreateDirectory(folder.File("glue/demo_cola_0"));

        var printed = await Stats(folder.File("glue"), $"out={folder.File("out")}", "compare=[random, demo]", "detail=true");
        Assert.True(printed.ExitCode == 0, printed.Error);
        Assert.All(
            ["Table 1", "Table 4", "Table 5", "demo against random", "paired", "unfinished, and left out: demo_cola_0", "58.72"],
            part => Assert.Contains(part, printed.Output)
        );
        Assert.Contains(
            printed.Lines,
            line =>
                line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    is ["demo", "RTE", "3", "61.00", "1.00", "62.00", "60.00", "61.00", ..]
        );
        Assert.All(
            ["statistics.md", "statistics.csv", "comparison.csv", "scores.csv", "scores.png"],
            file => Assert.True(File.Exists(folder.File($"out/{file}")), file)
        );

        // What was written is read again, and gives the same.
        var again = await Stats(folder.File("out/scores.csv"), $"out={folder.File("again")}", "group=[demo]");
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Equal(
            File.ReadLines(folder.File("out/statistics.csv")).Where(line => line.StartsWith("demo", StringComparison.Ordinal)),
            File.ReadLines(folder.File("again/statistics.csv")).Skip(1));
        Assert.False(File.Exists(folder.File("again/comparison.csv")));
    }

    [Fact]
    public async Task The_script_refuses_wrong_calls_and_explains_itself()
    {
        var csv = Csv("model,task,run,score", "small,rte,0,60");
        await Refused(Experiment.UserError, ["nowhere"], "there is no nowhere");
        await Refused(Experiment.UserError, [csv, "group=other"], "the group other has no finished run; there is small");
        await Refused(Experiment.UserError, [csv, "compare=[small]"], "must name two different groups");
        await Refused(Experiment.UserError, [csv, "grop=small"], "did you mean group?");
        await Refused(Experiment.WrongUsage, ["group=small"], "the first argument");
        await Refused(Experiment.WrongUsage, ["--group"], "not an option");
        var help = await Stats("--help");
        Assert.Equal(0, help.ExitCode);
        Assert.Contains("<scores> ...", help.Output);

        async Task Refused(int code, string[] arguments, string message)
        {
            (await Stats(arguments)).Refused(code, message);
        }
    }

    private Task<ScriptResult> Stats(params string[] arguments) =>
        ScriptRunner.Run(folder, [ScriptRunner.Kit("stats.csx"), "--", .. arguments]);
}
