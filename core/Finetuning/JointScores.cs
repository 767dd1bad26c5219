using Electra.Data.Tasks;
using Electra.Running;

namespace Electra.Finetuning;

/// <summary>
/// The scores of the tasks of one run: of one task, its own; of several, <c>rte/accuracy</c> and so on, after the mean of their main
/// scores.
/// </summary>
internal static class JointScores
{
    /// <summary>The mean over tasks of each one's main score, by which their best evaluation is found.</summary>
    public const string Mean = "mean";

    /// <summary>The scores of all tasks.</summary>
    /// <param name="tasks">Each with its own scores.</param>
    /// <param name="bestMetric">Which score is the main one, where it is not the reported one.</param>
    public static IReadOnlyDictionary<string, double> Of(
        IReadOnlyList<(TaskDefinition Task, Dictionary<string, double> Scores)> tasks,
        string bestMetric
    )
    {
        if (tasks is [var (_, only)])
            return only;
        string Main(TaskDefinition task) => bestMetric is "" or BestEvaluation.Loss ? task.ReportedMetric : bestMetric;
        var all = new Dictionary<string, double> { [Mean] = tasks.Average(one => one.Scores[Main(one.Task)]) };
        foreach (var (task, scores) in tasks)
            foreach (var (metric, score) in scores)
                all[Prefix(task) + metric] = score;
        return all;
    }

    /// <summary>What an evaluation of several tasks says of one.</summary>
    public static FinetuneEpoch OfTask(FinetuneEpoch epoch, TaskDefinition task) =>
        epoch with
        {
            Scores = epoch
                .Scores.Where(score => score.Key.StartsWith(Prefix(task), StringComparison.Ordinal))
                .ToDictionary(score => score.Key[Prefix(task).Length..], score => score.Value),
        };

    private static string Prefix(TaskDefinition task) => $"{task.Name}/";
}
