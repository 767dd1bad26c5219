using Electra.Data.Tasks;
using Electra.Running;

namespace Electra.Tests.Kit;

/// <summary>Results of runs that never were, and tasks for them.</summary>
internal static class MadeRuns
{
    /// <summary>A built-in task.</summary>
    public static TaskDefinition Task(string name) => TaskSources.Define(name, new TaskSourceOptions());

    /// <summary>Outputs of a model beside the labels of its rows, one place a row.</summary>
    public static TaskOutputs Rows(TaskDefinition task, float[] outputs, float[] labels) =>
        new(task, outputs, labels, [.. Enumerable.Range(1, outputs.Length / task.Outputs)]);

    /// <summary>The result of a run.</summary>
    public static FinetuneResult Result(string task, int run, double score, string group = "small", string metric = "accuracy") => new()
    {
        Group = group,
        Task = task,
        Run = run,
        Seed = 100 + run,
        Checkpoint = "made",
        Metric = metric,
        Score = score,
        Scores = new Dictionary<string, double> { [metric] = score },
        Epochs = [],
        Seconds = 1,
    };

    /// <summary>Writes the result where the run's folder would be.</summary>
    public static void Save(string root, FinetuneResult result) =>
        result.Save(FinetuneResult.Folder(root, result.Group, result.Task, result.Run));
}
