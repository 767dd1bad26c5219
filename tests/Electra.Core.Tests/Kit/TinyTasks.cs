using System.Text.Json;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Kit;

/// <summary>A tiny task of some kind.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="File">The file to train and to measure on.</param>
/// <param name="Keys">What its definition says beside that.</param>
/// <param name="Line">A line of text to predict, which is longer than the model reads.</param>
internal sealed record TinyTask(string Name, string File, string Keys, string Line);

/// <summary>
/// Tasks of every kind on few rows, which are fine-tuned in this process: a hundredth of what a script takes. One thread; a seed gives the
/// same bits.
/// </summary>
internal sealed class TinyTasks : IDisposable
{
    /// <summary>Tokens of an example.</summary>
    public const int MaxLength = 16;

    private const string Long = "the cat sees a dog a dog sees the house the house sees the cat a cat sees a house";

    private readonly TinyFinetuning tiny = new();
    private readonly Random random = new(3);

    public TinyTasks()
    {
        Write("texts.tsv", ["text\tlabel", .. Rows(i => $"{Some()} {Colour(i)}\t{Colour(i)}")]);
        Write("pairs.tsv", ["a\tb\tlabel\tvalue", .. Rows(i => $"{Some()}\t{Some()} {Colour(i)}\t{Colour(i)}\t{4 * (i % 2)}.5")]);
        Write("several.tsv", ["text\tlabel", .. Rows(i => $"{Some()} {Colour(i)}\t{(i % 2 == 0 ? "red" : "")}")]);
        Write("choices.tsv", ["text\ta\tb\tlabel", .. Rows(i => $"{Some()}\t{Some()} {Colour(i)}\t{Some()} {Colour(i + 1)}\t{i % 2}")]);
        Write("words.conll", Rows(i => $"the O\n{Colour(i)} B-animal\ncat I-animal\nsees O\nhouse B-place\n"));
        Write("questions.jsonl", Rows(i => Question(i, "dog")));
        Write("passages.tsv", ["a\tb\tlabel", .. Rows(i => $"the {"cat dog house"[..(4 * (i / 4))]}\t{Some()} {Colour(i)}\t{i % 2}")]);
        Write("lists.jsonl", Rows(i => JsonSerializer.Serialize(new
        {
            query = Some(),
            positive = new[] { $"{Some()} red" },
            negative = Enumerable.Range(0, 1 + (i % 2)).Select(_ => $"{Some()} blue"),
        })));
        Write("pronouns.txt", Rows(i => $"the {Colour(i)} it sees\nit\nred cat,blue dog\n{(i % 2 == 0 ? "red cat" : "blue dog")}\n"));
    }

    /// <summary>A task of each kind, and of each way to learn one that leaves another model.</summary>
    public static IReadOnlyList<TinyTask> All { get; } =
    [
        new("classes", "texts.tsv", "text: [text], labels: [red, blue]", Long),
        new("pairs", "pairs.tsv", "text: [a, b], labels: [red, blue]", $"the cat\t{Long}"),
        new("values", "pairs.tsv", "text: [a, b], label: value, regression: true, range: [0, 5]", $"the cat\t{Long}"),
        new("several", "several.tsv", "kind: multi_label, text: [text], labels: [red, blue]", Long),
        new("one_label", "several.tsv", "kind: multi_label, text: [text], labels: [red]", Long),
        new("choices", "choices.tsv", "kind: choice, text: [text], choices: [a, b]", $"the cat\t{Long} red\ta {Long} blue"),
        new("words", "words.conll", "kind: tokens, labels: [animal, place], scheme: bioes, decode: constrained", Long),
        new("parts", "words.conll", "kind: tokens, labels: [O, B-animal, I-animal, B-place], scheme: none", Long),
        new("answers", "questions.jsonl", "kind: answers, answers: {stride: 3}", $"the red\t{Long}"),
        new(
            "joint_answers",
            "questions.jsonl",
            "kind: answers, answers: {head: joint, answerability: classifier, unanswerable: true, best: 3}",
            $"the red\t{Long}"
        ),
        new("passages", "passages.tsv", "kind: reranking, text: [a, b]", $"the cat\t{Long}\ta dog"),
        new("lists", "lists.jsonl", "kind: reranking, text: [query], loss: ranknet", $"the cat\t{Long}\ta dog"),
        new("near", "pairs.tsv", "kind: embedding, text: [a, b], pooling: cls", Long),
        new("scored", "pairs.tsv", "kind: embedding, text: [a, b], loss: cosent, label: value, range: [0, 5]", Long),
        new("pronouns", "pronouns.txt", "kind: winograd", "the cat sees it\tit\tred cat\tblue dog"),
    ];

