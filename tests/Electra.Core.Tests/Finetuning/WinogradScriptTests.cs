using System.Text.Json;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>Pronouns with candidates from their file to an exported model, by the scripts that a user runs.</summary>
public sealed class WinogradScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public WinogradScriptTests()
    {
        var random = new Random(7);
        string Word() => TinyFinetuning.Words[random.Next(5, 8)];
        string Sentence() => $"{Word()} {Word()} it {Word()}";
        // What has something red in it is right.
        string Block(int i) => $"{Sentence()}\nit\n{(i % 2 == 0 ? "red cat,blue cat\nred cat" : "blue dog,red dog\nred dog")}\n";
        string Query(int i) =>
            JsonSerializer.Serialize(new
            {
                text = $"{Word()} it {Word()}",
                pronoun = "it",
                query = i % 2 == 0 ? "red cat" : "blue cat",
                candidates = new[] { i % 2 == 0 ? "blue dog" : "red dog" },
                label = i % 2 == 0,
            });
        File.WriteAllLines(tiny.File("dpr.txt"), Enumerable.Range(0, 80).Select(Block));
        File.WriteAllLines(tiny.File("dpr-test.txt"), Enumerable.Range(0, 12).Select(Block));
        File.WriteAllLines(tiny.File("wsc.jsonl"), Enumerable.Range(0, 80).Select(Query));
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Pronouns_are_learned_resumed_predicted_scored_and_exported()
    {
        await tiny.LearnAndResume("dpr", Own(""), "training.epochs=4", "training.micro_batch_size=3");
        var result = FinetuneResult.Load(tiny.File("runs/whole_dpr_0"));
        Assert.Equal("accuracy", result.Metric);
        Assert.True(result.Score > 0.8, $"accuracy {result.Score}: a word says which is right");
        Assert.Contains("ElectraForPreTraining", File.ReadAllText(tiny.File("runs/whole_dpr_0/config.json")));
        var dev = JsonDocument.Parse(File.ReadLines(tiny.File("runs/whole_dpr_0/dev_predictions.jsonl")).First()).RootElement;
        Assert.Equal(2, dev.GetProperty("probabilities").GetArrayLength());

        (await Predict(Own(", test_labels: true"), $"predict.folder={tiny.File("out")}")).Succeeded().Said("accuracy");
        Assert.Equal(13, File.ReadLines(tiny.File("out/whole/dpr.tsv")).Count());
        File.WriteAllText(tiny.File("lines.txt"), "the house it sees\tit\tblue dog\tred cat\n");
        string[] files = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.tsv")}"];
        (await Predict([Own(""), .. files])).Succeeded();
        Assert.Matches(
            "^red cat\t[01]\\.\\d{4}\tthe house it sees\tit\tblue dog\tred cat$",
            File.ReadAllText(tiny.File("lines.tsv")).TrimEnd()
        );
        File.WriteAllText(tiny.File("lines.txt"), "the house sees\tit\tblue dog\tred cat\n");
        (await Predict([Own(""), .. files])).Refused("lines.txt:1: the pronoun \"it\" is not a word of \"the house sees\"");
        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", tiny.File("runs/whole_dpr_0"), "to=onnx", $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded();
        await tiny.Refused(
            [Own(""), "tasks=[dpr]", "group=again", $"checkpoint={tiny.File("checkpoint/generator")}"],
            "dpr is learned with a discriminator's head"
        );
    }

    [Fact]
    public async Task A_query_is_learned_beside_another_task_in_one_model()
    {
        string own =
            $"data.own.wsc={{kind: winograd, query: query, labels: [false, true], train: {tiny.File("wsc.jsonl")}, held_out: 0.2}}";
        await tiny.Done([own, "joint=true", "tasks=[colour, wsc]", "runs=[0]", "training.epochs=4", "group=both"]);
        var result = FinetuneResult.Load(tiny.File("runs/both_wsc_0"));
        Assert.True(result.Score > 0.8, $"accuracy {result.Score}: a word says whether the query is meant");
        Assert.Contains("\"label\":\"true\"", File.ReadAllText(tiny.File("runs/both_wsc_0/dev_predictions.jsonl")));
    }

    private string Own(string more) =>
        $"data.own.dpr={{kind: winograd, train: {tiny.File("dpr.txt")}, held_out: 0.2, test: {tiny.File("dpr-test.txt")}{more}}}";

    private Task<ScriptResult> Predict(params string[] overrides) =>
        ScriptRunner
            .Start(tiny.Folder, [ScriptRunner.Kit("predict.csx"), "--", tiny.Config, "tasks=[dpr]", "group=whole", .. overrides])
            .Finish();
}
