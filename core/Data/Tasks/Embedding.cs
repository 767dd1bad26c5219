using System.Globalization;
using System.Text;
using System.Text.Json;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// A vector for a text, near those of texts that belong to it. A row is a pair of texts, or a text, its partner and wrong ones; each is an
/// example, whose label is the row's score, or 1 where it has none.
/// </summary>
internal static class Embedding
{
    /// <summary>Pairs to measure on have scores, which cosines are compared with.</summary>
    public static TaskKind OfScores { get; } = new("embedding")
    {
        Metrics = _ => Metrics.ForValues,
        ReportedMetric = Metrics.Spearman,
        Read = Read,
        Row = (_, line, _) => new TaskRow([line], [float.NaN]),
        LineText = _ => "a text",
        Encode = (_, row, encoder) => encoder.AddTogether(row, [.. row.Texts.Select(text => new[] { text })]),
        KeepsRowsWhole = true,
        ComparesRows = true,
        GivesVectors = true,
        NoMean = _ => "the vectors of each have directions of their own, and so no mean",
        DevTexts = row => row.Texts,
        Head = task => new TaskHead(0) { Pooling = task.Embedding!.Pooling, Normalises = task.Embedding.Normalises },
        Outputs = _ => 0,
        Loss = (task, vectors, labels, _) => EmbeddingLoss.Of(task.Embedding!, vectors, labels.select(1, 0)),
        Weight = (task, labels) => labels.Length / task.TextColumns.Count,
        LabelsIn = (_, _) => new HashSet<int>(),
        Measure = (rows, metrics) => Metrics.OfValues(OfCosines(rows), metrics),
        DevPredictions = sets =>
        [
            (
                Tasks.DevPredictions.FileName,
                Tasks.DevPredictions.Text([.. sets.Select(set => (set.Split, OfCosines(set.Outputs)))])
            ),
        ],
        Text = (task, outputs) => Cosine(outputs, task.MeasuredColumns.Count).ToString("F4", CultureInfo.InvariantCulture),
        Answer = (rows, row) => JsonSerializer.Serialize(
            new { text = rows.Texts[row].Texts[0], embedding = rows[row] },
            ReadableJson.Options
        ),
        AnswersRepeatLine = false,
        AnswerColumns = "JSON with its embedding",
        Architecture = _ => "ElectraModel",
        Pipeline = "sentence-similarity",
        HeadText = "the states of its tokens become one vector",
        Described = task =>
            $"embeddings ({KeyName.Of(task.Embedding!.Pooling)} pooling"
            + $"{(task.Embedding.Normalises ? ", normalised" : "")})",
    };

    /// <summary>Rows to measure on have no scores: each text is to find its partners among all texts.</summary>
    public static TaskKind OfRetrieval { get; } = OfScores with
    {
        Metrics = _ => RetrievalScores.Metrics,
        ReportedMetric = Metrics.Ndcg10,
        Measure = (rows, _) => RetrievalScores.Of(Retrieval.Of(rows)).Values,
        Report = rows => RetrievalScores.Of(Retrieval.Of(rows)).Table(),
        DevPredictions = sets => [(Tasks.DevPredictions.OfSeveralLabels, DevPredictions(sets))],
    };

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        bool isScored = file.HasLabels && (file.Split.Role == SplitRole.Train ? task.Embedding!.LearnsScores : task.Kind == OfScores);
        var scores = LabelReader.OfShares(task, file, score =>
            task.Range is null && task.Embedding!.Loss == TextLoss.Cosine && score is < -1 or > 1
                ? "no cosine can be: give the lowest and the highest score of the file, range: [0, 5]"
                : null);
        foreach (var row in isScored ? TaskRows.FromTable(task, file, leftOut, [file.Columns.Label], scores)
            : TaskRows.FromTable(task, file, leftOut, [], (_, _) => [1f]))
            yield return row with { Labels = [.. row.Texts.Select(_ => row.Labels[0])] };
    }

    private static TaskDefinition AsRegression(TaskDefinition task) => task with { Kind = Regression.Kind };

    /// <summary>The cosine of each pair as the value of a regression.</summary>
    private static TaskOutputs OfCosines(TaskOutputs rows) => new(
        AsRegression(rows.Task) with { Range = null },
        [.. Enumerable.Range(0, rows.Count).Select(row => Cosine(rows[row], rows.Ends[row] - (row == 0 ? 0 : rows.Ends[row - 1])))],
        [.. Enumerable.Range(0, rows.Count).Select(row => rows.LabelsAt(row)[0])],
        [.. Enumerable.Range(1, rows.Count)]
    );

    /// <summary>The cosine of the first two of some vectors; 0 where one of them is 0.</summary>
    private static float Cosine(ReadOnlySpan<float> vectors, int count)
    {
        int width = vectors.Length / count;
        double product = 0, first = 0, second = 0;
        for (int i = 0; i < width; i++)
        {
            double a = vectors[i], b = vectors[width + i];
            (product, first, second) = (product + (a * b), first + (a * a), second + (b * b));
        }
        return first == 0 || second == 0 ? 0 : (float)(product / Math.Sqrt(first * second));
    }

    /// <summary>Of each query the texts that were found first, and whether they are right.</summary>
    private static string DevPredictions(IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)> sets)
    {
        const int Shown = 5;
        var text = new StringBuilder();
        foreach (var (split, rows) in sets)
            foreach (var query in Retrieval.Of(rows))
                text.Append(JsonSerializer.Serialize(
                    new
                    {
                        split = split.Name,
                        query = query.Text,
                        found = query.Found.Take(Shown).Select(one => new { text = one.Text, right = one.IsRelevant, score = one.Score }),
                    },
                    ReadableJson.Options
                )).Append('\n');
        return text.ToString();
    }
}
