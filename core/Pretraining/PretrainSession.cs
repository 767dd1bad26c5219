using System.Diagnostics;
using Electra.Distributed;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>A run of pre-training in this process: the parts of its loop.</summary>
internal sealed class PretrainSession : IDisposable
{
    /// <summary>Between two drawings of the curves: where states are saved every few steps, drawing would take longer than
    /// training.</summary>
    private static readonly TimeSpan DrawingPause = TimeSpan.FromSeconds(30);

    private readonly Run<PretrainConfig> run;
    private readonly PretrainConfig config;
    private readonly RunConsole console;
    private readonly ICommunicator ranks;
    private readonly PretrainData data;
    private readonly Objective objective;
    private readonly Func<IEnumerable<(string Name, double Value)>>? ownMetrics;

    private readonly RunLength length;
    private readonly ComputeAccount compute;
    private readonly WeightAverages averages;
    private readonly RandomKey trainingKey;
    private readonly IReadOnlyList<Adam> optimizers;
    private readonly IReadOnlyList<OutlierGuard> outliers;
    private readonly DivergenceGuard divergence;
    private readonly TrainingStep step;
    private readonly UpdateLog updates;
    private readonly PretrainCheckpoints checkpoints;
    private readonly PretrainPosition start;
    private MetricsLog? metrics;
    private readonly MeasuredSteps measured;
    private readonly Prefetcher<PreparedUpdate> ahead;

    private readonly Stopwatch clock = new();
    private IReadOnlyDictionary<string, double>? first;
    private IHeldOutScores? latest;
    private TimeSpan loggedAt, drawnAt;
    private long loggedStep, loggedTokens, tokens;

    /// <summary>Brings a run to its beginning, or to where it stopped.</summary>
    public PretrainSession(
        Run<PretrainConfig> run,
        PretrainData data,
        Objective objective,
        Func<long, StepRates> schedule,
        Func<IEnumerable<(string Name, double Value)>>? ownMetrics
    )
    {
        (this.run, this.data, this.objective, this.ownMetrics) = (run, data, objective, ownMetrics);
        (config, console, ranks) = (run.Config, run.Console, run.Ranks);
        var training = config.Training;
        // Everything random is a function of the seed and the step: a state needs no generators in it.
        trainingKey = RandomKey.FromSeed(config.Seed)[0];
        var store = objective.Store;
        store.Recomputes = training.Recompute;
        optimizers = Optimizers(objective, config.Optimizer);
        outliers = training.SkipSigmas > 0 ? [.. optimizers.Select(_ => new OutlierGuard(training.SkipSigmas, store.Compute))] : [];
        step = new TrainingStep(store, optimizers, objective.LossNames.Count) { Guards = outliers, Ranks = ranks };
        averages = new WeightAverages(training.Averages, store);
        checkpoints = new PretrainCheckpoints(run, data, objective, optimizers, averages, outliers);
        start = checkpoints.Resume();
        (first, loggedStep, data.Branch) = (start.First, start.Step, start.Branch);
        tokens = start.Tokens ?? data.TokensBefore(config, start.Step);
        length = new RunLength(config, start, schedule) { Ranks = ranks };
        compute = new ComputeAccount(config, objective, start.Branch);
        ahead = new(k => PreparedUpdate.Of(k, config, data, objective, trainingKey[k], ranks), end: length.Steps);
        bool writes = !config.DryRun && ranks.Rank == 0;
        ranks.First(() =>
        {
            foreach (var percent in length.Milestones)
                AtomicFolder.Check(PretrainCheckpoints.ModelFolder(config, percent));
            metrics = writes ? run.OpenMetrics(start.Step > (start.Branch?.Step ?? 0) ? start.Step : null) : null;
        });
        measured = new MeasuredSteps(
            ranks.OfFirst(() => writes ? MetricsLog.Read(run.Folder).Where(MeasuredSteps.IsMeasurement).ToList() : [])
        );
        var skipped = !writes
            ? null
            : new SkippedUpdates(run.PathOf(SkippedUpdates.FileName), start.Step, update => data.TrainingExamples(config, update));
        divergence = new DivergenceGuard(
            training.MaxBadSteps,
            store.Compute.Precision,
            start.NotFiniteInARow,
            $"{(config.DryRun ? "" : $"{SkippedUpdates.FileName} in {Paths.Shown(run.Folder)} names their examples. ")}A lower "
                + $"training.learning_rate ({training.LearningRate}) or a longer warm-up ({training.Warmup}) usually helps."
        );
        updates = new UpdateLog(step, divergence, start.Unlogged, update =>
            skipped?.Write(update.Update, update.IsFinite, update.Loss, update.GradientNorm));
    }

