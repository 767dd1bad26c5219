using Electra.Running;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>What a run says that was stopped before its end.</summary>
internal static class StopNotice
{
    /// <summary>Says where it stopped, and how it goes on.</summary>
    /// <exception cref="OperationCanceledException">A signal stopped it.</exception>
    public static void Tell(Run<PretrainConfig> run, long at, RunLength length, string states)
    {
        bool signalled = run.Stopping.IsCancellationRequested;
        run.Console.Line(
            $"Stopped {(signalled ? "as asked" : $"after {run.Config.Training.MaxMinutes} minutes")} at step {at:N0}"
                + (length.HasBudget ? FormattableString.Invariant($", {length.Share:0.0%} of the budget") : $" of {length.Steps:N0}")
                + (run.Config.DryRun ? "." : $"; the state is saved in {states}.")
        );
        List<string> changes = [];
        if (run.Config.Resume == ResumeMode.Never)
            changes.Add(" without resume=never");
        if (!signalled)
            changes.Add(" with a larger training.max_minutes");
        run.Console.Line($"The same command{string.Join(" and", changes)} resumes from here.");
        run.Stopping.ThrowIfCancellationRequested();
    }
}
