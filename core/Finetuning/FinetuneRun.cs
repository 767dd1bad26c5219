using System.Diagnostics;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>
/// One run of a task, or of several with one encoder: it trains, measures after every epoch or within it, and leaves in the folder of each
/// task all there is to know.
/// </summary>
internal sealed class FinetuneRun : IDisposable
{
    /// <summary>Updates in a row that may be skipped because they are not finite.</summary>
    private const int MostNotFinite = 10;

    private readonly FinetuneConfig config;
    private readonly FinetuneStart start;
    private readonly FinetuneJob job;
    private readonly FinetuneObserver observer;
    private readonly TaskMixture mixture;
    private readonly long all;
    private readonly RandomKey key;

    private readonly ElectraClassifier model;
    private readonly IReadOnlyList<FinetunePart> parts;
    private readonly Adam optimizer;
    private readonly TrainingStep step;
    private readonly DivergenceGuard divergence;
    private readonly Prefetcher<IReadOnlyList<Func<Tensor[]>>> ahead;
    private readonly UpdateLog updates;
    private readonly Func<long, StepRates> schedule;
    private readonly StateKeeper<FinetunePosition> states;
    private readonly BestEvaluation? best;
    private readonly BestWeights? bestWeights;
    private readonly MetricsLog metrics;
    private readonly FinetunePosition position;
    private readonly List<FinetuneEpoch> epochs;
    private readonly double epochsLogged;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan savedAt;

