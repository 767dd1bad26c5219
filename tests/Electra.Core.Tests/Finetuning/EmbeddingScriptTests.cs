using System.Text;
using System.Text.Json;
using Electra.Checkpoints;
using Electra.Data.Tasks;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>Embeddings from a file of pairs to an exported model, by the scripts that a user runs.</summary>
public sealed class EmbeddingScriptTests : IDisposable
{
    private static readonly string[] Things = ["cat", "dog", "house", "sees"];

    private readonly TinyFinetuning tiny = new();

    public EmbeddingScriptTests()
    {
        var random = new Random(11);
        string Text(int thing) =>
            $"{(random.Next(2) == 0 ? "the" : "a")} {Things[thing / 4]} {Things[thing % 4]}{(random.Next(2) == 0 ? " red" : " blue")}";
        tiny.Write("pairs.tsv", "a\tb", 120, i => $"{Text(i % 16)}\t{Text(i % 16)}");
        tiny.Write("pairs-dev.tsv", "a\tb", 16, i => $"{Text(i)}\t{Text(i)}");
        tiny.Write("scored.tsv", "x\ty\tscore", 60, i => i % 2 == 0 ? $"{Text(i % 16)}\t{Text(i % 16)}\t5"
            : $"{Text(i % 16)}\t{Text((i + 5) % 16)}\t{i % 3}");
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Embeddings_are_learned_resumed_given_out_exported_and_reopened()
    {
        await tiny.LearnAndResume("near", Own(""), "training.epochs=8", "training.batch_size=16", "training.micro_batch_size=6");
        var run = tiny.File("runs/whole_near_0");
        var result = FinetuneResult.Load(run);
        Assert.Equal("ndcg@10", result.Metric);
        Assert.True(result.Score > 0.5, $"NDCG {result.Score}: two words say what belongs together");
        Assert.Contains("| ndcg@10 | ", File.ReadAllText(Path.Combine(run, "dev_report.md")));
        Assert.Equal(16, File.ReadLines(Path.Combine(run, "dev_predictions.jsonl")).Count());
        using (var model = PretrainedModel.Open(run))
            Assert.Equal((Pooling.Mean, true, 24), (model.Pooling!.Mode, model.Pooling.Normalises, model.MaxTokens));

        File.WriteAllText(tiny.File("lines.txt"), "the cat house\na dog\nthe cat house\n");
        string[] input = [$"predict.input={tiny.File("lines.txt")}"];
        (await Script("predict.csx", [Own(""), .. input, $"predict.output={tiny.File("lines.jsonl")}"])).Succeeded();
        var vectors = File.ReadLines(tiny.File("lines.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("embedding").EnumerateArray())
            .Select(values => values.Select(value => value.GetSingle()).ToArray())
            .ToList();
        Assert.Equal(3, vectors.Count);
        Assert.Equal(1, vectors[1].Sum(x => x * x), 1e-4f);
        (await Script("predict.csx", [Own(""), .. input, $"predict.output={tiny.File("lines.npy")}"])).Succeeded();
        byte[] file = File.ReadAllBytes(tiny.File("lines.npy"));
        int header = 10 + BitConverter.ToUInt16(file, 8);
        Assert.Equal(0, header % 64);
        Assert.Contains($"'shape': (3, {vectors[0].Length}), ", Encoding.ASCII.GetString(file, 10, header - 10));
        Assert.Equal(vectors.SelectMany(vector => vector), file.Skip(header).Chunk(4).Select(bytes => BitConverter.ToSingle(bytes)));

        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", run, "to=onnx", $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded();
        Assert.NotEmpty(Directory.GetFiles(tiny.File("exported"), "model.onnx", SearchOption.AllDirectories));
        Assert.True(File.Exists(tiny.File("exported/whole_near_0-onnx/1_Pooling/config.json")));
    }

    [Fact]
    public async Task Pairs_with_scores_are_learned_and_predicted_as_cosines()
    {
        var own = $"data.own.near={{kind: embedding, loss: cosent, text: [x, y], label: score, range: [0, 5], pooling: cls, "
            + $"dimensions: [8], train: {tiny.File("scored.tsv")}, held_out: 0.3, test: {tiny.File("scored.tsv")}, test_labels: true}}";
        string[] chosen = ["training.keep=best", "training.best_metric=loss"];
        await tiny.Done([own, "tasks=[near]", "runs=[0]", "group=whole", "training.epochs=2", .. chosen]);
        var dev = File.ReadAllText(tiny.File("runs/whole_near_0/dev_predictions.tsv"));
        Assert.StartsWith("split\trow\tlabel\tprediction\toutput:value", dev);
        (await Script("predict.csx", own, $"predict.folder={tiny.File("out")}")).Succeeded().Said("spearman", "pearson");
        Assert.Matches("^0\t-?[01]\\.\\d{4}$", File.ReadLines(tiny.File("out/whole/near.tsv")).ElementAt(1));
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await tiny.Refused([Own(", loss: bce"), "tasks=[near]"], "data.own.near.loss", "of embeddings is ranking, cosent or cosine");
        await tiny.Refused([Own(", dimensions: [4096]"), "tasks=[near]"], "dimensions has 4096, and the vectors of");
        await tiny.Refused([Own(", loss: cosine"), "tasks=[near]"], "pairs.tsv:1: there is no column label");
    }

    private string Own(string more) =>
        $"data.own.near={{kind: embedding, text: [a, b], train: {tiny.File("pairs.tsv")}, dev: {tiny.File("pairs-dev.tsv")}{more}}}";

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner
            .Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, "tasks=[near]", "group=whole", .. overrides])
            .Finish();
}
