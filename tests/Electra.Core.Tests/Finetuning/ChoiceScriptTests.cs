using System.Text.Json;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>A task with choices from its file to an exported model, by the scripts that a user runs.</summary>
public sealed class ChoiceScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public ChoiceScriptTests()
    {
        var random = new Random(7);
        string Some() => string.Join(' ', Enumerable.Range(0, random.Next(1, 4)).Select(_ => TinyFinetuning.Words[random.Next(2, 8)]));
        string Row(int i)
        {
            int right = random.Next(3);
            var choices = Enumerable.Range(0, 3).Select(choice => $"{Some()} {(choice == right ? "red" : "blue")}");
            return $"{Some()}\t{string.Join('\t', choices)}\t{right}";
        }
        tiny.Write("ends.tsv", "text\ta\tb\tc\tlabel", 80, Row);
        tiny.Write("ends-test.tsv", "text\ta\tb\tc\tlabel", 15, Row);
        tiny.Write("ends-wrong.tsv", "text\ta\tb\tc\tlabel", 1, _ => "the\tcat\tdog\thouse\t7");
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Choices_are_learned_resumed_predicted_scored_and_exported()
    {
        await tiny.LearnAndResume("ends", Own(""), "training.epochs=12", "training.micro_batch_size=3");
        var result = FinetuneResult.Load(tiny.File("runs/whole_ends_0"));
        Assert.Equal("accuracy", result.Metric);
        Assert.True(result.Score > 0.7, $"accuracy {result.Score}: a word says which is right");
        Assert.Contains("ElectraForMultipleChoice", File.ReadAllText(tiny.File("runs/whole_ends_0/config.json")));
        var dev = JsonDocument.Parse(File.ReadLines(tiny.File("runs/whole_ends_0/dev_predictions.jsonl")).First()).RootElement;
        Assert.Equal(1, dev.GetProperty("probabilities").EnumerateArray().Sum(one => one.GetDouble()), 1e-6);

        (await Script("predict.csx", Own(", test_labels: true"), $"predict.folder={tiny.File("out")}")).Succeeded().Said("accuracy");
        Assert.Equal(16, File.ReadLines(tiny.File("out/whole/ends.tsv")).Count());
        File.WriteAllText(tiny.File("lines.txt"), "the cat\ta blue\ta red\nthe dog\tblue\tblue\tred\tblue\n");
        string[] files = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.tsv")}"];
        (await Script("predict.csx", [Own(""), .. files])).Succeeded();
        Assert.Collection(
            File.ReadLines(tiny.File("lines.tsv")),
            line => Assert.Matches("^1\t[01]\\.\\d{4}\tthe cat\ta blue\ta red$", line),
            line => Assert.Matches("^2\t[01]\\.\\d{4}\tthe dog\tblue\tblue\tred\tblue$", line)
        );
        File.WriteAllText(tiny.File("lines.txt"), "the cat\ta blue\n");
        (await Script("predict.csx", [Own(""), .. files]))
            .Refused("lines.txt:1: ends reads text and two choices or more, separated by tabs");
        (await ScriptRunner.Start(
            tiny.Folder,
            [ScriptRunner.Kit("export.csx"), "--", tiny.File("runs/whole_ends_0"), "to=onnx", $"out={tiny.File("exported")}"]
        ).Finish()).Succeeded();
        Assert.True(File.Exists(tiny.File("exported/whole_ends_0-onnx/onnx/model.onnx")));
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await tiny.Refused(
            [$"data.own.ends={{kind: choice, text: [text], train: {tiny.File("ends.tsv")}, held_out: 0.2}}", "tasks=[ends]"],
            "data.own.ends.choices",
            "is missing"
        );
        await tiny.Refused(
            [Own("").Replace("ends.tsv", "ends-wrong.tsv"), "tasks=[ends]"],
            "ends-wrong.tsv:2: label is \"7\"; the 3 choices of the row are 0 to 2, or A to C"
        );
    }

    private string Own(string more) =>
        $"data.own.ends={{kind: choice, text: [text], choices: [a, b, c], train: {tiny.File("ends.tsv")}, held_out: 0.2, "
        + $"test: {tiny.File("ends-test.tsv")}{more}}}";

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner
            .Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, "tasks=[ends]", "group=whole", .. overrides])
            .Finish();
}
