using Electra.Files;
using Electra.Finetuning.Tasks;

namespace Electra.Finetuning.Prediction;

/// <summary>The runs that predict a task.</summary>
/// <param name="Task">The task.</param>
/// <param name="Runs">One, or several whose logits are averaged.</param>
/// <param name="Group">Their group.</param>
/// <param name="Root">The folder of all runs.</param>
public sealed record ChosenRuns(TaskDefinition Task, IReadOnlyList<FinetuneResult> Runs, string Group, string Root)
{
    /// <summary>The folders of the runs.</summary>
    public IEnumerable<string> Folders => Runs.Select(run => FinetuneResult.Folder(Root, Group, run.Task, run.Run));

    /// <summary>Chooses, for each task that has one, the run with the best dev metric, or those that are named.</summary>
    /// <param name="tasks">The tasks; one without training rows of its own is predicted with another's model.</param>
    /// <param name="root">The folder of all runs.</param>
    /// <param name="group">The group to choose from.</param>
    /// <param name="byHand">Runs by task, where not the best is wanted.</param>
    /// <exception cref="UserErrorException">The group has no finished run, or a run that is named does not exist or is not finished.</exception>
    public static IReadOnlyList<ChosenRuns> Choose(IEnumerable<TaskDefinition> tasks, string root, string group, IReadOnlyDictionary<string, IReadOnlyList<int>> byHand)
    {
        var all = FinetuneResult.All(root, group);
        if (all.Count == 0)
            throw NoRuns(root, group);
        return [.. tasks.Select(task => new ChosenRuns(task, Of(task, all, root, group, byHand), group, root)).Where(chosen => chosen.Runs.Count > 0)];
    }

    private static IReadOnlyList<FinetuneResult> Of(TaskDefinition task, IReadOnlyList<FinetuneResult> all, string root, string group, IReadOnlyDictionary<string, IReadOnlyList<int>> byHand)
    {
        if ((byHand.GetValueOrDefault(task.Name) ?? byHand.GetValueOrDefault(task.Model)) is { Count: > 0 } numbers)
            return [.. numbers.Select(number => all.FirstOrDefault(run => run.Task == task.Model && run.Run == number) ?? throw NotFinished(task, all, root, group, number))];
        // A run whose metric is not defined (it predicts the same for all rows) is the last choice.
        var best = all.Where(run => run.Task == task.Model).MaxBy(run => double.IsNaN(run.Score) ? double.NegativeInfinity : run.Score);
        return best is null ? [] : [best];
    }

    private static UserErrorException NotFinished(TaskDefinition task, IReadOnlyList<FinetuneResult> all, string root, string group, int number)
    {
        var folder = FinetuneResult.Folder(root, group, task.Model, number);
        var finished = all.Where(run => run.Task == task.Model).Select(run => run.Run).ToList();
        return new UserErrorException(
            $"predict.runs: {task.Model}: {(Directory.Exists(folder) ? $"run {number} of group {group} is not finished; scripts/finetune.csx goes on with it" : $"there is no run {number} in group {group}")}" +
            $" (finished: {(finished.Count == 0 ? "none" : string.Join(", ", finished))})");
    }

    private static UserErrorException NoRuns(string root, string group)
    {
        var groups = FinetuneResult.All(root).Select(run => run.Group).Distinct().ToList();
        return new UserErrorException($"there is no finished run of group {group} in {ProjectPath.Shown(ProjectPath.Find(root))}; " +
            (groups.Count > 0 ? $"the groups there are {string.Join(", ", groups)}: group={groups[0]}" : "scripts/finetune.csx makes runs"));
    }
}
