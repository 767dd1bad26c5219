using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;
using MathNet.Numerics.Statistics;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>All runs of a configuration, one after the other or side by side. A run that is finished is never made again.</summary>
public static class FinetuneLoop
{
    /// <summary>Makes the runs that are not there yet.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="start">Checkpoint and data.</param>
    /// <param name="method">How to learn.</param>
    /// <param name="compute">Device, precision, and the threads of each worker.</param>
    /// <exception cref="UserErrorException">Runs failed; the others are made all the same.</exception>
    /// <exception cref="OperationCanceledException">It was stopped: what was in progress is saved, and the same command goes
    /// on.</exception>
    public static void Train(Run<FinetuneConfig> run, FinetuneStart start, FinetuneMethod method, Compute compute)
    {
        var (config, console) = (run.Config, run.Console);
        FinetuneJob[] all = [.. FinetuneJob.All(config, start, run.Script)];
        if (run.Progress is { } progress) // one of many, whose queue is another's
        {
            var one = all.Single(job => job.Folder == progress.Folder);
            Make(run, start, method, compute, one, progress, compute.IsCuda ? 1 : config.Workers);
            return;
        }
        console.Heading("Runs");
        int workers = Workers(config, compute, console);
        var queue = new RunQueue(console, "fine-tuning", workers, run.Stopping)
        {
            PrepareWorker = () => set_num_threads(compute.Threads),
            HowToGoOn = HowToGoOn(config),
            Launcher = RunRanks.Spreading(config.Compute),
            MakesOver = config.Resume == ResumeMode.Never,
        };
        var failures = queue.Work([
            .. all.Select(job => new QueuedRun(
                job.Name,
                job.Folder,
                FinetuneStart.Updates(config, job),
                () => job.IsFinished(config),
                progress => Make(run, start, method, compute, job, progress, workers)
            )),
        ]);
        Report(run, all);
        RunQueue.Require(failures, queue.Launcher);
    }

    /// <summary>Runs at the same time.</summary>
    internal static int Workers(FinetuneConfig config, Compute compute, RunConsole console)
    {
        int workers = compute.IsCuda ? 1 : config.Workers;
        if (workers < config.Workers)
            console.Warning(
                "runs side by side would share the random numbers of one CUDA device, so there is one worker. "
                    + "The same command started once more (compute.device=cuda:1) takes runs that no other process has."
            );
        return workers;
    }

    /// <summary>What is said where runs are stopped.</summary>
    internal static string HowToGoOn(FinetuneConfig config) =>
        $"The same command{(config.Resume == ResumeMode.Never ? " without resume=never" : "")} resumes from here.";

    private static void Make(
        Run<FinetuneConfig> run,
        FinetuneStart start,
        FinetuneMethod method,
        Compute compute,
        FinetuneJob job,
        QueueProgress progress,
        int workers
    )
    {
        var (config, console) = (run.Config, run.Console);
        job.Prepare(config);
        using var training = new FinetuneRun(
            config,
            start,
            method,
            compute,
            job,
            new FinetuneObserver(
                epoch =>
                    console.Milestone(
                        $"{job.Name,-10}  epoch {epoch.Shown} of {start.Epochs(job.Tasks[0].Data.Task)}  loss {epoch.TrainLoss:F4}  "
                            + $"{Scores(epoch.Scores)}"
                    ),
                progress.Update,
                console.RunWarning
            )
        );
        foreach (var task in job.Tasks)
            Experiment.WriteConfig(task.Folder, job.Alone(config), job.Script);
        progress.Begin(training.FirstStep);
        run.SavingTime = workers * training.SavingTime;
        foreach (var (task, result) in job.Tasks.Zip(training.Train(progress.Stopping)))
        {
            var name = (job with { Tasks = [task] }).Name;
            console.Milestone($"{name,-10}  done: {Scores(result.Scores)}  (seed {result.Seed}, {result.Seconds:F0} s)");
            string[] undefined = [.. result.Scores.Where(score => !double.IsFinite(score.Value)).Select(score => score.Key)];
            if (undefined.Length > 0)
                console.RunWarning(
                    $"{name}: {string.Join(" and ", undefined)} {(undefined.Length == 1 ? "is" : "are")} undefined: "
                        + DevPredictions.WhyUndefined(task.Folder)
                );
        }
    }

    private static string Scores(IReadOnlyDictionary<string, double> scores) =>
        string.Join("  ", scores.Select(score => $"{score.Key} {Metrics.Shown(score.Value)}"));

    private static void Report(Run<FinetuneConfig> run, FinetuneJob[] jobs)
    {
        var (config, console) = (run.Config, run.Console);
        console.Heading("Results on the development sets");
        console.Table(["task", "metric", "runs", "mean", "std", "best"],
            from task in jobs.SelectMany(job => job.Tasks).GroupBy(task => task.Data.Task, task => task.Folder)
            let results = task.Where(FinetuneResult.IsIn).Select(FinetuneResult.Load).ToList()
            from metric in results.Count == 0 ? [] : results[0].Scores.Keys
            let scores = results.Select(result => result.Scores.GetValueOrDefault(metric, double.NaN)).Where(double.IsFinite).ToList()
            select new object?[]
            {
                task.Key.DisplayName,
                metric,
                scores.Count == results.Count ? $"{results.Count}" : $"{scores.Count} of {results.Count}",
                scores.Count > 0 ? Metrics.Shown(scores.Mean()) : "undefined",
                scores.Count > 1 ? Metrics.Shown(scores.StandardDeviation()) : "",
                scores.Count > 0 ? Metrics.Shown(scores.Max()) : "",
            }
        );
        foreach (var line in Choosing.Notes(jobs))
            console.Line(line);
        if (jobs.Select(job => job.Model).Distinct().Count() is > 1 and var models)
            console.Line(
                $"The runs begin with {models} models: stats.csx says how much of the spread is between models, and how much between runs."
            );
        console.Heading("What next");
        console.Line(
            $"  predictions of the test sets   "
                + $"{ScriptCommand.Of("predict.csx", run.Arguments.Where(word => !word.StartsWith("resume=", StringComparison.Ordinal)))}"
        );
        console.Line($"  tables over the runs           {ScriptCommand.Of("stats.csx", config.Folder, $"group={config.Group}")}");
        console.Line(
            $"  what each run did              "
                + $"{Paths.Shown(jobs[0].Folder)}: "
                + "metrics.jsonl, dev_predictions, dev_report.md, config.yaml"
        );
    }
}
