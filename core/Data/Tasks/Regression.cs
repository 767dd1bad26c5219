using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>A number for a text, or for a pair.</summary>
internal static class Regression
{
    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("regression")
    {
        Metrics = _ => Metrics.ForValues,
        ReportedMetric = Metrics.Spearman,
        Read = TaskRows.WithOneLabel,
        Encode = (_, row, encoder) => encoder.Add(row),
        HasOneLabel = true,
        Outputs = _ => 1,
        Loss = (_, logits, labels, _) => mse_loss(logits.squeeze(-1), labels),
        Measure = Metrics.OfValues,
        DevPredictions = sets => [(DevPredictions.FileName, DevPredictions.Text(sets))],
        Text = (task, outputs) => Labels.Text(task, outputs),
        Answer = (rows, row) => Labels.Name(rows.Task, rows[row]),
        AnswerColumns = "value",
        Decode = (task, outputs) => new([], [("value", Labels.Value(task, outputs[0]))]),
        ProblemType = "regression",
        Activation = task => task.IsPair ? TaskKind.Identity : null, // without a word, one score is taken for a logit
        Described = _ => "a number",
    };
}
