using System.Globalization;
using System.Text;
using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>
/// The right one of some choices: each stands after the text, as the second of a pair, and has a score. A row's texts are those of its
/// columns, then its choices; a choice has the label 1 where it is right, else 0.
/// </summary>
internal static class Choice
{
    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("choice")
    {
        Metrics = _ => [Metrics.Accuracy],
        ReportedMetric = Metrics.Accuracy,
        Read = Read,
        Row = Row,
        LineText = task => string.Join("<tab>", task.TextColumns) + "<tab>choice<tab>choice…",
        Encode = Encode,
        KeepsRowsWhole = true,
        Head = _ => TaskHead.OfChoices,
        Outputs = _ => 1,
        Loss = Loss,
        Weight = (_, labels) => labels.Count(label => label == 1),
        LabelsIn = (task, _) => Enumerable.Range(0, task.Labels.Count).ToHashSet(),
        Measure = (rows, _) => new Dictionary<string, double>
        {
            [Metrics.Accuracy] = Enumerable.Range(0, rows.Count).Average(row => Best(rows[row]) == Best(rows.LabelsAt(row)) ? 1 : 0),
        },
        DevPredictions = sets =>
        [
            (
                DevPredictions.OfSeveralLabels,
                Predictions(sets, (rows, row) => Name(rows.Task, Best(rows.LabelsAt(row))), (task, scores) => Name(task, Best(scores)))
            ),
        ],
        Text = (task, outputs) => Name(task, Best(outputs)),
        Answer = (rows, row) =>
            string.Create(CultureInfo.InvariantCulture, $"{Name(rows.Task, Best(rows[row]))}\t{Labels.Probability(rows[row]):F4}"),
        AnswerColumns = "choice<tab>probability",
        Architecture = _ => "ElectraForMultipleChoice",
        Pipeline = "multiple-choice",
        HeadText = "a dense layer with a GELU and one linear layer on the encoder's first token give each choice its score",
        Described = task => "choices" + (task.Labels.Count > 0 ? $" that files call {string.Join(", ", task.Labels)}" : ""),
    };

