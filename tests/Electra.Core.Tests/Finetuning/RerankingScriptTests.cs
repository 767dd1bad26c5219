using System.Text.Json;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>A reranker from a file of queries and passages to an exported model, by the scripts that a user runs.</summary>
public sealed class RerankingScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public RerankingScriptTests()
    {
        var random = new Random(13);
        string Some() => string.Join(' ', Enumerable.Range(0, random.Next(1, 4)).Select(_ => TinyFinetuning.Words[random.Next(2, 8)]));
        // what is right has the colour that no wrong passage has
        string[] queries = [.. Enumerable.Range(0, 30).Select(i => $"the {i}")];
        File.WriteAllLines(tiny.File("found.tsv"), Enumerable.Range(0, 120)
            .Select(i => $"{queries[i / 4]}\t{Some()} {(i % 4 == 2 ? "red" : "blue")}\t{(i % 4 == 2 ? 3 : 0)}")
            .Prepend("query\tpassage\tlabel"));
        File.WriteAllLines(tiny.File("lists.jsonl"), queries.Select(query => JsonSerializer.Serialize(new
        {
            query,
            positive = new[] { $"{Some()} red" },
            negative = Enumerable.Range(0, random.Next(1, 4)).Select(_ => $"{Some()} blue"),
        })));
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Passages_are_learned_resumed_ranked_scored_and_exported()
    {
        await tiny.LearnAndResume("found", Own(""), "training.epochs=8", "training.micro_batch_size=5");
        var run = tiny.File("runs/whole_found_0");
        var result = FinetuneResult.Load(run);
        Assert.Equal("ndcg@10", result.Metric);
        Assert.True(result.Score > 0.8, $"NDCG {result.Score}: a word says what is right");
        Assert.Contains("torch.nn.modules.activation.Sigmoid", File.ReadAllText(Path.Combine(run, "config.json")));
        Assert.Contains("| BM25 | ", File.ReadAllText(Path.Combine(run, "dev_report.md")));
        Assert.Contains("| the order of the file | ", File.ReadAllText(Path.Combine(run, "dev_report.md")));

        (await Script("predict.csx", Own($", test: {tiny.File("found.tsv")}, test_labels: true"), $"predict.folder={tiny.File("out")}"))
            .Succeeded().Said("ndcg@10", "mrr@10", "map");
        Assert.Equal(30, File.ReadLines(tiny.File("out/whole/found.jsonl")).Count());
        File.WriteAllText(tiny.File("lines.txt"), "the cat\ta blue dog\ta red house\n");
        string[] files = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.jsonl")}"];
        (await Script("predict.csx", [Own(""), .. files])).Succeeded();
        var answer = JsonDocument.Parse(File.ReadLines(tiny.File("lines.jsonl")).Single()).RootElement;
        Assert.Equal("the cat", answer.GetProperty("query").GetString());
        Assert.Equal([1, 0], answer.GetProperty("ranked").EnumerateArray().Select(one => one.GetProperty("passage").GetInt32()));
        Assert.All(answer.GetProperty("ranked").EnumerateArray(), one => Assert.InRange(one.GetProperty("score").GetDouble(), 0, 1));
        File.WriteAllText(tiny.File("lines.txt"), "the cat\n");
        (await Script("predict.csx", [Own(""), .. files])).Refused("lines.txt:1: found reads a query and its passages, separated by tabs");

        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", run, $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded();
        Assert.Contains("torch.nn.modules.activation.Sigmoid", File.ReadAllText(tiny.File("exported/whole_found_0/config.json")));
    }

    [Theory]
    [InlineData("ranknet")]
    [InlineData("margin_mse")]
    public async Task Lists_are_learned_as_a_whole_whatever_the_parts(string loss)
    {
        var own = $"data.own.found={{kind: reranking, text: [query], loss: {loss}, train: {tiny.File("lists.jsonl")}, held_out: 0.3}}";
        await tiny.Done([own, "tasks=[found]", "runs=[0]", "training.epochs=2", "training.micro_batch_size=3"]);
        Assert.Contains(
            "torch.nn.modules.linear.Identity",
            File.ReadAllText(tiny.File("runs/tiny_found_0/config.json"))
        );
    }

    private string Own(string more) =>
        $"data.own.found={{kind: reranking, text: [query, passage], range: [0, 3], train: {tiny.File("found.tsv")}, held_out: 0.3{more}}}";

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner
            .Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, "tasks=[found]", "group=whole", .. overrides])
            .Finish();
}
