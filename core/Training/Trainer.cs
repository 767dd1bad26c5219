using Electra.Optimization;

namespace Electra.Training;

/// <summary>
/// The training loop: from the first step, or from where the run stopped, to the last one, a signal, or the end of the budget. What is
/// computed, measured, told and saved is the experiment's: each is a function.
/// </summary>
internal sealed class Trainer
{
    /// <summary>Makes an update.</summary>
    public required TrainingStep Step { get; init; }

    /// <summary>Whether the run is complete with so many updates. Asked once after each.</summary>
    public required Func<long, bool> Ends { get; init; }

    /// <summary>The rates of the k-th update, from 0.</summary>
    public required Func<long, StepRates> Schedule { get; init; }

    /// <summary>What the k-th update is made of.</summary>
    public required Func<long, IReadOnlyList<UpdateStep>> Update { get; init; }

    /// <summary>Told of each update when it is made: with the number of updates that are done, and whether the run ends with it.</summary>
    public required Action<long, bool> Updated { get; init; }

    /// <summary>Whether the model is measured after so many updates. A step that was measured before a run was stopped is not measured
    /// again.</summary>
    public required Func<long, bool> EvaluatesAt { get; init; }

    /// <summary>Measures the model. May be interrupted by an <see cref="OperationCanceledException"/>: then it is done when the run
    /// resumes.</summary>
    public required Action<long> Evaluate { get; init; }

    /// <summary>Whether the run is complete because of what was measured. Asked after each update, and after its evaluation.</summary>
    public Func<bool> EndsEarly { get; init; } = () => false;

    /// <summary>Saves after so many updates what is due: with whether the run ends or stops there.</summary>
    public required Action<long, bool> Save { get; init; }

    /// <summary>Whether the run is asked to stop, where that is more than a cancellation: several ranks agree on it. Asked once or twice
    /// an update.</summary>
    public Func<bool>? IsStopping { get; init; }

    /// <summary>Whether the time that the run may take is over.</summary>
    public Func<bool> IsOutOfTime { get; init; } = () => false;

    /// <summary>Trains.</summary>
    /// <param name="start">Updates that are done.</param>
    /// <param name="stopping">Stops after the update in progress, with everything saved.</param>
    /// <returns>Updates that are done at the end, and whether the run is complete, its last evaluation among it.</returns>
    public (long Step, bool IsComplete) Train(long start, CancellationToken stopping)
    {
        bool IsAsked() => IsStopping?.Invoke() ?? stopping.IsCancellationRequested;
        for (long step = start; ; step++)
        {
            bool ends = Ends(step), stops = IsAsked() | IsOutOfTime();
            if (step > start)
                Updated(step, ends || stops);
            bool evaluates = EvaluatesAt(step), evaluated = !evaluates || (!stops && TryEvaluate(step, stopping));
            ends |= EndsEarly();
            if (evaluates)
                stops |= IsAsked();
            if (step > start || (stops && !ends))
                Save(step, ends || stops);
            if (ends && evaluated)
                return (step, true);
            if (ends || stops)
                return (step, false);
            Step.Run(step, Update(step), Schedule(step));
        }
    }

    private bool TryEvaluate(long step, CancellationToken stopping)
    {
        try
        {
            Evaluate(step);
            return true;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return false;
        }
    }
}
