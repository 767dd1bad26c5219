using Electra.Running;

namespace Electra.Tests.Running;

public sealed class FinetuneResultTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_result_reads_back_as_it_was_written_also_where_a_score_is_not_a_number()
    {
        var result = Result("small", "sts", 3) with
        {
            Metric = "spearman",
            Scores = new Dictionary<string, double> { ["pearson"] = double.NaN, ["spearman"] = 0.75 },
            Epochs = [new FinetuneEpoch(1, 0.5, new Dictionary<string, double> { ["spearman"] = 0.75 })],
        };
        result.Save(folder.File("run"));
        Assert.Equivalent(result, FinetuneResult.Load(folder.File("run")), strict: true);
        Assert.Contains("\"train_loss\": 0.5", File.ReadAllText(folder.File("run/result.json")));
    }

    [Fact]
    public void All_lists_finished_runs_only_ordered_by_group_task_and_number()
    {
        foreach (var (group, task, run) in new[] { ("b", "rte", 10), ("b", "rte", 9), ("a", "sst-2", 0), ("b", "cola", 0) })
            Result(group, task, run).Save(FinetuneResult.Folder(folder.Path, group, task, run));
        Directory.CreateDirectory(FinetuneResult.Folder(folder.Path, "b", "rte", 11));
        Assert.Equal(
            ["a/sst-2/0", "b/cola/0", "b/rte/9", "b/rte/10"],
            FinetuneResult.All(folder.Path).Select(r => $"{r.Group}/{r.Task}/{r.Run}")
        );
        Assert.Equal(3, FinetuneResult.All(folder.Path, ["b"]).Count);
        Assert.Empty(FinetuneResult.All(folder.File("nowhere")));
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("null", "it is empty")]
    [InlineData("[]", "result.json")]
    [InlineData("{", "result.json")]
    [InlineData("""{"group": "a"}""", "score")]
    public void A_damaged_result_is_named(string json, string said)
    {
        File.WriteAllText(folder.File("result.json"), json);
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => FinetuneResult.Load(folder.Path)).Message);
    }

    [Fact]
    public void What_is_no_file_in_the_place_of_a_result_is_named_and_never_taken_for_an_unfinished_run()
    {
        var run = FinetuneResult.Folder(folder.Path, "a", "rte", 0);
        Directory.CreateDirectory(run);
        foreach (var (what, said) in OddFiles.All)
        {
            var path = Path.Combine(run, FinetuneResult.FileName);
            OddFiles.Put(what, path);
            Assert.True(FinetuneResult.IsIn(run));
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => FinetuneResult.Load(run)).Message);
            var leftOut = new List<string>();
            Assert.Empty(FinetuneResult.All(folder.Path, leftOut: leftOut.Add));
            Assert.Contains(said, Assert.Single(leftOut));
            OddFiles.Remove(path);
        }
    }

    [Theory]
    [InlineData("\"score\": 0.5", "\"score\": \"abc\"", "score in line ")]
    [InlineData("\"score\": 0.5", "\"score\": null", "score in line ")]
    [InlineData("\"score\": 0.5", "\"score\": \"1e999\"", "score in line ")]
    [InlineData("\"accuracy\": 0.5", "\"accuracy\": [1]", "scores.accuracy in line ")]
    [InlineData("\"group\": \"a\"", "\"group\": null", "group")]
    [InlineData("\"seed\": 7,", "", "it has no 'seed'")]
    [InlineData("\"epochs\": []", "\"epochs\": 1", "epochs in line ")]
    [InlineData("\"accuracy\": 0.5", "\"accuracy\": 55", "scores.accuracy is 55, and scores are fractions: -1 to 1")]
    [InlineData("\"accuracy\": 0.5", "", "scores has no accuracy, the metric of the run")]
    public void A_value_of_another_kind_is_named_by_its_key_and_not_by_a_type(string was, string becomes, string said)
    {
        Result("a", "rte", 0).Save(folder.Path);
        var file = folder.File(FinetuneResult.FileName);
        var text = File.ReadAllText(file);
        Assert.Contains(was, text);
        File.WriteAllText(file, text.Replace(was, becomes));
        var message = Assert.Throws<UserErrorException>(() => FinetuneResult.Load(folder.Path)).Message;
        Assert.Contains(said, message);
        Assert.Contains("result.json", message);
        Assert.DoesNotContain("System.", message);
        Assert.DoesNotContain("Electra.", message);
    }

    [Theory]
    [InlineData("1e999")]
    [InlineData("\"NaN\"")]
    [InlineData("\"-Infinity\"")]
    [InlineData("NaN")]
    [InlineData("-Infinity")]
    public void A_score_that_is_not_finite_is_read_as_such(string score)
    {
        Result("a", "rte", 0).Save(folder.Path);
        var file = folder.File(FinetuneResult.FileName);
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"accuracy\": 0.5", $"\"accuracy\": {score}"));
        Assert.False(double.IsFinite(FinetuneResult.Load(folder.Path).Scores["accuracy"]));
    }

    private static FinetuneResult Result(string group, string task, int run) => new()
    {
        Group = group,
        Task = task,
        Run = run,
        Seed = 7,
        Checkpoint = "random",
        Metric = "accuracy",
        Score = 0.5,
        Scores = new Dictionary<string, double> { ["accuracy"] = 0.5 },
        Epochs = [],
        Seconds = 1.5,
    };
}
