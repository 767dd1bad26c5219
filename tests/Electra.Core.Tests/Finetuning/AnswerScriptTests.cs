using System.Text.Json;
using Electra.Data.Answering;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Predictors;
using Electra.Running;
using Electra.Tensors;
using Electra.Tests.Export;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Finetuning;

/// <summary>Questions and answers from their file to an exported model, by the scripts that a user runs.</summary>
public sealed class AnswerScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public AnswerScriptTests()
    {
        var random = new Random(3);
        Write("asked.json", 90, unanswered: false);
        Write("asked2.json", 60, unanswered: true);
        Write("asked-test.json", 12, unanswered: false);

        // The answer is the word after the colour that the question names.
        void Write(string name, int count, bool unanswered) =>
            File.WriteAllText(tiny.File(name), JsonSerializer.Serialize(new
            {
                data = new[]
                {
                    new
                    {
                        paragraphs = Enumerable.Range(0, count).Select(i =>
                        {
                            string[] things = ["cat", "dog", "house"];
                            var filler = string.Join(
                                ' ',
                                Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(2) == 0 ? "sees" : "the")
                            );
                            string before = filler + " red ", answer = things[random.Next(3)];
                            bool isEmpty = unanswered && i % 3 == 0;
                            var context = isEmpty
                                ? $"the \U0001F600 blue dog sees {filler}"
                                : $"\U0001F600 {before}{answer} sees the a";
                            return new
                            {
                                context,
                                qas = new[]
                                {
                                    new
                                    {
                                        id = $"q{i}",
                                        question = "the red",
                                        is_impossible = isEmpty,
                                        answers = isEmpty ? [] : new[] { new { text = answer, answer_start = 2 + before.Length } },
                                    },
                                },
                            };
                        }),
                    },
                },
            }));
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Answers_are_learned_resumed_predicted_scored_and_exported()
    {
        string[] keys = ["tasks=[asked]", "runs=[0]", "training.epochs=8", "logging.every=1", "training.micro_batch_size=3"];
        await tiny.Done([Own(), "group=whole", .. keys]);
        using (var run = tiny.Start([Own(), "group=stopped", .. keys]))
        {
            await run.WaitForLine("epoch 3 ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
        }
        await tiny.Done([Own(), "group=stopped", .. keys]);
        Assert.Equal(Weights("whole"), Weights("stopped"));
        var result = FinetuneResult.Load(tiny.File("runs/whole_asked_0"));
        Assert.Equal("f1", result.Metric);
        Assert.True(result.Score > 0.8, $"F1 {result.Score}: the answer stands after a word");
        Assert.Contains("ElectraForQuestionAnswering", File.ReadAllText(tiny.File("runs/whole_asked_0/config.json")));
        Assert.True(File.Exists(tiny.File("runs/whole_asked_0/dev_nbest.json")));

        (await Script("predict.csx", Own("test_labels: true"), "group=whole", $"predict.folder={tiny.File("out")}"))
            .Succeeded().Said("exact_match");
        var predictions = JsonDocument.Parse(File.ReadAllText(tiny.File("out/whole/asked.json"))).RootElement;
        Assert.Equal(12, predictions.EnumerateObject().Count());

        File.WriteAllLines(
            tiny.File("lines.txt"),
            ["the red\t\U0001F600 the red dog sees", """{"question": "the red", "context": "the red cat"}"""]
        );
        string[] files = [$"predict.input={tiny.File("lines.txt")}", $"predict.output={tiny.File("lines.tsv")}"];
        (await Script("predict.csx", [Own(), "group=whole", .. files])).Succeeded();
        var answers = File.ReadLines(tiny.File("lines.tsv")).Select(line => JsonDocument.Parse(line.Split('\t')[0]).RootElement).ToList();
        Assert.Equal(["dog", "cat"], answers.Select(answer => answer.GetProperty("answer").GetString()));
        Assert.Equal([(10, 13), (8, 11)], answers.Select(one => (one.GetProperty("start").GetInt32(), one.GetProperty("end").GetInt32())));
        await RequireSameElsewhere(files);
    }

    /// <summary>A run, its export and its ONNX file answer alike, asked by the script, by a program and in ONNX Runtime.</summary>
    private async Task RequireSameElsewhere(string[] files)
    {
        var (run, exported) = (tiny.File("runs/whole_asked_0"), tiny.File("exported/whole_asked_0"));
        await Export();
        (await Export("to=onnx")).Said("same answers", "onnx/model_quantized.onnx");
        string[] answered = File.ReadAllLines(tiny.File("lines.tsv"));
        (await ScriptRunner.Start(
            tiny.Folder,
            [
                ScriptRunner.Kit("predict.csx"), "--", Path.Combine(TestData.Repository, "configs", "predict.yaml"),
                $"predict.model={exported}", "compute={device: cpu, threads: 1}", .. files,
            ]
        ).Finish()).Succeeded();
        Assert.Equal(answered, File.ReadAllLines(tiny.File("lines.tsv")));

        (string Question, string Context)[] questions = [("the red", "\U0001F600 the red dog sees"), ("the red", "the red cat")];
        foreach (var source in new[] { run, exported })
        {
            using var answerer = QuestionAnswerer.Open(source, compute: Compute.Reference);
            foreach (var (said, line) in answerer.Ask(questions).Zip(answered))
            {
                var json = JsonDocument.Parse(line.Split('\t')[0]).RootElement;
                Assert.Equal(json.GetProperty("answer").GetString(), said.Answer.Text);
                Assert.Equal(said.Answer.Text, said.Context[said.Answer.Place!.Value]);
                Assert.Equal(json.GetProperty("score").GetDouble(), said.Answer.Score, 0.02);
            }
        }

        using var model = FinetunedModel.OpenAny(exported, Compute.Reference);
        using var session = new InferenceSession(tiny.File("exported/whole_asked_0-onnx/onnx/model.onnx"));
        foreach (var (question, context) in questions)
        {
            var row = Answers.Row(new("", question, context));
            var examples = EncodedRows.Of(model.Task, [row], model.Tokenizer, model.Encoding, new());
            var tokens = examples.Batch([0]).Tokens;
            Tensor ids = tensor(tokens.Ids).view(1, -1), types = tensor(tokens.TokenTypes).view(1, -1);
            float[] own = model.Predict([row], 1, new(), default).Outputs[1..];
            foreach (var (which, name) in new[] { "start_logits", "end_logits" }.Index())
            {
                float[] other = [.. OnnxModelTests.Run(session, ids, ones_like(ids), types, name).data<float>()];
                Assert.All(other.Zip(own.Where((_, i) => i % 2 == which)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            }
        }

        async Task<ScriptResult> Export(params string[] keys) =>
            (await ScriptRunner.Start(tiny.Folder, [ScriptRunner.Kit("export.csx"), "--", run, $"out={tiny.File("exported")}", .. keys])
                .Finish()).Succeeded();
    }

    [Fact]
    public async Task A_joint_head_learns_which_questions_have_no_answer()
    {
        var joint = $"data.own.asked={{kind: answers, train: {tiny.File("asked2.json")}, dev: {tiny.File("asked2.json")}, "
            + $"test: {tiny.File("asked2.json")}, test_labels: true, "
            + "answers: {head: joint, answerability: classifier, unanswerable: true, best: 5, mapping: google}}";
        await tiny.Done([joint, "group=joint", "tasks=[asked]", "runs=[0]", "training.epochs=6"]);
        var result = FinetuneResult.Load(tiny.File("runs/joint_asked_0"));
        Assert.True(result.Score > 0.6, $"F1 {result.Score}");
        Assert.NotNull(result.Threshold);
        Assert.Contains("best_f1_thresh", File.ReadAllText(tiny.File("runs/joint_asked_0/dev_report.md")));
        (await Script("predict.csx", joint, "group=joint", $"predict.folder={tiny.File("out")}")).Succeeded();
        // The threshold that the run has found gives its score again.
        Assert.Contains($"| f1 | {100 * result.Score:F2} |", File.ReadAllText(tiny.File("out/joint/asked.scores.md")));
        var odds = JsonDocument.Parse(File.ReadAllText(tiny.File("out/joint/asked.null_odds.json"))).RootElement;
        Assert.Equal(60, odds.EnumerateObject().Count());
        var predictions = JsonDocument.Parse(File.ReadAllText(tiny.File("out/joint/asked.json"))).RootElement;
        using var answerer = QuestionAnswerer.Open(tiny.File("runs/joint_asked_0"), compute: Compute.Reference);
        var questions = QuestionFiles.Read(tiny.File("asked2.json"), new QuestionForm(false, true)).ToList();
        var said = answerer.Ask(questions.Select(question => (question.Text, question.Context)));
        // The threshold is one of the odds, and the script may compute in bfloat16.
        foreach (var (question, one) in questions.Zip(said))
        {
            if (Math.Abs(one.NullOdds!.Value - result.Threshold!.Value) < 0.05)
                continue;
            Assert.Equal(predictions.GetProperty(question.Id).GetString(), one.Answer.Text);
            Assert.Equal(odds.GetProperty(question.Id).GetDouble(), one.NullOdds!.Value, 0.05);
            Assert.Equal(one.Answer.Text == "", one.NullOdds > result.Threshold);
        }
        (await Script("predict.csx", joint, "group=joint", $"predict.model={tiny.File("runs/joint_asked_0")}"))
            .Refused("predict.model", "predicts the lines of predict.input");
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await Refused(
            """{"id": "1", "question": "the red", "context": "the red cat", "answers": {"text": ["cat"], "answer_start": [80]}}""",
            "asked.jsonl:1: answers[0]: answer_start is 80, and the context has 11 characters; it is at 8"
        );
        await Refused(
            """{"id": "1", "question": "the red", "context": "the red cat", "answers": {"text": ["cat"], "answer_start": [4]}}""",
            "\"cat\" is not at 4, where the context has \"red\"; it is at 8"
        );
        await Refused(
            """{"id": "1", "question": "the red", "context": "the red cat", "answers": {"text": ["cat", "red"], "answer_start": [8]}}""",
            "asked.jsonl:1: answers has 2 texts and 1 answer_start"
        );
        await Refused(
            """{"id": "1", "question": "the red", "answers": {"text": ["cat"], "answer_start": [8]}}""",
            "asked.jsonl:1: there is no context"
        );
        await Refused(
            """{"id": "1", "question": " ", "context": "the red cat", "answers": {"text": ["cat"], "answer_start": [8]}}""",
            "asked.jsonl:1: the question is empty"
        );
        await Refused(
            """{"id": "1", "question": "red", "context": "the red cat", "answers": {"text": [], "answer_start": []}}""",
            "the question has no answer", "unanswerable: true"
        );
        var one = """{"id": "1", "question": "red", "context": "the red cat", "answers": {"text": ["cat"], "answer_start": [8]}}""";
        await Refused($"{one}\n{one}", "asked.jsonl:2: the id 1 is there already");
        await tiny.Refused(
            [$"data.own.asked={{kind: answers, labels: [a, b], train: {tiny.File("asked.json")}, held_out: 0.2}}", "tasks=[asked]"],
            "data.own.asked.labels",
            "is not for answers"
        );
        await tiny.Refused(
            [
                "data.own.asked={kind: answers, answers: {head: joint, unanswerable: true}, "
                    + $"train: {tiny.File("asked.json")}, held_out: 0.2}}",
                "tasks=[asked]",
            ],
            "data.own.asked.answers.answerability",
            "is missing"
        );
    }

    private async Task Refused(string lines, params string[] said)
    {
        File.WriteAllText(tiny.File("asked.jsonl"), lines + "\n");
        await tiny.Refused([$"data.own.asked={{kind: answers, train: {tiny.File("asked.jsonl")}, held_out: 0.2}}", "tasks=[asked]"], said);
    }

    private string Own(string more = "test_labels: false") =>
        $"data.own.asked={{kind: answers, train: {tiny.File("asked.json")}, held_out: 0.2, test: {tiny.File("asked-test.json")}, {more}}}";

    private byte[] Weights(string group) => File.ReadAllBytes(tiny.File($"runs/{group}_asked_0/model.safetensors"));

    private Task<ScriptResult> Script(string script, params string[] overrides) =>
        ScriptRunner.Start(tiny.Folder, [ScriptRunner.Kit(script), "--", tiny.Config, "tasks=[asked]", .. overrides]).Finish();
}