    /// <summary>Trains, and says how it ended.</summary>
    public IHeldOutScores Train()
    {
        if (RunLength.IsReached(config, start) && !config.DryRun)
            console.Line(
                $"This run is complete: {start.Step:N0} steps. "
                    + "Change the name or the seed for another one, or start it over with resume=never."
            );
        console.Heading("Training");
        if (length.Notice is { } notice)
            console.Line(notice);
        var trainer = new Trainer
        {
            Step = step,
            Ends = length.Ends,
            Schedule = length.Rates,
            Update = Update,
            Updated = Updated,
            EvaluatesAt = at => IsMeasured(at) && !(at == start.Step && (measured.Contains(at) || (at == 0 && first is not null))),
            Evaluate = Evaluate,
            Save = Save,
            IsOutOfTime = () => config.Training.MaxMinutes > 0 && ranks.Any(Seconds > config.Training.MaxMinutes * 60),
            IsStopping = run.IsStopping,
        };
        clock.Start();
        run.Progress?.Begin(start.Step);
        var memory = PretrainMemory.Of(config, data.Tokenizer.Vocabulary.Count, objective.Store, ranks.WorldSize);
        var device = TrainingMemory.DeviceOf(objective.Store.Compute);
        var (end, isComplete) = memory.Watch(device, console.Warning, () => trainer.Train(start.Step, run.Stopping));
        if (!isComplete)
            StopNotice.Tell(run, end, length, checkpoints.StatesFolder);
        else if (config.DryRun)
            console.Line("Dry run: everything fits together. Nothing was saved.");
        else
        {
            latest ??= Measure(end);
            ranks.First(() => Finish(latest));
        }
        return latest ?? Measure(end);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics?.Dispose();
        foreach (IDisposable part in (IDisposable[])[ahead, step, averages, .. outliers, .. optimizers])
            part.Dispose();
    }

    /// <summary>An optimizer for each step of an update; the first keeps the moments of all parameters.</summary>
    private static List<Adam> Optimizers(Objective objective, AdamOptions options)
    {
        var made = new List<Adam>();
        foreach (var trains in objective.Trained)
            made.Add(new Adam(objective.Store, options, p => trains(p) ? objective.Rate(p) : 0, made.FirstOrDefault()));
        return made;
    }

    private double Seconds => start.Seconds + clock.Elapsed.TotalSeconds;

    private IReadOnlyList<UpdateStep> Update(long k)
    {
        var prepared = ahead.Take(k);
        long read = (long)ranks.Sum(prepared.Tokens)[0];
        (loggedTokens, tokens) = (loggedTokens + read, tokens + read);
        // A function of the step alone, whether the run was stopped here or not.
        if (IsMeasured(k))
            objective.Measured();
        return prepared.Steps();
    }

    /// <summary>Held-out text is measured at the start and the end, at milestones, and now and then.</summary>
    private bool IsMeasured(long at) =>
        length.IsMarked(at) || (config.Evaluation.Every > 0 && at % config.Evaluation.Every == 0);

    private IHeldOutScores Measure(long at, string weights = "")
    {
        var scores = objective.Measure(data.HeldOutBatches(config), Measurers.Of(run));
        console.Milestone($"step {at,9:N0}  held-out{weights}: {scores.Line}");
        return scores;
    }

    private void Evaluate(long at)
    {
        latest = Measure(at);
        var figures = latest.Figures.ToDictionary();
        first ??= figures;
        bool wasAbove = measured.Rise is not null;
        if (measured.Add(at, name => figures.GetValueOrDefault(name, double.NaN)) && !config.DryRun)
        {
            var ofAverages = averages.Figures(which => Measure(at, $", {which}").Figures);
            metrics?.Write(
                at,
                latest
                    .Figures.Concat(ofAverages)
                    .Concat(ownMetrics?.Invoke() ?? [])
                    .Select(figure => (Curves.HeldOut + figure.Name, figure.Value))
            );
        }
        if (measured.Rise is not null && !wasAbove)
            console.Milestone($"step {at,9:N0}  the discriminator has risen above what the token alone tells: it uses context");
    }

