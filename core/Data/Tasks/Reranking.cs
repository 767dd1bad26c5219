using System.Text;
using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// Passages in the order of their relevance to a query, each read together with it (a cross-encoder). A row is a query and its passages;
/// each passage is an example with a label of its own.
/// </summary>
internal static class Reranking
{
    /// <summary>Each passage is learned by itself.</summary>
    public static TaskKind OfPassages { get; } = new("reranking")
    {
        Metrics = _ => RankingScores.Metrics,
        ReportedMetric = Metrics.Ndcg10,
        Read = Read,
        Row = Row,
        LineText = _ => "query<tab>passage<tab>passage…",
        Encode = (_, row, encoder) => encoder.AddTogether(row, [.. row.Texts.Skip(1).Select(passage => new[] { row.Texts[0], passage })]),
        DevTexts = row => row.Texts.Skip(1).Select(passage => new Candidate(row.Texts[0], passage).ToString()),
        Outputs = _ => 1,
        Loss = (task, logits, labels, smoothing) => RankingLoss.Of(task.RankingLoss, logits.squeeze(-1), labels, smoothing),
        LabelsIn = (_, _) => new HashSet<int>(),
        Measure = (rows, _) => RankingScores.Of(rows, rows.Outputs).Values,
        Report = Report,
        DevPredictions = sets => [(Tasks.DevPredictions.OfSeveralLabels, DevPredictions(sets))],
        Text = (_, outputs) => string.Join(' ', RankingScores.Order(outputs)),
        Extension = ".jsonl",
        Files = (rows, texts) =>
            [(".jsonl", string.Concat(texts.Select((row, i) => Ranked(rows.Task, row, rows[i]) + "\n")))],
        Answer = (rows, row) => Ranked(rows.Task, rows.Texts[row], rows[row]),
        AnswersRepeatLine = false,
        AnswerColumns = "JSON with the ranked passages",
        ProblemType = "regression",
        Activation = task => IsProbability(task) ? TaskKind.Sigmoid : TaskKind.Identity,
        Pipeline = "text-ranking",
        Described = task => $"the relevance of a passage to a query ("
            + $"{KeyName.Of(task.RankingLoss)})",
    };

    /// <summary>The passages of a query are compared with each other.</summary>
    public static TaskKind OfLists { get; } = OfPassages with { KeepsRowsWhole = true, ComparesRows = true };

    /// <summary>Whether a kind ranks passages.</summary>
    public static bool Is(TaskKind kind) => kind == OfPassages || kind == OfLists;