    /// <summary>The mean over rows of −log p of the right choice; smoothing gives a share to all choices of a row alike.</summary>
    private static Tensor Loss(TaskDefinition task, Tensor logits, Tensor labels, double smoothing)
    {
        var scores = logits.squeeze(-1);
        var loss = cross_entropy(scores, labels.argmax(1));
        if (smoothing == 0)
            return loss;
        var there = scores.isfinite();
        var even = log_softmax(scores, 1).masked_fill(there.logical_not(), 0).sum(1) / there.sum(1);
        return (loss * (1 - smoothing)) - (even.mean() * smoothing);
    }

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        foreach (var (place, texts, choices, label) in Values(task, file, leftOut))
        {
            int? right = label is null ? null : Number(task, label, choices.Length, $"{place}: {file.Columns.Label}");
            yield return new TaskRow(
                [.. texts, .. choices],
                [.. choices.Select((_, choice) => right is null ? float.NaN : choice == right ? 1f : 0f)]
            );
        }
    }

    /// <summary>The values of the rows of a table.</summary>
    internal static IEnumerable<ChoiceValues> Values(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var (texts, columns) = (file.Columns.Texts, file.Columns.Choices);
        var form = file.Form with { Lists = columns.Count == 1 };
        string[] asked = [.. texts, .. columns, .. file.HasLabels ? [file.Columns.Label] : Array.Empty<string>()];
        foreach (var (line, values) in TableFile.Read(file.Path, asked, form, _ => leftOut.TornLines++))
        {
            var place = $"{Paths.Shown(file.Path)}:{line}";
            string[] choices = columns.Count == 1
                ? JsonList.Texts(values[texts.Count], $"{place}: {columns[0]}")
                : WithoutLast(values[texts.Count..(texts.Count + columns.Count)]);
            Check(choices, place, Least(task));
            if (file.HasLabels && task.DropLabels.Contains(values[^1].Trim()))
                leftOut.DroppedLabels++;
            else
                yield return new ChoiceValues(place, values[..texts.Count], choices, file.HasLabels ? values[^1] : null);
        }
    }

    /// <summary>The fewest choices of a row: one that is asked about is a text, and may be alone.</summary>
    private static int Least(TaskDefinition task) => task.HasQuery ? 0 : 2;

    /// <summary>A row may have fewer choices than there are columns: the last ones are then empty.</summary>
    private static string[] WithoutLast(string[] choices) => choices[..(Array.FindLastIndex(choices, choice => choice.Trim() != "") + 1)];

    /// <exception cref="UserErrorException">There are too few choices, or one is empty.</exception>
    internal static void Check(string[] choices, string place, int least)
    {
        if (choices.Length < least)
            throw new UserErrorException($"{place} has {Plural.Of(choices.Length, "choice")}: two or more are expected");
        if (Array.FindIndex(choices, choice => choice.Trim() == "") is >= 0 and var empty)
            throw new UserErrorException($"{place}: choice {empty + 1} of {choices.Length} is empty");
    }

    /// <summary>The number of a choice from 0. Files say it by one of the task's labels, or else by a number from 0 or a letter from A.
    /// </summary>
    internal static int Number(TaskDefinition task, string text, int choices, string place)
    {
        text = text.Trim();
        int number = task.Labels.Count > 0 ? Array.IndexOf([.. task.Labels], text)
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsInteger(value)
                ? (int)Math.Clamp(value, -1, choices)
            : text is [var letter] && char.IsAsciiLetter(letter) ? char.ToUpperInvariant(letter) - 'A'
            : -1;
        if (number >= 0 && number < choices)
            return number;
        throw new UserErrorException(
            $"{place} is {(text == "" ? "empty" : $"\"{text}\"")}; the {choices} choices of the row are "
                + (
                    task.Labels.Count > 0
                        ? string.Join(", ", task.Labels.Take(choices))
                        : $"0 to {choices - 1}, or A to {(char)('A' + choices - 1)}. Other names are given by labels: [\"1\", \"2\"]"
                )
        );
    }

    private static TaskRow Row(TaskDefinition task, string line, string place)
    {
        var (_, texts, choices, _) = Values(task, line, place);
        return new TaskRow([.. texts, .. choices], [.. choices.Select(_ => float.NaN)]);
    }

    /// <summary>The values in a line of text.</summary>
    internal static ChoiceValues Values(TaskDefinition task, string line, string place)
    {
        string[] texts = line.Split('\t');
        if (texts.Length < task.TextColumns.Count + Least(task))
            throw new UserErrorException(
                $"{place}: {task.DisplayName} reads {string.Join(", ", task.TextColumns)} and "
                    + $"{(Least(task) > 0 ? "two choices or more" : "choices")}, separated by tabs; "
                    + $"the line has {Plural.Of(texts.Length, "text")}"
            );
        string[] choices = texts[task.TextColumns.Count..];
        Check(choices, place, Least(task));
        return new ChoiceValues(place, texts[..task.TextColumns.Count], choices, null);
    }

    /// <summary>
    /// Each choice as a pair with the first text; the second text, a question or the beginning of a sentence, stands before the choice
    /// (transformers, <c>run_swag.py</c>).
    /// </summary>
    private static void Encode(TaskDefinition task, TaskRow row, TaskEncoder encoder)
    {
        int texts = row.Texts.Count - row.Labels.Count;
        var beginning = texts > 1 ? $"{row.Texts[1]} " : "";
        encoder.AddTogether(row, [.. row.Texts.Skip(texts).Select(choice => new[] { row.Texts[0], beginning + choice })]);
    }

    /// <summary>The place of the largest, the first of equals.</summary>
    internal static int Best(float[] values) => Metrics.Classes(values, values.Length)[0];

    internal static string Name(TaskDefinition task, int choice) =>
        choice < task.Labels.Count ? task.Labels[choice] : choice.ToString(CultureInfo.InvariantCulture);

    /// <summary>What was predicted for development sets, a line of JSON for each row.</summary>
    /// <param name="sets">The sets.</param>
    /// <param name="truth">What is right of a row.</param>
    /// <param name="said">What outputs say.</param>
    internal static string Predictions(
        IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)> sets,
        Func<TaskOutputs, int, string> truth,
        Func<TaskDefinition, float[], string> said
    )
    {
        var text = new StringBuilder();
        foreach (var (split, rows) in sets)
            for (int row = 0; row < rows.Count; row++)
            {
                float[] scores = rows[row];
                double sum = scores.Sum(score => Math.Exp(score - scores.Max()));
                text.Append(JsonSerializer.Serialize(new
                {
                    split = split.Name,
                    row,
                    label = truth(rows, row),
                    predicted = said(rows.Task, scores),
                    probabilities = scores.Select(score => Math.Exp(score - scores.Max()) / sum),
                })).Append('\n');
            }
        return text.ToString();
    }
}

/// <summary>The values of a row with choices.</summary>
/// <param name="Place">Where it stands: file and line.</param>
/// <param name="Texts">The values of the columns of texts.</param>
/// <param name="Choices">The choices.</param>
/// <param name="Label">The label as it is written; null where there is none.</param>
internal readonly record struct ChoiceValues(string Place, string[] Texts, string[] Choices, string? Label);
