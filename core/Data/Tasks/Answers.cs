using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Data.Answering;
using Electra.Storage;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>The part of a text that answers a question: SQuAD 1.1 and 2.0, MRQA.</summary>
internal static class Answers
{
    private const int LabelsOfWindow = 3;

    private static readonly JsonSerializerOptions Json = new(ReadableJson.Options)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly JsonSerializerOptions Indented = new(Json) { WriteIndented = true };

    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("answers")
    {
        Metrics = _ => [Metrics.F1, Metrics.ExactMatch],
        ReportedMetric = Metrics.F1,
        Read = Read,
        ReadsFile = QuestionFiles.IsOne,
        FileForms = QuestionFiles.Extensions,
        LineText = _ => "question<tab>context, or JSON with both,",
        Row = (_, line, place) => Row(QuestionFiles.OfLine(line, place)),
        Encode = (task, row, encoder) => encoder.AddQuestion(row, task.Answers!),
        EncodedAs = (task, options) =>
            $" {options.Overlap} {task.Answers!.MaxQuestion} {task.Answers.Stride} {task.Answers.Mapping}",
        Places = Places,
        KeepsText = true,
        NoMean = task => task.Answers!.Head == AnswerHead.Linear ? null
            : "lists of likely answers have no mean (a linear head has one)",
        Threshold = rows => rows.Task.Answers!.Unanswerable ? ThresholdOf(rows.Task, Scores(rows)) : null,
        Head = task => new TaskHead(1) { Answers = task.Answers },
        Outputs = _ => 1,
        Loss = Loss,
        Weight = (_, labels) => labels.Length / LabelsOfWindow,
        LabelsIn = (_, _) => new HashSet<int>(),
        Measure = Measure,
        Report = Report,
        DevPredictions = sets => Files(
            "dev_",
            sets.SelectMany(set => Rankings(set.Outputs).Zip(set.Outputs.Questions)),
            sets[0].Outputs.Task with { Threshold = ThresholdOf(sets[0].Outputs.Task, Scores(sets[0].Outputs)) }
        ),
        Answer = Answer,
        AnswerColumns = "answer",
        Extension = ".json",
        Files = (rows, _) =>
            [.. Files("", Rankings(rows).Zip(rows.Questions), rows.Task).Select(file => (Extension(file.Name), file.Text))],
        Pipeline = "question-answering",
        Architecture = task => task.Answers!.IsPlain ? "ElectraForQuestionAnswering" : "ElectraForJointQuestionAnswering",
        HeadText = "where the answer begins and ends",
        Described = task => "the part of the text that answers it ("
            + $"head: {task.Answers!.Head.ToString().ToLowerInvariant()}, "
            + $"answerability: {task.Answers.Answerability.ToString().ToLowerInvariant()}"
            + $"{(task.Answers.Head == AnswerHead.Joint ? $", best: {task.Answers.Best}" : "")})",
    };

    /// <summary>The files of a run's predictions for its development set.</summary>
    public static IReadOnlyList<string> DevFiles { get; } = [Tasks.DevPredictions.OfAnswers, "dev_nbest.json", "dev_null_odds.json"];

    /// <summary>The metrics of a task: of one whose questions may have no answer, also of each part.</summary>
    public static IReadOnlyList<string> MetricsOf(AnswerOptions options) =>
        options.Unanswerable
            ?
            [
                Metrics.F1, Metrics.ExactMatch, Metrics.HasAnswerF1, Metrics.HasAnswerExact, Metrics.NoAnswerF1, Metrics.NoAnswerExact,
                Metrics.BestF1, Metrics.BestExact,
            ]
            : [Metrics.F1, Metrics.ExactMatch];

    /// <summary>Where the answers begin, by the labels of windows.</summary>
    public static long[] Starts(float[] labels) => [.. labels.Chunk(LabelsOfWindow).Select(window => (long)window[0])];

