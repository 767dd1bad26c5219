using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Finetuning.Prediction;

/// <summary>The runs that predict a task.</summary>
public sealed record ChosenRuns
{
    private ChosenRuns(TaskDefinition task, IReadOnlyList<FinetuneResult> runs, int finished, string root) =>
        (Task, Runs, Finished, Root) = (task with { Threshold = ThresholdOf(runs) }, runs, finished, root);

    /// <summary>The task.</summary>
    public TaskDefinition Task { get; }

    /// <summary>How many finished runs there were to choose from.</summary>
    public int Finished { get; }

    /// <summary>The folder of all runs.</summary>
    public string Root { get; }

    /// <summary>One; several whose outputs are averaged; none where the task has no finished run.</summary>
    internal IReadOnlyList<FinetuneResult> Runs { get; }

    /// <summary>Why results of the group were left out: damaged, or in a folder that is not their run's.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>Which they are: <c>3</c>, or <c>0, 3</c>.</summary>
    public string Numbers => string.Join(", ", Runs.Select(run => run.Run));

    /// <summary>
    /// Chooses the runs of a configuration: for each of its tasks, and for those that are predicted with the model of one.
    /// </summary>
    /// <exception cref="UserErrorException">The group has no finished run, or a run that is named does not exist or is not
    /// finished.</exception>
    public static IReadOnlyList<ChosenRuns> Choose(FinetuneConfig config)
    {
        var tasks = config.Tasks.Select(name => TaskSources.Define(name, config.Data)).ToList();
        var others = GlueTasks
            .All.Where(task => task.Model != task.Name && tasks.Any(model => model.Name == task.Model))
            .Select(task => TaskSources.Define(task.Name, config.Data));
        return config.Sweep.Count == 0
            ? Choose([.. tasks, .. others], config.Folder, config.Group, config.Predict.Runs)
            :
            [
                .. tasks
                    .Concat(others)
                    .SelectMany(task =>
                        Choose([task], config.Folder, FinetuneSweep.Winner(config, task.Model) ?? config.Group, config.Predict.Runs)
                    ),
            ];
    }

    /// <summary>Chooses, for each task, the run with the best dev metric, or those that are named.</summary>
    /// <param name="tasks">The tasks; one without training rows of its own is predicted with another's model.</param>
    /// <param name="root">The folder of all runs.</param>
    /// <param name="group">The group to choose from.</param>
    /// <param name="byHand">Runs by task, where not the best is wanted.</param>
    /// <exception cref="UserErrorException">The group has no finished run, or a run that is named does not exist or is not
    /// finished.</exception>
    public static IReadOnlyList<ChosenRuns> Choose(
        IEnumerable<TaskDefinition> tasks,
        string root,
        string group,
        IReadOnlyDictionary<string, IReadOnlyList<int>> byHand
    )
    {
        root = Paths.Find(root);
        var leftOut = new List<string>();
        var all = FinetuneResult.All(root, [group], leftOut.Add);
        if (all.Count == 0)
            throw NoRuns(root, group, leftOut);
        return
        [
            .. tasks.Select(task =>
            {
                var finished = all.Where(run => run.Task == task.Model).ToList();
                var numbers = byHand.GetValueOrDefault(task.Name) ?? byHand.GetValueOrDefault(task.Model) ?? [];
                return new ChosenRuns(
                    task,
                    numbers.Count > 0 ? ByHand(task, finished, root, group, numbers) : Best(task, finished),
                    finished.Count,
                    root
                )
                {
                    LeftOut = leftOut,
                };
            }),
        ];
    }

    /// <summary>Prints which runs predict which task.</summary>
    public static void Describe(IReadOnlyList<ChosenRuns> chosen, RunConsole console)
    {
        foreach (var why in chosen.SelectMany(task => task.LeftOut).Distinct())
            console.Warning($"left out: {why}");
        console.Table(["task", "run", "of", "metric", "dev", "checkpoint"], chosen.SelectMany(task => task.Runs.Select(run => new object?[]
        {
            task.Task.DisplayName, $"{run.Run}", $"{task.Finished}", run.Metric, Metrics.Shown(run.Score), run.Checkpoint,
        })));
    }

    /// <summary>The full path of a run's folder.</summary>
    internal string Folder(FinetuneResult run) => run.FolderIn(Root);