    /// <summary>Leaves the result, which says that the run is finished, and tells of it.</summary>
    private void Finish(IHeldOutScores last)
    {
        long steps = length.Steps;
        var progress = Progress(steps);
        var figures = last.Figures.ToDictionary();
        var rise = MeasuredSteps.IsAbove(name => figures.GetValueOrDefault(name, double.NaN)) ? measured.Rise ?? steps : (long?)null;
        checkpoints.SaveResult(
            new PretrainResult
            {
                Name = config.Name,
                Seed = config.Seed,
                Updates = steps,
                Scores = last.Figures.UnionBy(Curves.HeldOutAt(run.Folder, steps), figure => figure.Name).ToDictionary(),
                Rise = rise,
                MeasuredWith = config.MeasuredWith,
                Precision = objective.Store.Compute.PrecisionName,
                Seconds = Seconds,
                Flops = progress.Spent.Flops,
                ParameterFlops = progress.Spent.ParameterFlops,
            }
        );
        PretrainSummary.Print(run, data, objective, first!, last, rise, progress);
    }

    private PretrainProgress Progress(long at) => new(at, length.Share, compute.Until(at, tokens), start.Branch);

    private void Updated(long at, bool ends)
    {
        averages.Update(at);
        console.ReportLive(length.Report(at));
        run.Progress?.Update();
        if (length.HasBudget)
            metrics?.Write(at, length.Figures);
        bool isDue = at % config.Logging.Every == 0 || at == length.Steps;
        if (isDue || ends)
            Log(at, isDue);
        else if (step.IsFull)
            updates.Read();
    }

    /// <summary>A line out of turn, at a stop, is not kept: the log of a run that was stopped is that of one that was not.</summary>
    private void Log(long at, bool isDue)
    {
        var sums = isDue ? updates.Take() : updates.Read();
        long count = Math.Max(1, at - loggedStep);
        var now = clock.Elapsed;
        double seconds = (now - loggedAt).TotalSeconds, tokensPerSecond = loggedTokens / seconds;
        double rate = length.Latest.LearningRate;
        (string Name, double Value)[] losses = [.. objective.LossNames.Select((name, i) => (name, sums.MeanLoss(i)))];
        if (isDue)
            metrics?.Write(
                at,
                [
                    .. losses,
                    ("gradient_norm", sums.MeanNorm),
                    ("learning_rate", rate),
                    ("tokens_per_second", tokensPerSecond),
                    ("seconds", Seconds),
                ]
            );
        var terms = string.Join(", ", losses.Skip(1).Select(loss => $"{Spoken(loss.Name)} {loss.Value.ToString(FormatOf(loss.Name))}"));
        console.Line(
            $"step {at,9:N0}  loss {losses[0].Value:F3}{(terms == "" ? "" : $" ({terms})")}  lr {rate:0.00e+0}  norm "
                + $"{(sums.WithNorm == 0 ? "not finite" : $"{sums.MeanNorm:F2}")}  {1000 * seconds / count:F0} ms  {tokensPerSecond:N0} "
                + $"tokens/s  left {length.Left(at, seconds / count)}"
        );
        if (sums.NotFinite > 0)
        {
            var reasons = optimizers.Select(optimizer => optimizer.WhyNotFinite(sums.WithLosses - sums.WithNorm > 0)).Distinct();
            var skipped = $"{sums.NotFinite} of the latest {Plural.Of(count, "update")}";
            console.Line($"step {at,9:N0}  skipped {skipped}: {string.Join("; ", reasons)}");
        }
        (loggedAt, loggedStep, loggedTokens) = (now, at, 0);
    }

    private void Save(long at, bool ends)
    {
        if (config.DryRun)
            return;
        string? milestone = length.Milestone(at);
        if (milestone is not null)
            checkpoints.SaveModels(Progress(at) with { Percent = milestone });
        if (milestone is null && !ends && (config.Checkpoints.Every == 0 || at % config.Checkpoints.Every != 0))
            return;
        metrics?.FlushToDisk();
        var position = new PretrainPosition(at, Seconds, at > 0 ? first : null, updates.Read(), divergence.InARow);
        checkpoints.SaveState(position with { Tokens = tokens }, Progress(at));
        if (at > 0 && ranks.Rank == 0 && (ends || clock.Elapsed - drawnAt > DrawingPause))
        {
            PretrainCurves.Draw(run, objective);
            drawnAt = clock.Elapsed;
        }
    }

    private static string Spoken(string loss) => loss.Replace("_loss", "").Replace('_', ' ');

    private string FormatOf(string loss) => objective.Figures.FirstOrDefault(figure => figure.Name == loss)?.Format ?? "F4";
}
