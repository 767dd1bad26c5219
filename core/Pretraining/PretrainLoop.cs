using System.Diagnostics;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>The training loop: from step 0, or from where the run stopped, to the last step, a signal, or the end of the budget.</summary>
public static class PretrainLoop
{
    private static readonly CurvePanel[] Panels =
    [
        new("Losses", ["loss", "generator_loss", "discriminator_loss"], IsLogarithmic: true),
        new("On held-out text", ["held_out/masked_accuracy", "held_out/auc", "held_out/precision", "held_out/recall"], IsSmoothed: false),
        new("Learning rate", ["learning_rate"], IsSmoothed: false),
    ];

    /// <summary>Between two drawings of the curves: where states are saved every few steps, drawing would take longer than training.</summary>
    private static readonly TimeSpan DrawingPause = TimeSpan.FromSeconds(30);

    /// <summary>Trains, measures, saves and reports.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="data">Examples to train and to measure on.</param>
    /// <param name="model">Generator and discriminator with fresh weights; a resumed run replaces them.</param>
    /// <param name="method">The pre-training method.</param>
    /// <param name="schedule">The rates of the k-th update; by default what the configuration says.</param>
    /// <returns>The exit code.</returns>
    public static int Train(Run<PretrainConfig> run, PretrainData data, ElectraPair model, ElectraMethod method, Func<long, StepRates>? schedule = null)
    {
        var (config, console) = (run.Config, run.Console);
        var training = config.Training;
        long steps = config.DryRun ? 2 : training.Steps;
        var milestones = Milestones(config);
        schedule ??= Schedule.Of(training.Schedule, training.LearningRate, training.Steps, training.WarmupSteps);

        // Everything random is a function of the seed and the step: a state needs no generators in it.
        var key = RandomKey.FromSeed(config.Seed);
        var (trainingKey, evaluationKey) = (key[0], key[1]);

        using var optimizer = new Adam(model.Store, config.Optimizer);
        using var guard = training.SkipSigmas > 0 ? new OutlierGuard(training.SkipSigmas, model.Store.Compute) : null;
        var checkpoints = new PretrainCheckpoints(run, data, model, optimizer, guard);
        var position = checkpoints.Resume();
        if (position.Step >= steps && !config.DryRun)
            console.Line($"This run is complete: {steps:N0} steps. Change the name or the seed for another one, or start it over with resume=never.");

        // ---- before the first step: does everything work, and how good is chance? ------------------------------------------------
        console.Heading("Training");
        using var metrics = config.DryRun ? null : run.OpenMetrics(position.Step > 0 ? position.Step : null);
        var skipped = config.DryRun ? null : new SkippedUpdates(run.PathOf(SkippedUpdates.FileName), position.Step);
        HashSet<long> measured = metrics is null ? [] : [.. MetricsLog.Read(run.Folder).Where(row => row.Values.ContainsKey(Curves.HeldOut + "loss")).Select(row => row.Step)];
        PretrainScores MeasureAt(long step)
        {
            var scores = Evaluation.Measure(model, method, data.HeldOutBatches(config), evaluationKey, run.Stopping);
            if (measured.Add(step))
                metrics?.Write(step, HeldOut(scores));
            console.Line($"step {step,9:N0}  held-out: masked-token accuracy {scores.MaskedAccuracy:0.0%}, replaced-token AUC {scores.Detection.Auc:F3}, loss {scores.Loss:F3}");
            return scores;
        }
        var first = position.First ?? MeasureAt(0);
        var latest = position.Step == 0 ? first : null;
        // A signal may have come before this step was measured.
        if (position.Step > 0 && IsMeasured(position.Step) && !measured.Contains(position.Step))
            latest = MeasureAt(position.Step);

        // ---- the loop ------------------------------------------------------------------------------------------------------------
        using var update = new TrainingStep(model, method, optimizer, trainingKey) { Guard = guard };
        var (clock, loggedAt, loggedStep, loggedTokens) = (Stopwatch.StartNew(), TimeSpan.Zero, position.Step, 0L);
        var (unlogged, badInARow) = (position.Unlogged, position.BadInARow);
        var drawnAt = TimeSpan.Zero;
        long step = position.Step;
        while (step < steps)
        {
            loggedTokens += update.Run(step, data.TrainingBatches(config, step), schedule(step));
            step++;

            bool last = step == steps, stop = run.Stopping.IsCancellationRequested || OutOfTime(), complete = !IsMeasured(step);
            bool logs = step % config.Logging.Every == 0 || last, milestone = milestones.TryGetValue(step, out var percent) && !config.DryRun;
            bool saves = milestone || last || stop || (config.Checkpoints.Every > 0 && step % config.Checkpoints.Every == 0);
            if (logs || saves || update.IsFull)
                Examine();
            if (logs || stop)
                Log(logs);
            if (!complete && !stop)
                try
                {
                    latest = MeasureAt(step);
                    complete = true;
                }
                catch (OperationCanceledException) when (run.Stopping.IsCancellationRequested)
                {
                    saves = stop = true;
                }
            if (config.DryRun)
                continue;
            if (milestone)
                checkpoints.SaveModels(percent!);
            if (saves)
            {
                metrics!.FlushToDisk();
                checkpoints.SaveState(new PretrainPosition(step, position.Seconds + clock.Elapsed.TotalSeconds, first, unlogged, badInARow));
                if (last || stop || clock.Elapsed - drawnAt > DrawingPause)
                {
                    Curves.Draw(run.Folder, run.PathOf("curves.png"), config.RunName, Panels);
                    drawnAt = clock.Elapsed;
                }
            }
            if (stop && !(last && complete))
                return Stopped();
        }
        return Report();

        bool OutOfTime() => training.MaxMinutes > 0 && position.Seconds + clock.Elapsed.TotalSeconds > training.MaxMinutes * 60;

        // Held-out text is measured at the end, at milestones, and now and then.
        bool IsMeasured(long at) => at == steps || milestones.ContainsKey(at) || (config.Evaluation.Every > 0 && at % config.Evaluation.Every == 0);

        void Examine()
        {
            foreach (var past in update.Read())
            {
                unlogged = unlogged.With(past);
                badInARow = past.IsFinite ? 0 : badInARow + 1;
                if (past.IsFinite && !past.IsOutlier)
                    continue;
                skipped?.Write(past, data.TrainingExamples(config, past.Update));
                if (badInARow > training.MaxBadSteps + (model.Store.Compute.Precision == Precision.Float16 ? LossScale.HalvingsToOne : 0))
                    throw new UserErrorException($"training diverged: {badInARow} updates in a row had a loss or gradients that are no numbers, the last at step {past.Update + 1:N0} (loss {past.Loss}, gradient norm {past.GradientNorm}). They were not applied; {SkippedUpdates.FileName} in {run.Folder} names their examples. A lower training.learning_rate ({training.LearningRate}) or a longer training.warmup_steps ({training.WarmupSteps}) usually helps; the states before are in {checkpoints.StatesFolder}.");
            }
        }

        void Log(bool isDue)
        {
            long count = Math.Max(1, step - loggedStep);
            var (_, loss, generator, discriminator, norm) = unlogged.Means();
            var now = clock.Elapsed;
            double seconds = (now - loggedAt).TotalSeconds, tokensPerSecond = loggedTokens / seconds;
            double rate = schedule(step - 1).LearningRate;
            // A line out of turn, at a stop, is not kept: the log of a run that was stopped is that of one that was not.
            if (isDue)
                metrics?.Write(step, ("loss", loss), ("generator_loss", generator), ("discriminator_loss", discriminator), ("gradient_norm", norm),
                    ("learning_rate", rate), ("tokens_per_second", tokensPerSecond), ("seconds", position.Seconds + now.TotalSeconds));
            var left = TimeSpan.FromSeconds((steps - step) * seconds / count);
            console.Line($"step {step,9:N0}  loss {loss:F3} (generator {generator:F3}, discriminator {discriminator:F4})  lr {rate:0.00e+0}  norm {norm:F2}  {1000 * seconds / count:F0} ms  {tokensPerSecond:N0} tokens/s  left {Duration(left)}");
            (loggedAt, loggedStep, loggedTokens) = (now, step, 0);
            if (isDue)
                unlogged = default;
        }

        int Stopped()
        {
            bool signalled = run.Stopping.IsCancellationRequested;
            console.Line($"Stopped {(signalled ? "as asked" : $"after {training.MaxMinutes} minutes")} at step {step:N0} of {steps:N0}; the state is saved in {checkpoints.StatesFolder}.");
            List<string> changes = [];
            if (config.Resume == ResumeMode.Never)
                changes.Add(" without resume=never");
            if (!signalled)
                changes.Add(" with a larger training.max_minutes");
            console.Line($"The same command{string.Join(" and", changes)} goes on from here.");
            run.Stopping.ThrowIfCancellationRequested();
            return 0;
        }

        int Report()
        {
            if (config.DryRun)
                console.Line("Dry run: everything fits together. Nothing was saved.");
            else
                PretrainSummary.Print(run, data, model, method, first, latest ?? MeasureAt(step), evaluationKey);
            return 0;
        }
    }

    private static IEnumerable<(string, double)> HeldOut(PretrainScores scores) =>
    [
        (Curves.HeldOut + "loss", scores.Loss),
        (Curves.HeldOut + "generator_loss", scores.GeneratorLoss),
        (Curves.HeldOut + "discriminator_loss", scores.DiscriminatorLoss),
        (Curves.HeldOut + "masked_accuracy", scores.MaskedAccuracy),
        (Curves.HeldOut + "accuracy", scores.Detection.Accuracy),
        (Curves.HeldOut + "precision", scores.Detection.Precision),
        (Curves.HeldOut + "recall", scores.Detection.Recall),
        (Curves.HeldOut + "auc", scores.Detection.Auc),
    ];

    /// <summary>The step at which each percentage of the run is reached, with the percentage as it stands in folder names.</summary>
    private static Dictionary<long, string> Milestones(PretrainConfig config) =>
        config.Checkpoints.Percents.Append(100)
            .GroupBy(percent => Math.Clamp((long)Math.Round(config.Training.Steps * percent / 100), 1, config.Training.Steps))
            .ToDictionary(group => group.Key, group => group.Max().ToString("0.####", System.Globalization.CultureInfo.InvariantCulture));

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
