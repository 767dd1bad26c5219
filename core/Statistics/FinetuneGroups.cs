using Electra.Configuration;
using Electra.Running;

namespace Electra.Statistics;

/// <summary>Whether the fine-tuning runs of a group on a task are runs of one experiment.</summary>
internal static class FinetuneGroups
{
    /// <summary>
    /// Keys that runs of one experiment differ in: each has its own run and seed, and names its own pre-trained model. What a run kept is
    /// said by its result.
    /// </summary>
    private static readonly string[] OwnKeys = ["seed", "seeds", "runs", "tasks", "checkpoint", "training.keep"];

    /// <summary>Compares the runs of a group on a task.</summary>
    /// <typeparam name="T">Their configuration.</typeparam>
    /// <param name="runs">The results, with their folders.</param>
    /// <returns>Null where they are of one experiment; else a sentence that says how they differ.</returns>
    public static string? WhyNot<T>(IReadOnlyList<(FinetuneResult Result, string Folder)> runs)
        where T : class, IExperimentConfig<T>
    {
        var (group, task) = (runs[0].Result.Group, runs[0].Result.Task);
        string what = $"the runs of {group} on {TaskHeadings.Heading(task)}", own = $"data.own.{task}.";
        return OneExperiment.WhyNot<T>(
                what,
                runs.Select(run => new MadeRun(Path.GetFileName(run.Folder), RunSettings.Learned<T>(run.Folder))),
                // The tasks of one's own that a configuration names beside this one.
                key =>
                    OwnKeys.Contains(key)
                    || (key.StartsWith("data.own", StringComparison.Ordinal) && !key.StartsWith(own, StringComparison.Ordinal))
            )
            ?? Different(run => run.Rows, "were made with different rows: the task's files, or the way they are read, changed between")
            ?? Different(run => run.Protocol, "keep different evaluations:", run => run.Protocol)
            ?? Different(Model, "begin with models of different pre-trainings or milestones:");

        string? Different(Func<FinetuneResult, string?> of, string how, Func<FinetuneResult, string>? shown = null)
        {
            var known = runs.Where(run => of(run.Result) is not null).DistinctBy(run => of(run.Result)).Take(2).ToList();
            return known.Count < 2
                ? null
                : $"{what} {how} {string.Join(" and ", known.Select(run => Named(run, shown)))}. They count together where nothing but the "
                    + "seed differs: give one of them another group, or move it elsewhere";
        }

        static string Named((FinetuneResult Result, string Folder) run, Func<FinetuneResult, string>? shown) =>
            $"{Path.GetFileName(run.Folder)} ({shown?.Invoke(run.Result) ?? run.Result.Checkpoint})";
    }

    /// <summary>
    /// The name of the pre-trained model with a star for its seed: <c>demo_*_100</c>. Null of a model whose seed is not in its name.
    /// </summary>
    private static string? Model(FinetuneResult result)
    {
        var name = Path.GetFileName(result.Checkpoint.Replace('\\', '/').TrimEnd('/'));
        return result.PretrainSeed is { } seed && name.Contains($"_{seed}_", StringComparison.Ordinal)
            ? name.Replace($"_{seed}_", "_*_", StringComparison.Ordinal)
            : null;
    }
}