    /// <summary>A task of some name.</summary>
    public static TinyTask Of(string name) => All.Single(task => task.Name == name);

    /// <summary>The path of a file.</summary>
    public string File(string name) => tiny.File(name);

    /// <summary>The folder of a run.</summary>
    public string Run(string group, string task) => tiny.File($"runs/{group}_{task}_0");

    /// <summary>Writes a file.</summary>
    public void Write(string name, params IEnumerable<string> lines) => System.IO.File.WriteAllLines(tiny.File(name), lines);

    /// <summary>Makes a run of one task, or of several in one model.</summary>
    /// <param name="group">What it is called.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="updates">After how many updates it is killed; 0: it goes to its end.</param>
    /// <returns>The updates that were done before it began.</returns>
    public long Train(string group, IReadOnlyList<TinyTask> tasks, int updates = 0)
    {
        var config = Config(group, tasks, isKilled: updates > 0);
        using var start = FinetuneStart.Open(config, new RunConsole(TextWriter.Null, terminal: null), default);
        var job = FinetuneJob.All(config, start, ScriptText.Read("")).Single();
        job.Prepare(config);
        var method = FinetuneMethod.From(config.Training);
        int done = 0;
        var observer = new FinetuneObserver(_ => { }, () => _ = ++done == updates ? throw new Killed() : 0, _ => { });
        using var run = new FinetuneRun(config, start, method, Compute.Reference, job, observer);
        foreach (var task in job.Tasks)
            Experiment.WriteConfig(task.Folder, job.Alone(config), job.Script);
        try
        {
            run.Train(default);
        }
        catch (Killed)
        {
            Assert.NotEqual(0, updates);
        }
        return run.FirstStep;
    }

    /// <summary>What a model answers to lines, as <c>predict.csx</c> writes it.</summary>
    public static string Answers(FinetunedModel model, params string[] lines)
    {
        using var output = new StringWriter();
        TextPredictions.Predict(
            model.Task,
            rows => model.Predict(rows, 2, new RowCounts(), default),
            [lines],
            "lines",
            output,
            null,
            default
        );
        return output.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => tiny.Dispose();

    private FinetuneConfig Config(string group, IReadOnlyList<TinyTask> tasks, bool isKilled) =>
        Electra.Configuration.Config.Load<FinetuneConfig>(
            tiny.Config,
            [
                .. tasks.Select(task =>
                    $"data.own.{task.Name}={{{task.Keys}, train: {File(task.File)}, dev: {File(task.File)}, epochs: 3}}"),
                $"tasks=[{string.Join(',', tasks.Select(task => task.Name))}]",
                $"joint={(tasks.Count > 1 ? "true" : "false")}",
                $"group={group}",
                "runs=[0]",
                $"encoding={{max_length: {MaxLength}, overlap: 5}}",
                "training.batch_size=4",
                "training.micro_batch_size=3",
                $"save_minutes={(isKilled ? "1e-9" : "0")}",
            ]
        );

    private static IEnumerable<string> Rows(Func<int, string> row) => Enumerable.Range(0, 12).Select(row);

    private static string Colour(int i) => TinyFinetuning.Words[i % 2];

    private string Some() =>
        string.Join(' ', Enumerable.Range(0, random.Next(1, 4)).Select(_ => TinyFinetuning.Words[random.Next(2, 8)]));

    private static string Question(int i, string answer) =>
        JsonSerializer.Serialize(new
        {
            id = $"{i}",
            question = "the red",
            context = $"{Long} red {answer}",
            answers = new { text = new[] { answer }, answer_start = new[] { Long.Length + 5 } },
        });

    private sealed class Killed : Exception;
}
