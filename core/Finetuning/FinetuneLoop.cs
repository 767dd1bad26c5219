using System.Collections.Concurrent;
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
        console.Heading("Runs");
        int workers = compute.IsCuda ? 1 : config.Workers;
        if (workers < config.Workers)
            console.Warning(
                "runs side by side would share the random numbers of one CUDA device, so there is one worker. "
                    + "The same command started once more (compute.device=cuda:1) takes runs that no other process has."
            );
        FinetuneJob[] all = [.. FinetuneJob.All(config, start, run.Script)];
        FinetuneJob[] todo = [.. all.Where(job => !job.IsFinished(config))];
        if (todo.Length < all.Length)
            console.Line($"{all.Length - todo.Length} of {all.Length} runs are finished already.");

        var batch = new Batch(run, start, method, compute, workers, new(todo), todo.Sum(job => start.Updates(job.Data)));
        try
        {
            batch.Work();
        }
        catch (Exception) when (run.Stopping.IsCancellationRequested)
        {
            console.EndProgress();
            console.Line(
                $"Stopped as asked; what was in progress is saved. "
                    + $"The same command{(config.Resume == ResumeMode.Never ? " without resume=never" : "")} goes on from here."
            );
            throw;
        }
        Report(run, all);
        if (!batch.Failures.IsEmpty)
            throw new UserErrorException(batch.Failures.Count == 1 ? $"a run is not finished: {batch.Failures.First()}"
                : $"{batch.Failures.Count} runs are not finished:\n{string.Join('\n', batch.Failures.Select(failure => $"  {failure}"))}");
    }

    private static void Report(Run<FinetuneConfig> run, FinetuneJob[] jobs)
    {
        var (config, console) = (run.Config, run.Console);
        console.Heading("Results on the development sets");
        console.Table(["task", "metric", "runs", "mean", "std", "best"],
            from task in jobs.GroupBy(job => job.Data.Task)
            let results = task.Where(job => FinetuneResult.IsIn(job.Folder)).Select(job => FinetuneResult.Load(job.Folder)).ToList()
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
        console.Line("Scores times 100, after the last epoch; std with n − 1. Runs whose score is undefined are left out.");
        console.Heading("What next");
        console.Line(
            $"  predictions of the test sets   "
                + $"{ScriptCommand.Of("predict.csx", run.Arguments.Where(word => !word.StartsWith("resume=", StringComparison.Ordinal)))}"
        );
        console.Line($"  tables over the runs           {ScriptCommand.Of("stats.csx", config.Folder, $"group={config.Group}")}");
        console.Line(
            $"  what each run did              "
                + $"{Paths.Shown(FinetuneResult.Folder(config.Folder, config.Group, config.Tasks[0], config.Runs[0]))}: "
                + "metrics.jsonl, dev_predictions.tsv, config.yaml"
        );
    }

    /// <summary>Workers that take runs from one queue.</summary>
    private sealed class Batch(
        Run<FinetuneConfig> run,
        FinetuneStart start,
        FinetuneMethod method,
        Compute compute,
        int workers,
        ConcurrentQueue<FinetuneJob> queue,
        long updates
    )
    {
        private readonly CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(run.Stopping);
        private long updates = updates, done;

        /// <summary>Runs that ended in an error of their own.</summary>
        public ConcurrentQueue<string> Failures { get; } = [];

        /// <summary>Returns when the queue is empty.</summary>
        public void Work()
        {
            using (stopping)
            {
                // Threads of their own: each keeps its state in libtorch, the number of its threads among it.
                if (workers == 1)
                    TakeRuns();
                else
                    Task.WaitAll([
                        .. Enumerable
                            .Range(0, workers)
                            .Select(_ =>
                                Task.Factory.StartNew(
                                    TakeRuns,
                                    CancellationToken.None,
                                    TaskCreationOptions.LongRunning,
                                    TaskScheduler.Default
                                )
                            ),
                    ]);
            }
        }

        private void TakeRuns()
        {
            set_num_threads(compute.Threads);
            while (queue.TryDequeue(out var job))
                try
                {
                    Make(job);
                }
                catch (UserErrorException e)
                {
                    Failures.Enqueue(e.Message);
                    if (!queue.IsEmpty)
                        run.Console.Warning($"{e.Message} The other runs go on.");
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    stopping.Cancel();
                    throw;
                }
        }

        private void Make(FinetuneJob job)
        {
            stopping.Token.ThrowIfCancellationRequested();
            var (config, console) = (run.Config, run.Console);
            using var runLock = RunLock.TryTake(job.Folder, out var holder);
            if (runLock is null)
                console.Line($"{job.Name,-10}  is being made by {holder}");
            // Another process is at it, or may have finished it in the meantime.
            if (runLock is null || job.IsFinished(config))
            {
                Interlocked.Add(ref updates, -start.Updates(job.Data));
                return;
            }
            job.Prepare(config);
            using var training = new FinetuneRun(
                config,
                start,
                method,
                compute,
                job,
                new FinetuneObserver(
                    epoch =>
                        console.Line(
                            $"{job.Name,-10}  epoch {epoch.Epoch} of {start.Epochs(job.Data.Task)}  loss {epoch.TrainLoss:F4}  "
                                + $"{Scores(epoch.Scores)}"
                        ),
                    () =>
                        console.Report(
                            new ProgressReport("fine-tuning", Interlocked.Increment(ref done), Interlocked.Read(ref updates), "updates")
                        ),
                    console.Warning
                )
            );
            Experiment.WriteConfig(job.Folder, job.Alone(config), job.Script);
            Interlocked.Add(ref updates, -training.FirstStep);
            run.SavingTime = workers * training.SavingTime;
            var result = training.Train(stopping.Token);
            console.Line($"{job.Name,-10}  done: {Scores(result.Scores)}  (seed {result.Seed}, {result.Seconds:F0} s)");
            string[] undefined = [.. result.Scores.Where(score => !double.IsFinite(score.Value)).Select(score => score.Key)];
            if (undefined.Length > 0)
                console.Warning(
                    $"{job.Name}: {string.Join(" and ", undefined)} {(undefined.Length == 1 ? "is" : "are")} undefined: "
                        + DevPredictions.WhyUndefined(job.Folder)
                );
        }

        private static string Scores(IReadOnlyDictionary<string, double> scores) =>
            string.Join("  ", scores.Select(score => $"{score.Key} {Metrics.Shown(score.Value)}"));
    }
}