    /// <summary>A question as a row.</summary>
    public static TaskRow Row(Question question) => new([question.Text, question.Context], []) { Question = question };

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var options = task.Answers!;
        var form = new QuestionForm(
            file.HasLabels,
            options.Unanswerable,
            options.DropMisplaced ? () => leftOut.MisplacedAnswers++ : null
        );
        foreach (var question in QuestionFiles.Read(file.Path, form))
            if (file.Split.Role != SplitRole.Train || question.Answers!.Count == 0 || question.Learned is not null)
                yield return Row(question);
    }

    /// <summary>
    /// The outputs of a window of some tokens: whether there is no answer, then the start and end of each token; or of a joint head the
    /// best starts, their scores, and for each of them the best ends and theirs.
    /// </summary>
    private static int Places(TaskDefinition task, int tokens) =>
        task.Answers! is { Head: AnswerHead.Joint, Best: var best } ? 1 + (2 * best) + (2 * best * best) : 1 + (2 * tokens);

    /// <summary>
    /// The mean over windows of the mean of −log p of start and end, and half the cross-entropy of whether there is an answer.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="outputs"><c>[windows, 1 + 2 · length]</c>: whether there is no answer, then start and end of each position.</param>
    /// <param name="labels"><c>[3 · windows]</c>.</param>
    /// <param name="smoothing">Not used: most positions cannot be an answer.</param>
    private static Tensor Loss(TaskDefinition task, Tensor outputs, Tensor labels, double smoothing)
    {
        var (gold, positions) = (labels.view(-1, LabelsOfWindow), outputs[.., 1..].view(outputs.shape[0], -1, 2));
        // As in Hugging Face's library, a position beyond the row counts as none.
        long beyond = positions.shape[1];
        Tensor Of(int which) => cross_entropy(positions[.., .., which], gold[.., which].to(int64), ignore_index: beyond);
        var loss = (Of(0) + Of(1)) / 2;
        return task.Answers!.Answerability == Answerability.None
            ? loss
            : loss + (0.5 * binary_cross_entropy_with_logits(outputs[.., 0], gold[.., 2]));
    }

    /// <summary>The answers to the question of a row, and the one that is predicted.</summary>
    public static (AnswerRanking Ranking, RankedAnswer Predicted) Chosen(TaskOutputs rows, int row)
    {
        var ranking = Ranking(rows.Task, rows.Questions[row], rows[row]);
        return (ranking, ranking.Prediction(Limit(rows.Task)));
    }

    /// <summary>The null odds above which no answer is predicted; null where every question has one.</summary>
    private static double? Limit(TaskDefinition task) =>
        task.Answers!.Unanswerable ? task.Answers.NullThreshold ?? task.Threshold ?? 0 : null;

    /// <summary>The answers to each question of some rows, the best first.</summary>
    private static IEnumerable<AnswerRanking> Rankings(TaskOutputs rows) =>
        Enumerable.Range(0, rows.Count).Select(row => Ranking(rows.Task, rows.Questions[row], rows[row]));

    /// <summary>The answers to a question from the outputs for its windows.</summary>
    private static AnswerRanking Ranking(TaskDefinition task, ReadQuestion question, float[] outputs)
    {
        var options = task.Answers!;
        var form = new ChoiceForm(options.Best, options.MaxAnswer, options.Unanswerable);
        var (spans, nulls, at) = (new List<SpanScore>(), new List<(double Start, double End, double Classified)>(), 0);
        for (int window = 0; window < question.Windows.Count; window++)
        {
            var own = outputs.AsSpan(at, Places(task, question.Length(window)));
            at += own.Length;
            nulls.Add((own[1], own[2], own[0]));
            spans.AddRange(options.Head == AnswerHead.Joint ? Beams(window, own, options.Best) : Pairs(window, own, options.Best));
        }
        bool isClassified = options.Answerability != Answerability.None;
        return options.IsHuggingFace
            ? AnswerChoice.AsHuggingFace(question, spans, nulls.Select(one => (one.Start, one.End)), form)
            : AnswerChoice.AsGoogle(
                question,
                spans,
                nulls.Select(one => isClassified ? one.Classified : one.Start + one.End),
                isClassified,
                form
            );
    }

    /// <summary>The best starts of a window with the best ends.</summary>
    private static List<SpanScore> Pairs(int window, ReadOnlySpan<float> outputs, int best)
    {
        int length = (outputs.Length - 1) / 2;
        var (start, end) = (new float[length], new float[length]);
        for (int i = 0; i < length; i++)
            (start[i], end[i]) = (outputs[1 + (2 * i)], outputs[2 + (2 * i)]);
        int[] ends = AnswerChoice.BestOf(end, best);
        return [.. from i in AnswerChoice.BestOf(start, best) from j in ends select new SpanScore(window, i, j, start[i], end[j])];
    }

    /// <summary>The spans that a joint head gives for a window.</summary>
    private static List<SpanScore> Beams(int window, ReadOnlySpan<float> outputs, int best)
    {
        var spans = new List<SpanScore>();
        var starts = outputs.Slice(1, best);
        var startScores = outputs.Slice(1 + best, best);
        var ends = outputs.Slice(1 + (2 * best), best * best);
        var endScores = outputs[^(best * best)..];
        for (int i = 0; i < best; i++)
            for (int j = 0; j < best; j++)
                spans.Add(new SpanScore(window, (int)starts[i], (int)ends[(i * best) + j], startScores[i], endScores[(i * best) + j]));
        return spans;
    }

    /// <summary>How good the best answers are, without a threshold.</summary>
    private static List<AnswerScore> Scores(TaskOutputs rows) =>
    [
        .. Rankings(rows).AsParallel().AsOrdered().Zip(rows.Questions.AsParallel().AsOrdered(), (ranking, question) => AnswerScore.Of(
            ranking.Answer.Text,
            [.. question.Asked.Answers!.Select(answer => answer.Text)],
            rows.Task.Answers!.Unanswerable,
            ranking.NullOdds
        )),
    ];

    /// <summary>The threshold of a task: the one given, the one that a run has found, or the best of these rows.</summary>
    private static double? ThresholdOf(TaskDefinition task, List<AnswerScore> scores) =>
        !task.Answers!.Unanswerable ? null
        : task.Answers.NullThreshold ?? task.Threshold ?? AnswerScore.BestThreshold(scores, score => score.F1).Threshold;

    private static IReadOnlyDictionary<string, double> Measure(TaskOutputs rows, IReadOnlyList<string> metrics)
    {
        var raw = Scores(rows);
        var scores = ThresholdOf(rows.Task, raw) is { } threshold ? raw.ConvertAll(score => score.At(threshold)) : raw;
        var (with, without) = (scores.FindAll(score => score.HasAnswer), scores.FindAll(score => !score.HasAnswer));
        return metrics.ToDictionary(name => name, name => name switch
        {
            Metrics.F1 => Mean(scores, score => score.F1),
            Metrics.HasAnswerF1 => Mean(with, score => score.F1),
            Metrics.HasAnswerExact => Mean(with, score => score.Exact),
            Metrics.NoAnswerF1 => Mean(without, score => score.F1),
            Metrics.NoAnswerExact => Mean(without, score => score.Exact),
            Metrics.BestF1 => AnswerScore.BestThreshold(raw, score => score.F1).Best,
            Metrics.BestExact => AnswerScore.BestThreshold(raw, score => score.Exact).Best,
            _ => Mean(scores, score => score.Exact),
        });

        static double Mean(List<AnswerScore> scores, Func<AnswerScore, double> value) =>
            scores.Count == 0 ? double.NaN : scores.Average(value);
    }

    /// <summary>What the official script prints, and the thresholds.</summary>
    private static string Report(TaskOutputs rows)
    {
        var raw = Scores(rows);
        var values = Measure(rows, rows.Task.Metrics).Select(score => (score.Key, Metrics.Shown(score.Value, "F2"))).ToList();
        values.Add(("questions", $"{raw.Count}"));
        if (rows.Task.Answers!.Unanswerable)
        {
            values.Add(("questions with an answer", $"{raw.Count(score => score.HasAnswer)}"));
            values.Add(("threshold of null odds", Shown(ThresholdOf(rows.Task, raw)!.Value)));
            values.Add(("best_f1_thresh", Shown(AnswerScore.BestThreshold(raw, score => score.F1).Threshold)));
            values.Add(("best_exact_thresh", Shown(AnswerScore.BestThreshold(raw, score => score.Exact).Threshold)));
        }
        return ClassScores.Markdown(["", "value"], values.Select(value => (string[])[value.Item1, value.Item2]));

        static string Shown(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
    }

    /// <summary>The predictions, the best answers and the null odds of questions, each as a file: by the questions' ids.</summary>
    private static (string Name, string Text)[] Files(
        string prefix,
        IEnumerable<(AnswerRanking Ranking, ReadQuestion Question)> questions,
        TaskDefinition task
    )
    {
        var all = questions.Select(one => (one.Question.Asked.Id, one.Ranking)).ToList();
        double? limit = Limit(task);
        var files = new List<(string, string)>
        {
            ($"{prefix}predictions.json", Text(all.Select(one => (one.Id, (object)one.Ranking.Prediction(limit).Text)))),
            ($"{prefix}nbest.json", Text(all.Select(one => (one.Id, (object)one.Ranking.Best.Select(answer => new
            {
                text = answer.Text,
                probability = answer.Probability,
                start_logit = answer.Start,
                end_logit = answer.End,
            }))))),
        };
        if (limit is not null)
            files.Add(($"{prefix}null_odds.json", Text(all.Select(one => (one.Id, (object)one.Ranking.NullOdds)))));
        return [.. files];

        static string Text(IEnumerable<(string Id, object Value)> values) =>
            JsonSerializer.Serialize(
                new OrderedDictionary<string, object>(values.Select(one => KeyValuePair.Create(one.Id, one.Value))),
                Indented
            ) + "\n";
    }

    private static string Extension(string name) => name == "predictions.json" ? ".json" : "." + name;

    /// <summary>The answer to a question with its place in code points, as JSON.</summary>
    private static string Answer(TaskOutputs rows, int row)
    {
        var (ranking, answer) = Chosen(rows, row);
        int[] places = Tagging.CodePoints.Starts(rows.Questions[row].Asked.Context);
        int? Place(int? unit) => unit is { } at ? Array.BinarySearch(places, at) : null;
        return JsonSerializer.Serialize(
            new
            {
                answer = answer.Text,
                start = Place(answer.Place?.Start),
                end = Place(answer.Place?.End),
                score = Math.Round(answer.Probability, 4),
                null_odds = rows.Task.Answers!.Unanswerable ? Math.Round(ranking.NullOdds, 4) : (double?)null,
            },
            Json
        );
    }
}
