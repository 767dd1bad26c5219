using System.Globalization;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Running;

namespace Electra.Finetuning;

/// <summary>The model card of a fine-tuning run, filled from the run.</summary>
internal static class FinetuneCard
{
    /// <summary>The card of a finished run.</summary>
    /// <param name="result">What came of it.</param>
    /// <param name="task">The task.</param>
    /// <param name="config">The experiment.</param>
    public static ModelCard Of(FinetuneResult result, TaskDefinition task, FinetuneConfig config)
    {
        string[] metrics = [.. result.Scores.Keys];
        var training = config.Training;
        return new ModelCard(string.Create(CultureInfo.InvariantCulture, $"{result.Group}_{result.Task}_{result.Run}"))
            .With("pipeline_tag", task.Kind.Pipeline)
            .Tags("electra", result.Task)
            .Text(
                $"ELECTRA, fine-tuned on {task.DisplayName}: {task.Kind.HeadText}, "
                    + $"{task.Kind.Described(task)}."
            )
            .Section("Scores on the development set")
            .Table(["", .. metrics], [[Kept(result), .. metrics.Select(metric => Percent(result.Scores[metric]))]])
            .Section("Training")
            .Table(
                ("checkpoint", result.Checkpoint),
                ("parameters", result.Parameters?.ToString("N0", CultureInfo.InvariantCulture)),
                ("epochs", result.Epochs[^1].Shown),
                ("rows in an update", training.BatchSize),
                (
                    "learning rate",
                    $"{training.LearningRate.ToString("0.####e+0", CultureInfo.InvariantCulture)} at its highest, times "
                        + $"{training.LayerDecay.ToString(CultureInfo.InvariantCulture)} from layer to layer"
                ),
                ("precision", result.Precision),
                ("longest text", $"{config.Encoding.MaxLength} tokens"),
                ("seed", result.Seed),
                ("in one model with", config.Joint && config.Tasks.Count > 1 ? string.Join(", ", config.Tasks.Except([result.Task])) : null)
            )
            .Table(
                ["epoch", "training loss", .. metrics],
                result.Epochs.Select(
                    IReadOnlyList<string> (epoch) =>
                        [
                            epoch.Shown,
                            epoch.TrainLoss.ToString("F4", CultureInfo.InvariantCulture),
                            .. metrics.Select(metric => epoch.Scores.TryGetValue(metric, out var score) ? Percent(score) : ""),
                        ]
                )
            );
    }

    private static string Kept(FinetuneResult result) =>
        result.Choice is { } choice
            ? $"epoch {choice.BestEpoch.ToString("0.###", CultureInfo.InvariantCulture)}, the best of {choice.OutOf} evaluations by "
                + $"{choice.ChosenBy} on this set"
            : result.Protocol;

    private static string Percent(double score) => Metrics.Shown(score, "F2");
}