    /// <summary>Opens the model of one of the runs.</summary>
    /// <param name="run">Which one.</param>
    /// <param name="compute">Where to put it.</param>
    /// <exception cref="UserErrorException">Its files are damaged, or it learned other labels than the configuration gives the
    /// task.</exception>
    internal FinetunedModel Open(FinetuneResult run, Compute compute)
    {
        var model = FinetunedModel.Open(Folder(run), compute);
        var (learned, asked) = (Kind(model.Task), Kind(Task));
        if (learned == asked)
            return model;
        model.Dispose();
        throw new UserErrorException(
            $"{Paths.Shown(Folder(run))} learned {learned}, and {Task.Name} has {asked}: "
                + $"give {(TaskSources.IsBuiltIn(Task.Name) ? "data.contradiction_first" : $"data.own.{Task.Model}")} as it was, "
                + "or fine-tune again"
        );
    }

    /// <summary>
    /// The mean of the thresholds that runs have found; null where they have none. A run that scores best without any answer has −∞,
    /// which is no reason for the others to be silent: it counts only where all runs have it.
    /// </summary>
    internal static double? ThresholdOf(IReadOnlyList<FinetuneResult> runs) =>
        runs.Where(run => run.Threshold is { } found && double.IsFinite(found)).Average(run => run.Threshold)
        ?? runs.Select(run => run.Threshold).Min();

    /// <summary>The mean of what each of the runs puts out for the same rows.</summary>
    /// <param name="outputs">The outputs of each run, <c>[rows · outputs]</c>.</param>
    /// <exception cref="UserErrorException">One of them is not finite, or the outputs have no mean.</exception>
    internal float[] Mean(IReadOnlyList<float[]> outputs)
    {
        if (outputs.Count > 1 && Task.Kind.NoMean(Task) is { } why)
            throw new UserErrorException($"predict.runs: {Task.Name} is predicted with one run at a time: {why}");
        foreach (var (i, values) in outputs.Index())
            if (!Metrics.AreFinite(values))
                throw new UserErrorException(
                    $"the outputs of {Paths.Shown(Folder(Runs[i]))} are not finite: the run diverged. Choose another: "
                        + $"predict.runs={{{Task.Model}: …}}"
                );
        return outputs.Count == 1 ? outputs[0] : [.. Enumerable.Range(0, outputs[0].Length).Select(i => outputs.Average(run => run[i]))];
    }

    /// <summary>
    /// The best, the first of equals; a run whose metric is undefined (it predicts the same for all rows) is the last choice.
    /// </summary>
    private static FinetuneResult[] Best(TaskDefinition task, IReadOnlyList<FinetuneResult> finished) =>
        finished.MaxBy(run =>
            run.Scores.GetValueOrDefault(task.ReportedMetric, run.Score) is var score && double.IsNaN(score)
                ? double.NegativeInfinity
                : score
        )
            is { } best
            ? [best]
            : [];

    private static FinetuneResult[] ByHand(
        TaskDefinition task,
        IReadOnlyList<FinetuneResult> finished,
        string root,
        string group,
        IReadOnlyList<int> numbers
    ) =>
        [
            .. numbers.Select(number =>
                finished.FirstOrDefault(run => run.Run == number) ?? throw NotFinished(task, finished, root, group, number)
            ),
        ];

    /// <summary>What a model gives out, as far as the meaning of its outputs depends on it.</summary>
    private static string Kind(TaskDefinition task) =>
        $"{(task.IsPair ? "pairs of texts" : "single texts")} with "
            + task.Kind.Described(task);

    private static UserErrorException NotFinished(
        TaskDefinition task,
        IReadOnlyList<FinetuneResult> finished,
        string root,
        string group,
        int number
    )
    {
        var isThere = Directory.Exists(FinetuneResult.Folder(root, group, task.Model, number));
        return new UserErrorException(
            $"predict.runs: {task.Model}: "
                + (
                    isThere
                        ? $"run {number} of group {group} is not finished; scripts/finetune.csx resumes it"
                        : $"there is no run {number} in group {group}"
                )
                + $" (finished: {(finished.Count == 0 ? "none" : string.Join(", ", finished.Select(run => run.Run)))})"
        );
    }

    private static UserErrorException NoRuns(string root, string group, IReadOnlyList<string> leftOut)
    {
        if (leftOut.Count > 0)
            return new UserErrorException($"no result of group {group} can be read: {string.Join("; ", leftOut)}");
        var groups = FinetuneResult.All(root, leftOut: _ => { }).Select(run => run.Group).Distinct().ToList();
        return new UserErrorException(
            $"there is no finished run of group {group} in {Paths.Shown(root)}; "
                + (
                    groups.Count > 0
                        ? $"the groups there are {string.Join(", ", groups)}: group={groups[0]}"
                        : "scripts/finetune.csx makes runs"
                )
        );
    }
}
