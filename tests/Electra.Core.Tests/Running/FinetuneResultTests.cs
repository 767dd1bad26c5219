using Electra.Running;

namespace Electra.Tests.Running;

public sealed class FinetuneResultTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_result_reads_back_as_it_was_written_also_where_a_score_is_no_number()
    {
        var result = Result("small", "sts", 3) with
        {
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
    [InlineData("{", "result.json")]
    [InlineData("""{"group": "a"}""", "score")]
    public void A_damaged_result_is_named(string json, string said)
    {
        File.WriteAllText(folder.File("result.json"), json);
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => FinetuneResult.Load(folder.Path)).Message);
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