    private static bool IsProbability(TaskDefinition task) => task.RankingLoss == TextLoss.Bce;

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut) =>
        file.Columns.Texts.Count == 1 ? Lists(file, leftOut) : Pairs(task, file, leftOut);

    /// <summary>A line for each passage: those of one query are a row, wherever they stand.</summary>
    private static IEnumerable<TaskRow> Pairs(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var rows = file.HasLabels ? TaskRows.FromTable(task, file, leftOut, [file.Columns.Label], LabelReader.OfShares(task, file, Problem))
            : TaskRows.FromTable(task, file, leftOut, [], (_, _) => [float.NaN]);
        return rows
            .GroupBy(row => row.Texts[0])
            .Select(query => new TaskRow(
                [query.Key, .. query.Select(row => row.Texts[1])],
                [.. query.Select(row => row.Labels[0])]
            ));

        string? Problem(float label) =>
            task.Range is null && IsProbability(task) && label is < 0 or > 1
                ? "loss: bce wants 0 to 1: give the lowest and the highest label of the file, range: [0, 3]"
            : label < (task.Range?.Low ?? 0) && !(file.Split.Role == SplitRole.Train && task.RankingLoss == TextLoss.MarginMse)
                ? "relevance is 0 or more: give the lowest and the highest label, range: [-10, 10]"
            : null;
    }

    /// <summary>
    /// A line for each query, with lists: what is right (<c>positive</c>), and what is wrong (<c>negative</c>) or what another system found
    /// (<c>documents</c>), in its order. What is right and was not found stands behind.
    /// </summary>
    private static IEnumerable<TaskRow> Lists(TaskFile file, RowCounts leftOut)
    {
        string[] columns = file.HasLabels ? [file.Columns.Texts[0], "positive", "negative", "documents"]
            : [file.Columns.Texts[0], "documents"];
        var form = file.Form with { Lists = true, Optional = file.HasLabels ? 2 : 0 };
        foreach (var (line, values) in TableFile.Read(file.Path, columns, form, _ => leftOut.TornLines++))
        {
            var place = $"{Paths.Shown(file.Path)}:{line}";
            string[] Texts(int column) => values[column] == "" ? []
                : values[column].StartsWith('[') ? JsonList.Texts(values[column], $"{place}: {columns[column]}")
                : [values[column]];
            string[] right = file.HasLabels ? Texts(1) : [], found = Texts(columns.Length - 1), wrong = file.HasLabels ? Texts(2) : [];
            if (found.Length > 0 && wrong.Length > 0)
                throw new UserErrorException($"{place} has negative and documents: what was found (documents) says what is wrong too");
            if (right.Intersect(wrong).FirstOrDefault() is { } both)
                throw new UserErrorException($"{place}: \"{both}\" is positive and negative");
            string[] passages = found.Length > 0 ? [.. found, .. right.Except(found)] : [.. right, .. wrong];
            if (passages.Length == 0)
                throw new UserErrorException($"{place} has no passage: {string.Join(" or ", columns.Skip(1))} is a list of them");
            yield return new TaskRow(
                [values[0], .. passages],
                [.. passages.Select(passage => !file.HasLabels ? float.NaN : right.Contains(passage) ? 1 : 0)]
            );
        }
    }

    private static TaskRow Row(TaskDefinition task, string line, string place)
    {
        string[] texts = line.Split('\t');
        return texts.Length > 1 ? new TaskRow(texts, [.. texts.Skip(1).Select(_ => float.NaN)])
            : throw new UserErrorException(
                $"{place}: {task.DisplayName} reads a query and its passages, separated by tabs; the line has no tab"
            );
    }

    /// <summary>The scores of the model beside those of BM25, and of the order of the file where that is another system's.</summary>
    private static string Report(TaskOutputs rows)
    {
        string[] Row(string name, float[] scores) =>
            [name, .. RankingScores.Of(rows, scores).Values.Values.Select(score => Metrics.Shown(score, "F2"))];
        var lines = new List<string[]> { Row("the model", rows.Outputs) };
        if (rows.Words.Count > 0)
            lines.Add(Row("BM25", Bm25.Scores([.. rows.Words.Select(Candidate.Parse)])));
        bool saysOrder = Enumerable.Range(0, rows.Count).Any(row =>
            rows.LabelsAt(row) is var labels && !labels.SequenceEqual(labels.OrderDescending()));
        if (saysOrder)
            lines.Add(Row("the order of the file", [.. Enumerable.Range(0, rows.Outputs.Length).Select(place => (float)-place)]));
        return $"{rows.Count} queries, {rows.Outputs.Length} passages\n\n" + ClassScores.Markdown(["", .. RankingScores.Metrics], lines);
    }

    private static string Ranked(TaskDefinition task, TaskRow row, float[] outputs) => JsonSerializer.Serialize(
        new
        {
            query = row.Texts[0],
            ranked = RankingScores.Order(outputs).Select(passage =>
                new { passage, score = Score(task, outputs[passage]), text = row.Texts[1 + passage] }),
        },
        ReadableJson.Options
    );

    private static double Score(TaskDefinition task, float output) =>
        Math.Round(IsProbability(task) ? 1 / (1 + Math.Exp(-output)) : output, 6);

    private static string DevPredictions(IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)> sets)
    {
        var text = new StringBuilder();
        foreach (var (split, rows) in sets)
            for (int row = 0, start = 0; row < rows.Count; start = rows.Ends[row++])
            {
                var (scores, labels) = (rows[row], rows.LabelsAt(row));
                text.Append(JsonSerializer.Serialize(
                    new
                    {
                        split = split.Name,
                        query = Candidate.Parse(rows.Words[start]).Query,
                        ranked = RankingScores.Order(scores).Select(passage => new
                        {
                            passage,
                            label = labels[passage],
                            score = Score(rows.Task, scores[passage]),
                        }),
                    },
                    ReadableJson.Options
                )).Append('\n');
            }
        return text.ToString();
    }
}

/// <summary>A passage that is ranked for a query.</summary>
internal readonly record struct Candidate(string Query, string Passage)
{
    /// <summary>Both in a line.</summary>
    public override string ToString() => $"{Query.Replace('\t', ' ')}\t{Passage}";

    /// <summary>From such a line.</summary>
    public static Candidate Parse(string line) => new(line[..line.IndexOf('\t')], line[(line.IndexOf('\t') + 1)..]);
}
