using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Running;

namespace Electra.Finetuning;

/// <summary>How the runs of a configuration choose among their evaluations.</summary>
internal static class Choosing
{
    /// <summary>How runs of a task, or of several together, find their best evaluation; null where they keep the last.</summary>
    public static BestEvaluation? Of(FinetuneConfig config, IReadOnlyList<TaskDefinition> tasks) =>
        config.Keep(tasks[0].Name) == KeptWeights.Last
            ? null
            : new BestEvaluation(
                tasks.Count > 1 && config.Training.BestMetric != BestEvaluation.Loss ? JointScores.Mean
                : config.Training.BestMetric == "" ? tasks[0].ReportedMetric
                : config.Training.BestMetric,
                config.Training.MinDelta,
                config.Training.Patience
            );

    /// <summary>What a result says of it.</summary>
    public static FinetuneChoice? Described(BestEvaluation? best, IReadOnlyList<FinetuneEpoch> evaluations) =>
        best is null
            ? null
            : new FinetuneChoice(
                evaluations[best.Of(evaluations).Index].Epoch,
                best.Metric,
                "dev",
                evaluations.Count,
                best.HasWaitedInVain(evaluations)
            );

    /// <summary>What must be known to read the scores of runs.</summary>
    public static IEnumerable<string> Notes(IEnumerable<FinetuneJob> jobs)
    {
        var chosen = jobs.SelectMany(job => job.Tasks)
            .Where(task => FinetuneResult.IsIn(task.Folder))
            .Select(task => FinetuneResult.Load(task.Folder))
            .Select(result => (result.Task, result.Protocol, IsChosen: result.Choice is not null))
            .Distinct()
            .ToList();
        bool areAllLast = !chosen.Any(task => task.IsChosen);
        yield return $"Scores times 100{(areAllLast ? ", after the last epoch" : "")}; std with n − 1. "
            + "Runs whose score is undefined are left out.";
        if (areAllLast)
            yield break;
        foreach (var protocol in chosen.GroupBy(task => task.Protocol))
            yield return $"Weights and scores of {string.Join(", ", protocol.Select(task => task.Task))}: {protocol.Key}.";
        yield return "An evaluation that is chosen on the rows that are reported flatters its score. A labelled file to predict "
            + "(test_labels: true) has no part in the choice: predict.csx scores it.";
    }

    /// <summary>What is wrong between the keys of a configuration.</summary>
    public static IEnumerable<ConfigProblem> Problems(FinetuneConfig config)
    {
        var training = config.Training;
        string[] last = [.. config.Tasks.Where(task => config.Keep(task) == KeptWeights.Last)];
        if (last.Length > 0)
        {
            string keep =
                $"the runs of {string.Join(", ", last)} keep their last weights, as GLUE is published; training.keep=best keeps the best";
            if (training.Patience > 0)
                yield return new ConfigProblem("training.patience", $"waits for a better evaluation, and {keep}");
            if (training.MinDelta > 0)
                yield return new ConfigProblem("training.min_delta", $"is about the best evaluation, and {keep}");
            if (training.BestMetric != "")
                yield return new ConfigProblem("training.best_metric", $"finds the best evaluation, and {keep}");
        }
        if (last.Length == config.Tasks.Count || training.BestMetric is "" or BestEvaluation.Loss || config.Data.Problems().Any())
            yield break;
        var names = TaskSources.Names(config.Data);
        foreach (var task in config.Tasks.Where(names.Contains).Select(name => TaskSources.Define(name, config.Data)))
            if (Metrics(task) is var metrics && !metrics.Contains(training.BestMetric))
                yield return new ConfigProblem(
                    "training.best_metric",
                    $"cannot be {training.BestMetric}: {task.Name} is measured by {string.Join(", ", metrics)}, and by loss"
                );
    }

    /// <summary>The names of what is measured after each evaluation.</summary>
    private static IReadOnlyList<string> Metrics(TaskDefinition task) =>
        [
            .. from split in task.Splits.Where(split => split.Role == SplitRole.Dev)
            from metric in task.Metrics
            select metric + split.Suffix,
        ];
}
