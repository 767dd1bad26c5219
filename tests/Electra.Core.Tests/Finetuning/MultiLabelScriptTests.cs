namespace Electra.Tests.Finetuning;

/// <summary>A task of several labels from its file to an exported model, by the scripts that a user runs.</summary>
public sealed class MultiLabelScriptTests : IDisposable
{
    private const string Keys = "kind: multi_label, text: [text], labels: [red, cat]";

    private readonly TinyFinetuning tiny = new();

    public MultiLabelScriptTests()
    {
        var random = new Random(3);
        string Row(int i)
        {
            string[] words = [.. Enumerable.Range(0, 5).Select(_ => TinyFinetuning.Words[random.Next(TinyFinetuning.Words.Length)])];
            return $"{string.Join(' ', words)}\t{string.Join('|', new[] { "red", "cat" }.Where(words.Contains))}";
        }
        tiny.Write("moods.tsv", "text\tlabel", 90, Row);
        tiny.Write("moods-test.tsv", "text\tlabel", 20, Row);
        tiny.Write("moods-wrong.tsv", "text\tlabel", 2, i => $"a cat\t{(i == 0 ? "cat" : "cat|rod")}");
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Several_labels_are_learned_resumed_predicted_scored_and_exported()
    {
        string[] keys = ["tasks=[moods]", "runs=[0]", "training.epochs=12", "logging.every=1", "training.micro_batch_size=3"];
        await tiny.Done([Own(""), "group=whole", .. keys]);
        using (var run = tiny.Start([Own(""), "group=stopped", .. keys]))
        {
            await run.WaitForLine("epoch 4 ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
        }
        await tiny.Done([Own(""), "group=stopped", .. keys]);
        Assert.Equal(Weights("whole"), Weights("stopped"));
        Assert.Contains("\"problem_type\": \"multi_label_classification\"", File.ReadAllText(tiny.File("runs/whole_moods_0/config.json")));
        Assert.Contains("| red | ", File.ReadAllText(tiny.File("runs/whole_moods_0/dev_report.md")));
        Assert.Contains("\"probabilities\":{\"red\":", File.ReadLines(tiny.File("runs/whole_moods_0/dev_predictions.jsonl")).First());

        (await Script("predict.csx", Own(", test_labels: true"), "group=whole", "tasks=[moods]", $"predict.folder={tiny.File("out")}"))
            .Succeeded().Said("f1_micro", "exact_match");
        Assert.Equal(21, File.ReadLines(tiny.File("out/whole/moods.tsv")).Count());
        Assert.Contains("| exact_match | ", File.ReadAllText(tiny.File("out/whole/moods.scores.md")));

        File.WriteAllText(tiny.File("lines.txt"), "the red cat\nthe dog\n");
        string[] input = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.tsv")}"];
        (await Script("predict.csx", [Own(""), "group=whole", "tasks=[moods]", .. input])).Succeeded();
        Assert.Matches(@"^[a-z|]*\tred=[01]\.\d{4}\|cat=[01]\.\d{4}\tthe red cat$", File.ReadLines(tiny.File("lines.tsv")).First());
        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", tiny.File("runs/whole_moods_0"), "to=onnx", $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded();
        Assert.True(File.Exists(tiny.File("exported/whole_moods_0-onnx/onnx/model.onnx")));
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await tiny.Refused(
            ["data.own.moods={kind: multi_label, text: [text], train: a.tsv, held_out: 0.2}", "tasks=[moods]"],
            "data.own.moods.labels",
            "is missing"
        );
        await tiny.Refused(
            [$"data.own.moods={{{Keys}, train: {tiny.File("moods-wrong.tsv")}, held_out: 0.2}}", "tasks=[moods]"],
            "moods-wrong.tsv:3: label has \"rod\"",
            "did you mean red?"
        );
        await tiny.Refused(
            [$"data.own.moods={{{Keys}, metric: accuracy, train: {tiny.File("moods.tsv")}, held_out: 0.2}}", "tasks=[moods]"],
            "cannot be accuracy for several labels: f1_micro, f1_macro, f1_weighted, exact_match"
        );
    }

    private string Own(string more) =>
        $"data.own.moods={{{Keys}, train: {tiny.File("moods.tsv")}, held_out: 0.2, test: {tiny.File("moods-test.tsv")}{more}}}";

    private byte[] Weights(string group) => File.ReadAllBytes(tiny.File($"runs/{group}_moods_0/model.safetensors"));

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner.Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, .. overrides]).Finish();
}
