
using Electra.Finetuning;
using Electra.Running;
using Electra.Statistics;
using Electra.Tests.Scripting;

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

        var scores = ScoreSet.Read([folder.File("glue")]);
        Assert.Equal([("mrpc", 86.0, 5), ("member_kind", 70.0, 5)], scores.Tasks.SelectMany(task => scores.Of("small", task)).Select(s => (s.Task, s.Value, s.Seed!.Value)));
        Assert.Equal("small_rte_3", Path.GetFileName(Assert.Single(scores.Unfinished)));
    }

    [Fact]
    public void A_csv_reads_back_what_was_written_and_knows_the_tasks_by_all_their_names()
    {
        Score[] scores = [new("a, \"b\"", "rte", 0, 67.46), new("a, \"b\"", "my task", 1, -1.5)];
        File.WriteAllText(folder.File("written.csv"), ScoreCsv.Write(scores));
        Assert.Equal(scores, ScoreCsv.Read(folder.File("written.csv")));

        var read = ScoreCsv.Read(Csv("# published", "Score,Run,Task,Model,Seed", "58.72,0,CoLA,x,7", "", "88,0,SST,x,7", "88,1,sst-2,x,8", "86,0,STS-B,x,7"));
        Assert.Equal(["cola", "sst2", "sst2", "stsb"], read.Select(s => s.Task));
        Assert.Equal(new Score("x", "cola", 0, 58.72, 7), read[0]);
    }

    [Theory]
    [InlineData("model,task,run", "x,rte,0", "scores.csv:1: there is no column score")]
    [InlineData("model,task,run,scor", "x,rte,0,5", "no column score, but scor")]
    [InlineData("model,task,run,score", "x,rte,0,sixty", "scores.csv:2: column score cannot be \"sixty\"")]
    [InlineData("model,task,run,score", "x,rte,0,NaN", "scores.csv:2: column score cannot be \"NaN\"")]
    [InlineData("model,task,run,score", "x,rte,0,6746", "scores.csv:2: column score cannot be \"6746\"")]
    [InlineData("model,task,run,score", "x,rte,-1,60", "scores.csv:2: column run cannot be \"-1\"")]
    [InlineData("model,task,run,score", "x,rte,0", "scores.csv:2: 3 fields, where the header names 4 columns")]
    [InlineData("model,task,run,score", ",rte,0,60", "scores.csv:2: column model is empty")]
    [InlineData("model,task,run,score", "\"x,rte,0,60", "scores.csv:2: a quotation mark is not closed in column 1")]
    [InlineData("model,task,run,score", "x,rte,0,60\nx,RTE,0,61", "scores.csv:3: run 0 of x on rte was given before, in line 2")]
    [InlineData("model,model,task,run,score", "", "the column model is named twice")]
    [InlineData("", "", "is empty: a header is expected")]
    public void A_csv_that_is_not_right_is_refused_with_file_line_and_column(string header, string row, string message) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(() => ScoreCsv.Read(Csv(header, row))).Message);

    [Fact]
    public void What_is_not_there_is_named()
    {
        string Message(Action read) => Assert.Throws<UserErrorException>(read).Message;
        Assert.Contains("there is no nowhere/glue", Message(() => ScoreSet.Read(["nowhere/glue"])));
        Directory.CreateDirectory(folder.File("glue/small_rte_0"));
        Assert.Contains("unfinished: small_rte_0", Message(() => ScoreSet.Read([folder.File("glue")])));
        Assert.Contains("no finished run", Message(() => ScoreSet.Read([Csv("model,task,run,score")])));
        var csv = Csv("model,task,run,score", "small,rte,0,60");
        Assert.Contains("did you mean small?", Message(() => ScoreSet.Read([csv]).Only(["smal"])));
        Finished("small", "rte", 0, 1, ("accuracy", 0.6));
        Assert.Contains("run 0 of small on rte is there 2 times", Message(() => ScoreSet.Read([csv, folder.File("glue")])));
        Finished("small", "cola", 0, 1, ("accuracy", 0.6));
        Assert.Contains("has no mcc, which tables show; it has accuracy", Message(() => ScoreSet.Read([folder.File("glue")])));
    }

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

        var printed = await Stats(folder.File("glue"), $"out={folder.File("out")}", "compare=[random, demo]");
        Assert.True(printed.ExitCode == 0, printed.Error);
        Assert.All(["Table 1", "Table 4", "Table 5", "demo against random", "paired", "unfinished, and left out: demo_cola_0", "58.72"], part => Assert.Contains(part, printed.Output));
        Assert.Contains(printed.Lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["demo", "RTE", "3", "61.00", "1.00", "62.00", "60.00", "61.00", ..]);
        Assert.All(["statistics.md", "statistics.csv", "comparison.csv", "scores.csv", "scores.png"], file => Assert.True(File.Exists(folder.File($"out/{file}")), file));

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
            var run = await Stats(arguments);
            Assert.Equal(code, run.ExitCode);
            Assert.Contains(message, run.Error);
            Assert.DoesNotContain("   at ", run.Error);
        }
    }

    private Task<ScriptResult> Stats(params string[] arguments)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")), "needs dotnet build -c Release");
        return ScriptRunner.Run(folder, ["-c", "release", Path.Combine(TestData.Repository, "scripts", "stats.csx"), "--", .. arguments]);
    }
}
