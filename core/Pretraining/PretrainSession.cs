using System.Diagnostics;
using Electra.Model;
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
    private readonly PretrainData data;
    private readonly ElectraPair model;
    private readonly ElectraMethod method;
    private readonly Func<long, StepRates> schedule;
    private readonly Func<ElectraPair, IEnumerable<(string Name, double Value)>>? ownMetrics;

    private readonly long steps;
    private readonly Dictionary<long, string> milestones;
    private readonly RandomKey trainingKey;
    private readonly EqualWork measurement;
    private readonly TokenBaseline baseline;
    private readonly Adam optimizer;
    private readonly OutlierGuard? outliers;
    private readonly DivergenceGuard divergence;
    private readonly TrainingStep step;
    private readonly UpdateLog updates;
    private readonly PretrainCheckpoints checkpoints;
    private readonly PretrainPosition start;
    private readonly MetricsLog? metrics;
    private readonly MeasuredSteps measured;

    private readonly Stopwatch clock = new();
    private PretrainScores? first, latest;
    private TimeSpan loggedAt, drawnAt;
    private long loggedStep, loggedTokens;

    /// <summary>Brings a run to its beginning, or to where it stopped.</summary>
    public PretrainSession(
        Run<PretrainConfig> run,
        PretrainData data,
        ElectraPair model,
        ElectraMethod method,
        Func<long, StepRates> schedule,
        Func<ElectraPair, IEnumerable<(string Name, double Value)>>? ownMetrics
    )
    {
        (this.run, this.data, this.model, this.method, this.schedule, this.ownMetrics) = (run, data, model, method, schedule, ownMetrics);
        (config, console) = (run.Config, run.Console);
        var training = config.Training;
        steps = config.DryRun ? 2 : training.Steps;
        milestones = PretrainCheckpoints.Milestones(config);
        foreach (var percent in milestones.Values)
            AtomicFolder.Check(PretrainCheckpoints.ModelFolder(config, percent));
        // Everything random is a function of the seed and the step: a state needs no generators in it.
        trainingKey = RandomKey.FromSeed(config.Seed)[0];
        measurement = EqualWork.Open(run, data, method, model.Store.Compute);
        baseline = new TokenBaseline(model.Config.VocabularySize, model.Store.Compute);
        optimizer = new Adam(model.Store, config.Optimizer, method.Rate);
        outliers = training.SkipSigmas > 0 ? new OutlierGuard(training.SkipSigmas, model.Store.Compute) : null;
        step = new TrainingStep(model.Store, optimizer, method.LossNames.Count) { Guard = outliers };
        checkpoints = new PretrainCheckpoints(run, data, model, optimizer, baseline, outliers);
        start = checkpoints.Resume();
        (first, loggedStep) = (start.First, start.Step);

        metrics = config.DryRun ? null : run.OpenMetrics(start.Step > 0 ? start.Step : null);
        measured = new MeasuredSteps(metrics is null ? [] : MetricsLog.Read(run.Folder));
        var skipped = config.DryRun ? null : new SkippedUpdates(run.PathOf(SkippedUpdates.FileName), start.Step);
        divergence = new DivergenceGuard(
            training.MaxBadSteps,
            model.Store.Compute.Precision,
            start.NotFiniteInARow,
            $"{(config.DryRun ? "" : $"{SkippedUpdates.FileName} in {Paths.Shown(run.Folder)} names their examples. ")}A lower "
                + $"training.learning_rate ({training.LearningRate}) or a longer training.warmup_steps ({training.WarmupSteps}) usually "
                + "helps."
        );
        updates = new UpdateLog(
            step,
            divergence,
            start.Unlogged,
            update => skipped?.Write(update, data.TrainingExamples(config, update.Update))
        );
    }

    /// <summary>Trains, and says how it ended.</summary>
    public PretrainScores Train()
    {
        if (start.Step >= steps && !config.DryRun)
            console.Line(
                $"This run is complete: {steps:N0} steps. Change the name or the seed for another one, or start it over with resume=never."
            );
        console.Heading("Training");
        var trainer = new Trainer
        {
            Step = step,
            Steps = steps,
            Schedule = schedule,
            Passes = Passes,
            Updated = Updated,
            EvaluatesAt = at => IsMeasured(at) && !(at == start.Step && (measured.Contains(at) || (at == 0 && first is not null))),
            Evaluate = Evaluate,
            Save = Save,
            IsOutOfTime = () => config.Training.MaxMinutes > 0 && Seconds > config.Training.MaxMinutes * 60,
        };
        clock.Start();
        run.Progress?.Begin(start.Step);
        var (end, isComplete) = trainer.Train(start.Step, run.Stopping);
        if (!isComplete)
            Stopped(end);
        else if (config.DryRun)
            console.Line("Dry run: everything fits together. Nothing was saved.");
        else
            Finish(latest ??= Measure(end));
        return latest ?? Measure(end);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics?.Dispose();
        step.Dispose();
        outliers?.Dispose();
        optimizer.Dispose();
        baseline.Dispose();
        measurement.Dispose();
    }

    private double Seconds => start.Seconds + clock.Elapsed.TotalSeconds;

    private IReadOnlyList<Func<TorchSharp.torch.Tensor[]>> Passes(long k)
    {
        var parts = data.TrainingBatches(config, k);
        loggedTokens += parts.Sum(part => part.TokenCount);
        // A function of the step alone, whether the run was stopped here or not.
        if (IsMeasured(k))
            baseline.Halve();
        return method.Passes(model, parts, trainingKey[k], baseline.Count);
    }

    /// <summary>Held-out text is measured at the start and the end, at milestones, and now and then.</summary>
    private bool IsMeasured(long at) =>
        at == 0 || at == steps || milestones.ContainsKey(at) || (config.Evaluation.Every > 0 && at % config.Evaluation.Every == 0);

    private PretrainScores Measure(long at)
    {
        var scores = Evaluation.Measure(
            model,
            measurement.Method,
            data.HeldOutBatches(config),
            measurement.Key,
            baseline.Scores(),
            run.Stopping
        );
        console.Milestone(
            $"step {at,9:N0}  held-out: masked-token accuracy {scores.MaskedAccuracy:0.0%}, replaced-token AUC {scores.Detection.Auc:F3} "
                + $"(the token alone: {scores.TokenAuc:F3}), loss {scores.Loss:F3}"
        );
        return scores;
    }

    private void Evaluate(long at)
    {
        latest = Measure(at);
        first ??= latest;
        bool wasAbove = measured.Rise is not null;
        if (measured.Add(at, latest.Detection.Auc, latest.TokenAuc))
            metrics?.Write(
                at,
                latest.Figures.Concat(ownMetrics?.Invoke(model) ?? []).Select(figure => (Curves.HeldOut + figure.Name, figure.Value))
            );
        if (measured.Rise is not null && !wasAbove)
            console.Milestone($"step {at,9:N0}  the discriminator has risen above what the token alone tells: it uses context");
    }

    /// <summary>What the log says of the last step beside the figures of every run: the script's own.</summary>
    private IEnumerable<(string Name, double Value)> OwnFigures() =>
        from row in MetricsLog.Read(run.Folder)
        where row.Step == steps
        from figure in row.Values
        where figure.Key.StartsWith(Curves.HeldOut, StringComparison.Ordinal)
        select (figure.Key[Curves.HeldOut.Length..], figure.Value);

    /// <summary>Leaves the result, which says that the run is finished, and tells of it.</summary>
    private void Finish(PretrainScores last)
    {
        var rise = last.UsesContext ? measured.Rise ?? steps : (long?)null;
        checkpoints.SaveResult(
            new PretrainResult
            {
                Name = config.Name,
                Seed = config.Seed,
                Updates = steps,
                Scores = last.Figures.UnionBy(OwnFigures(), figure => figure.Name).ToDictionary(),
                Rise = rise,
                MeasuredWith = config.MeasuredWith,
                Seconds = Seconds,
            }
        );
        PretrainSummary.Print(run, data, model, measurement, first!, last, rise);
    }

    private void Updated(long at, bool ends)
    {
        console.ReportLive(new ProgressReport("training", at, steps, "updates"));
        run.Progress?.Update();
        bool isDue = at % config.Logging.Every == 0 || at == steps;
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
        double rate = schedule(at - 1).LearningRate;
        double[] losses = [.. method.LossNames.Select((_, i) => sums.MeanLoss(i))];
        if (isDue)
            metrics?.Write(
                at,
                [
                    .. method.LossNames.Zip(losses),
                    ("gradient_norm", sums.MeanNorm),
                    ("learning_rate", rate),
                    ("tokens_per_second", tokensPerSecond),
                    ("seconds", Seconds),
                ]
            );
        var terms = string.Join(
            ", ",
            method
                .LossNames.Skip(1)
                .Zip(
                    losses.Skip(1),
                    (name, loss) =>
                        $"{name.Replace("_loss", "").Replace('_', ' ')} {(name == "generator_loss" ? $"{loss:F3}" : $"{loss:F4}")}"
                )
        );
        console.Line(
            $"step {at,9:N0}  loss {losses[0]:F3} ({terms})  lr {rate:0.00e+0}  norm "
                + $"{(sums.WithNorm == 0 ? "not finite" : $"{sums.MeanNorm:F2}")}  {1000 * seconds / count:F0} ms  {tokensPerSecond:N0} "
                + $"tokens/s  left {Duration(TimeSpan.FromSeconds((steps - at) * seconds / count))}"
        );
        if (sums.NotFinite > 0)
            console.Line(
                $"step {at,9:N0}  skipped {sums.NotFinite} of the latest {count} updates: "
                    + $"{optimizer.WhyNotFinite(sums.WithLosses - sums.WithNorm > 0)}"
            );
        (loggedAt, loggedStep, loggedTokens) = (now, at, 0);
    }

    private void Save(long at, bool ends)
    {
        if (config.DryRun)
            return;
        bool isMilestone = milestones.TryGetValue(at, out var percent);
        if (isMilestone)
            checkpoints.SaveModels(percent!);
        if (!isMilestone && !ends && (config.Checkpoints.Every == 0 || at % config.Checkpoints.Every != 0))
            return;
        metrics!.FlushToDisk();
        checkpoints.SaveState(new PretrainPosition(at, Seconds, at > 0 ? first : null, updates.Read(), divergence.InARow));
        if (at > 0 && (ends || clock.Elapsed - drawnAt > DrawingPause))
        {
            PretrainCurves.Draw(run, method.LossNames, first!.Figures.Select(figure => figure.Name));
            drawnAt = clock.Elapsed;
        }
    }

    private void Stopped(long at)
    {
        bool signalled = run.Stopping.IsCancellationRequested;
        console.Line($"Stopped {(signalled ? "as asked" : $"after {config.Training.MaxMinutes} minutes")} at step {at:N0} of {steps:N0}"
            + (!config.DryRun ? $"; the state is saved in {checkpoints.StatesFolder}." : "."));
        List<string> changes = [];
        if (config.Resume == ResumeMode.Never)
            changes.Add(" without resume=never");
        if (!signalled)
            changes.Add(" with a larger training.max_minutes");
        console.Line($"The same command{string.Join(" and", changes)} resumes from here.");
        run.Stopping.ThrowIfCancellationRequested();
    }

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
