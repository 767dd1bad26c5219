using System.Globalization;
using Electra.Checkpoints;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Finetuning;
using Electra.Predictors;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>Every kind of task goes its whole way at tiny size: learned, killed, resumed, predicted, exported, opened again.</summary>
public sealed class EveryTaskTests : IDisposable
{
    private readonly TinyTasks tiny = new();

    public static TheoryData<string> Tasks => [.. TinyTasks.All.Select(task => task.Name)];

    public void Dispose() => tiny.Dispose();

    [Theory]
    [MemberData(nameof(Tasks))]
    public void A_run_that_is_killed_ends_as_one_that_was_not_and_its_exports_answer_as_it_does(string name)
    {
        var task = TinyTasks.Of(name);
        TrainTwice([task]);
        var run = tiny.Run("whole", name);
        var result = FinetuneResult.Load(run);
        Assert.Equal((3, "float32"), (result.Epochs.Count, result.Precision));
        using var model = FinetunedModel.Open(run, Compute.Reference);
        var answers = TinyTasks.Answers(model, task.Line);
        Assert.Single(answers.TrimEnd().Split('\n'));

        using var weights = PretrainedModel.Open(run);
        Assert.Equal(TinyTasks.MaxLength, weights.MaxTokens);
        var activation = name switch { "passages" => TaskKind.Sigmoid, "lists" or "values" => TaskKind.Identity, _ => null };
        Assert.Equal(activation, weights.Config.SentenceTransformers?.ActivationFn);
        if (name == "joint_answers")
        {
            var refused = Assert.Throws<UserErrorException>(() => Export(weights, ExportFormat.HuggingFace)).Message;
            Assert.Contains("cannot be exported: its head is of another kind", refused);
            return;
        }
        var exported = Export(weights, ExportFormat.HuggingFace);
        RequireAgreement(weights, Path.Combine(Export(weights, ExportFormat.Onnx), "onnx", "model.onnx"));
        RequireSame(model.Task, answers, run, exported, task.Line);
    }

    /// <summary>Kinds whose examples are compared with each other, and those whose heads read other places, side by side.</summary>
    [Fact]
    public void Several_kinds_are_learned_in_one_model_and_each_leaves_its_own()
    {
        TinyTask[] tasks =
        [
            .. new[] { "words", "answers", "passages", "lists", "near", "pronouns" }.Select(TinyTasks.Of),
        ];
        TrainTwice(tasks);
        foreach (var task in tasks)
        {
            var run = tiny.Run("whole", task.Name);
            using var model = FinetunedModel.Open(run, Compute.Reference);
            using var weights = PretrainedModel.Open(run);
            RequireSame(model.Task, TinyTasks.Answers(model, task.Line), run, Export(weights, ExportFormat.HuggingFace), task.Line);
        }
    }

