using System.Text.Json;
using Electra.Predictors;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>Tagged words from their file to an exported model, by the scripts that a user runs.</summary>
public sealed class TokenScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public TokenScriptTests()
    {
        var random = new Random(5);
        Write("names.conll", 80);
        Write("names-test.conll", 12);
        void Write(string name, int sentences) =>
            File.WriteAllText(tiny.File(name), string.Concat(Enumerable.Range(0, sentences).Select(_ =>
                string.Concat(Enumerable.Range(0, random.Next(3, 40)).Select(_ => random.Next(6) switch
                {
                    0 => "red\tB-animal\ncat\tI-animal\n",
                    1 => "house\tB-place\n",
                    _ => $"{TinyFinetuning.Words[random.Next(5, 8)]}\tO\n",
                })) + "\n")));
        File.WriteAllText(
            tiny.File("spans.jsonl"),
            """{"text": "The red cat sees a house.", "label": [[4, 11, "animal"], [19, 24, "place"]]}"""
        );
        File.WriteAllText(tiny.File("beyond.jsonl"), """{"text": "The cat", "label": [[4, 17, "animal"]]}""");
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Tags_are_learned_resumed_predicted_scored_and_exported()
    {
        string[] keys = ["tasks=[names]", "runs=[0]", "training.epochs=14", "logging.every=1", "training.micro_batch_size=3"];
        await tiny.Done([Own(""), "group=whole", .. keys]);
        using (var run = tiny.Start([Own(""), "group=stopped", .. keys]))
        {
            await run.WaitForLine("epoch 3 ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
        }
        await tiny.Done([Own(""), "group=stopped", .. keys]);
        Assert.Equal(Weights("whole"), Weights("stopped"));
        var result = FinetuneResult.Load(tiny.File("runs/whole_names_0"));
        Assert.Equal("f1", result.Metric);
        Assert.True(result.Score > 0.8, $"F1 {result.Score}: a word says its tag");
        Assert.Contains("scheme: bio\n", File.ReadAllText(tiny.File("runs/whole_names_0/config.yaml")));
        Assert.Contains("ElectraForTokenClassification", File.ReadAllText(tiny.File("runs/whole_names_0/config.json")));
        Assert.Contains("| animal | ", File.ReadAllText(tiny.File("runs/whole_names_0/dev_report.md")));
        Assert.Matches("^[a-z]+\t[A-Za-z-]+\t[A-Za-z-]+$", File.ReadLines(tiny.File("runs/whole_names_0/dev_predictions.conll")).First());

        (await Script("predict.csx", Own(", test_labels: true, decode: constrained"), "group=whole", $"predict.folder={tiny.File("out")}"))
            .Succeeded().Said("names.conll", "f1_strict", "accuracy");
        Assert.Equal(
            File.ReadLines(tiny.File("names-test.conll")).Select(line => line.Split('\t')[0]),
            File.ReadLines(tiny.File("out/whole/names.conll")).Select(line => line.Split('\t')[0])
        );
        Assert.Equal(12, File.ReadLines(tiny.File("out/whole/names.jsonl")).Count());
        Assert.Contains("| f1_strict | ", File.ReadAllText(tiny.File("out/whole/names.scores.md")));

        File.WriteAllText(tiny.File("lines.txt"), "The red cat, a  house!\n");
        string[] files = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.tsv")}"];
        (await Script("predict.csx", [Own(""), "group=whole", .. files])).Succeeded();
        string[] answer = File.ReadLines(tiny.File("lines.tsv")).Single().Split('\t');
        Assert.Equal("The red cat, a  house!", answer[1]);
        var spans = JsonDocument.Parse(answer[0]).RootElement.EnumerateArray().ToList();
        Assert.All(spans, span => Assert.Equal(
            answer[1][span.GetProperty("start").GetInt32()..span.GetProperty("end").GetInt32()],
            span.GetProperty("text").GetString()
        ));
        using (var tagger = TokenTagger.Open(tiny.File("runs/whole_names_0"), Compute.Reference))
            Assert.Equal(
                spans.Select(span => (span.GetProperty("text").GetString(), span.GetProperty("label").GetString())),
                tagger.Tag(answer[1]).Select(span => ((string?)span.Text, (string?)span.Label))
            );
        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", tiny.File("runs/whole_names_0"), "to=onnx", $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded().Said("same answers", "onnx/model_quantized.onnx");
        Assert.True(File.Exists(tiny.File("exported/whole_names_0-onnx/onnx/model.onnx")));
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await Refused(
            "labels: [animal], train: spans.jsonl, held_out: 0.5",
            "spans.jsonl:1: \"place\" is not one of the labels of names, animal"
        );
        await Refused(
            "labels: [animal], train: beyond.jsonl, held_out: 0.5",
            "beyond.jsonl:1: the span 4 to 17 (animal) is not in the text"
        );
        await Refused("labels: [B-animal], train: spans.jsonl, held_out: 0.5", "are the types of spans, and B-animal is a tag");
        await Refused("train: spans.jsonl, held_out: 0.5", "data.own.names.labels", "is missing");
        await Refused("labels: [animal], scheme: auto, train: gone.jsonl, held_out: 0.5", "task names: train: there is no file");
        await Refused("labels: [animal], train: rows.csv, held_out: 0.5", "tagged words are .conll");
    }

    private async Task Refused(string options, params string[] said)
    {
        var placed = options.Replace("train: ", $"train: {tiny.Folder.Path}/");
        await tiny.Refused([$"data.own.names={{kind: tokens, {placed}}}", "tasks=[names]"], said);
    }

    private string Own(string more) =>
        $"data.own.names={{kind: tokens, scheme: auto, labels: [animal, place], train: {tiny.File("names.conll")}, held_out: 0.2, "
        + $"test: {tiny.File("names-test.conll")}{more}}}";

    private byte[] Weights(string group) => File.ReadAllBytes(tiny.File($"runs/{group}_names_0/model.safetensors"));

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner.Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, "tasks=[names]", .. overrides]).Finish();
}