    /// <summary>Brings a run to its beginning, or to where it stopped.</summary>
    /// <param name="config">The experiment.</param>
    /// <param name="start">Checkpoint and data.</param>
    /// <param name="method">How to learn.</param>
    /// <param name="compute">Device, precision, threads.</param>
    /// <param name="job">Which run.</param>
    /// <param name="observer">Who follows it.</param>
    /// <exception cref="UserErrorException">The checkpoint cannot be read, or the folder holds another experiment's run.</exception>
    public FinetuneRun(
        FinetuneConfig config,
        FinetuneStart start,
        FinetuneMethod method,
        Compute compute,
        FinetuneJob job,
        FinetuneObserver observer
    )
    {
        (this.config, this.start, this.job, this.observer) = (config, start, job, observer);
        (mixture, all) = (FinetuneStart.Mixture(config, job), FinetuneStart.Updates(config, job));
        // Everything random is a function of the seed and the step: a state needs no generators in it.
        key = RandomKey.FromSeed(job.Seed)[1];
        try
        {
            var models = start.Create(job.Model, [.. job.Tasks.Select(task => task.Data.Task)], job.Seed, compute);
            model = models[0];
            parts = [.. job.Tasks.Zip(models, (task, own) => new FinetunePart(config, method, task, own, job.Seed))];
            model.Store.Recomputes = config.Training.Recompute;
            optimizer = new Adam(model.Store, config.Optimizer, parameter => method.Rate(model, parameter));
            step = new TrainingStep(model.Store, optimizer, losses: 1);
            ahead = new(Passes, end: all);
            schedule = method.Schedule(all);
            best = Choosing.Of(config, [.. parts.Select(part => part.Task)]);
            bestWeights = best is null ? null : new BestWeights(model.Store);
            states = new StateKeeper<FinetunePosition>(
                job.Identity(config),
                model.Store,
                () => bestWeights is null ? optimizer.State() : optimizer.State().Append(bestWeights.State),
                keep: 1
            )
            {
                BeginsAnew = true,
            };
            position = states.Resume(observer.Warn)?.Position ?? FinetunePosition.Start;
            epochs = [.. position.Epochs];
            divergence = new DivergenceGuard(MostNotFinite, compute.Precision, position.NotFiniteInARow, Advice);
            updates = new UpdateLog(step, divergence, position.Losses);
            metrics = MetricsLog.Open(job.Folder, position.Step > 0 ? position.Step : null);
            // A signal may have come between an epoch's last update and its scores, and a kill after these: they are in the log then.
            epochsLogged = MetricsLog.Read(job.Folder).Select(row => row.Values.GetValueOrDefault("epoch")).Append(0).Max();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Updates that were done before this process began.</summary>
    public long FirstStep => position.Step;

    private string Advice => $"A lower training.learning_rate ({config.Training.LearningRate}) usually helps.";

    private double Seconds => position.Seconds + clock.Elapsed.TotalSeconds;

    /// <summary>How long saving a state may take.</summary>
    public TimeSpan SavingTime => states.SavingTime;

    /// <summary>Trains to the end, and saves the result of each task.</summary>
    /// <param name="cancellation">Saves where the run stands, and stops.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="UserErrorException">Training diverged.</exception>
    public IReadOnlyList<FinetuneResult> Train(CancellationToken cancellation)
    {
        var trainer = new Trainer
        {
            Step = step,
            Ends = at => at == all,
            Schedule = schedule,
            Update = k => [new UpdateStep(ahead.Take(k))],
            Updated = Updated,
            EvaluatesAt = at => at > MeasuredAt && config.Training.EvaluateEvery.IsDue(at, mixture.EpochUpdates),
            Evaluate = at => Evaluate(at, cancellation),
            EndsEarly = () => best?.HasWaitedInVain(epochs) ?? false,
            Save = Save,
        };
        try
        {
            var memory = FinetuneMemory.Of(
                config.Training,
                model.Config,
                model.Store,
                job.Tasks.Select(task => task.Data.Train.Examples),
                keepsBest: bestWeights is not null
            );
            var (_, isComplete) = memory.Watch(
                TrainingMemory.DeviceOf(model.Store.Compute),
                observer.Warn,
                () => trainer.Train(position.Step, cancellation)
            );
            if (!isComplete)
                cancellation.ThrowIfCancellationRequested();
        }
        catch (UserErrorException e)
        {
            var names = string.Join(" and ", parts.Select(part => part.Task.DisplayName));
            throw new UserErrorException($"{names}, run {job.Run}: {e.Message}", e);
        }
        return Finish();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ahead?.Dispose();
        metrics?.Dispose();
        step?.Dispose();
        optimizer?.Dispose();
        bestWeights?.Dispose();
        model?.Dispose();
    }

    private long MeasuredAt => epochs.Count == 0 ? 0 : (long)Math.Round(epochs[^1].Epoch * mixture.EpochUpdates);

    private bool IsComplete => MeasuredAt == all || (best?.HasWaitedInVain(epochs) ?? false);

    private IReadOnlyList<Func<Tensor[]>> Passes(long k)
    {
        var (task, batch) = mixture[k];
        return parts[task].Passes(batch, key[k]);
    }

    private void Updated(long at, bool ends)
    {
        bool logs = at % config.Logging.Every == 0;
        if (logs || step.IsFull)
            updates.Read();
        if (logs)
            metrics.Write(at, ("loss", updates.Last!.Loss), ("learning_rate", schedule(at - 1).LearningRate));
        observer.Updated();
    }

    private void Evaluate(long at, CancellationToken cancellation)
    {
        float[][][] measured = [.. parts.Select(part => part.Outputs(cancellation))];
        var epoch = new FinetuneEpoch((double)at / mixture.EpochUpdates, double.NaN, new Dictionary<string, double>());
        float[] outputs = [.. measured.SelectMany(task => task).SelectMany(values => values)];
        int notFinite = outputs.Count(value => !float.IsFinite(value));
        if (notFinite > 0)
            throw new UserErrorException(
                $"training diverged: after epoch {epoch.Shown}, {notFinite:N0} of {outputs.Length:N0} outputs on "
                    + $"the dev set are not finite. {Advice}"
            );
        bool isByLoss = best?.Metric == BestEvaluation.Loss;
        double? devLoss = isByLoss ? parts.Average(part => part.Loss(cancellation)) : null;
        var sums = updates.Take();
        if (sums.WithLosses == 0)
            throw new UserErrorException($"training diverged: no loss of epoch {epoch.Shown} is finite. {Advice}");
        if (sums.NotFinite > 0)
            observer.Warn(
                $"{job.Name}, epoch {epoch.Shown}: {sums.NotFinite} of {at - MeasuredAt} updates were skipped: "
                    + $"{optimizer.WhyNotFinite(sums.WithLosses > sums.WithNorm)}"
            );
        var scores = JointScores.Of([.. parts.Zip(measured, (part, own) => (part.Task, part.Scores(own)))], config.Training.BestMetric);
        epoch = epoch with { TrainLoss = sums.MeanLoss(), Scores = scores, DevLoss = devLoss };
        epochs.Add(epoch);
        if (best is null || best.Of(epochs).Since == 0)
        {
            foreach (var (part, own) in parts.Zip(measured))
                part.Keep(own);
            bestWeights?.Take();
        }
        if (epoch.Epoch > epochsLogged)
            metrics.Write(at, epoch.Logged);
        observer.Epoch(epoch);
    }

    /// <summary>Where the run stops, and now and then; a run that is finished leaves its result instead.</summary>
    private void Save(long at, bool ends)
    {
        bool isDue = config.SaveMinutes > 0 && clock.Elapsed - savedAt > TimeSpan.FromMinutes(config.SaveMinutes);
        if (IsComplete || !(ends || isDue))
            return;
        metrics.FlushToDisk();
        states.Save(at, new FinetunePosition(at, Seconds, updates.Read(), divergence.InARow, epochs));
        savedAt = clock.Elapsed;
    }

    /// <summary>Saves all that the run leaves, task by task.</summary>
    private IReadOnlyList<FinetuneResult> Finish()
    {
        bestWeights?.Restore();
        metrics.FlushToDisk();
        FinetuneResult[] results = [.. parts.Select(part => part.Save(Result(part.Task), start.Tokenizer))];
        states.Clear();
        return results;
    }

    private FinetuneResult Result(TaskDefinition task)
    {
        FinetuneEpoch[] own = parts.Count == 1 ? [.. epochs] : [.. epochs.Select(epoch => JointScores.OfTask(epoch, task))];
        var kept = best is null ? own[^1] : own[best.Of(epochs).Index];
        return new FinetuneResult
        {
            Group = config.Group,
            Task = task.Name,
            Run = job.Run,
            Seed = job.Seed,
            PretrainSeed = config.FromScratch ? null : job.Model.PretrainSeed,
            Model = job.Model.Label,
            Rows = job.Rows,
            Checkpoint = config.FromScratch ? "random" : job.Model.Source,
            Metric = task.ReportedMetric,
            Score = kept.Scores[task.ReportedMetric],
            Scores = kept.Scores,
            Epochs = own,
            Choice = Choosing.Described(best, epochs),
            Swept = config.Swept,
            Precision = model.Store.Compute.PrecisionName,
            Seconds = Seconds,
        };
    }
}