    [Theory]
    [InlineData("classes", "text\tlabel\nthe cat\tgreen\n", "texts.tsv:2: label is \"green\"; the labels of classes are red, blue")]
    [InlineData("pairs", "a\tlabel\nthe cat\tred\n", "pairs.tsv:1: there is no column b")]
    [InlineData("values", "a\tb\tvalue\nthe cat\tdog\t9\n", "pairs.tsv:2: value is \"9\"; values has numbers from 0 to 5")]
    [InlineData("several", "text\tlabel\nthe cat\tred|green\n", "several.tsv:2: label has \"green\"")]
    [InlineData("choices", "text\ta\tb\tlabel\nthe\tcat\t\t0\n", "choices.tsv:2 has 1 choice: two or more are expected")]
    [InlineData("words", "the O\ncat B-tree\n", "words.conll:1: \"tree\" is not one of the labels of words, animal, place")]
    [InlineData("parts", "the O\ncat B-tree\n", "words.conll:1: \"B-tree\" is not one of the labels of parts")]
    [InlineData("answers", "{\"id\": \"1\", \"question\": \"the red\"}\n", "questions.jsonl:1: there is no context")]
    [InlineData("passages", "a\tb\tlabel\nthe\tcat\t3\n", "passages.tsv:2: label is 3, and loss: bce wants 0 to 1")]
    [InlineData(
        "lists",
        "{\"query\": \"the\", \"positive\": \"cat\", \"negative\": [\"cat\"]}\n",
        "lists.jsonl:1: \"cat\" is positive and negative"
    )]
    [InlineData("scored", "a\tb\tvalue\nthe\tcat\t9\n", "pairs.tsv:2: value is \"9\"; scored has numbers from 0 to 5")]
    [InlineData("pronouns", "the cat sees\nit\ncat,dog\ncat\n", "the pronoun \"it\" is not a word of \"the cat sees\"")]
    public void A_row_that_is_wrong_is_named_and_nothing_is_made(string name, string content, string said)
    {
        var task = TinyTasks.Of(name);
        File.WriteAllText(tiny.File(task.File), content);
        var wrong = Assert.ThrowsAny<Exception>(() => tiny.Train("wrong", [task])).GetBaseException(); // rows are encoded in parallel
        Assert.Contains(said, Assert.IsType<UserErrorException>(wrong).Message);
        Assert.False(Directory.Exists(tiny.Run("wrong", name)));
    }

    /// <summary>Both runs end with the same weights.</summary>
    private void TrainTwice(IReadOnlyList<TinyTask> tasks)
    {
        Assert.Equal(0, tiny.Train("whole", tasks));
        tiny.Train("killed", tasks, updates: 5);
        Assert.False(FinetuneResult.IsIn(tiny.Run("killed", tasks[^1].Name)));
        Assert.InRange(tiny.Train("killed", tasks), 1, 4);
        foreach (var task in tasks)
            RunFolders.AssertSameBytes(Weights("whole", task), Weights("killed", task));

        string Weights(string group, TinyTask task) => Path.Combine(tiny.Run(group, task.Name), "model.safetensors");
    }

    private string Export(PretrainedModel model, ExportFormat form) =>
        ModelExport.Write(model, new ExportConfig { To = form, Out = tiny.File("exported"), Glue = tiny.File("runs") });

    private static void RequireAgreement(PretrainedModel model, string file)
    {
        using var comparison = new OnnxComparison(model, features: false);
        var said = comparison.Of(file, default);
        Assert.InRange(double.Parse(said[0], CultureInfo.InvariantCulture), 0, 1e-4);
        Assert.Equal("1.0000", said[1]);
    }

    /// <summary>Requires of an exported folder what the run gives, by the predictor of its kind.</summary>
    private static void RequireSame(TaskDefinition task, string answers, string run, string exported, string line)
    {
        if (Reranking.Is(task.Kind))
        {
            using Reranker own = Reranker.Open(run, Compute.Reference), other = Reranker.Open(exported, Compute.Reference);
            string[] texts = line.Split('\t');
            Assert.Equal(own.Rank(texts[0], texts[1..]), other.Rank(texts[0], texts[1..]));
        }
        else if (task.Kind.Name == "winograd")
        {
            var refused = Assert.Throws<UserErrorException>(() => FinetunedModel.OpenAny(exported, Compute.Reference)).Message;
            Assert.Contains("it is a discriminator, as it was pre-trained", refused);
            using ReplacedTokenDetector own = ReplacedTokenDetector.Open(run, Compute.Reference),
                other = ReplacedTokenDetector.Open(exported, Compute.Reference);
            Assert.Equal(own.Detect(line), other.Detect(line));
        }
        else
        {
            using var model = FinetunedModel.OpenAny(exported, Compute.Reference);
            Assert.Equal(answers, TinyTasks.Answers(model, line));
            if (!task.Kind.GivesVectors)
                return;
            using TextEmbedder own = TextEmbedder.Open(run, Compute.Reference), other = TextEmbedder.Open(exported, Compute.Reference);
            Assert.Equal(own.Embed(line), other.Embed(line));
        }
    }
}
