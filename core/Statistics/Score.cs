using Electra.Running;

namespace Electra.Statistics;

/// <summary>What one run scored on a task's development set.</summary>
/// <param name="Group">The runs that belong together: usually those that start from one pre-trained model.</param>
/// <param name="Task">The task, as <c>rte</c>.</param>
/// <param name="Run">The run's number within its group and task.</param>
/// <param name="Value">The task's reported metric, in per cent.</param>
/// <param name="Seed">The run's seed; null where it is not known.</param>
/// <param name="PretrainSeed">The seed of the pre-training that it started from, or the model's name; null where that is not
/// known.</param>
public sealed record Score(string Group, string Task, int Run, double Value, int? Seed = null, string? PretrainSeed = null)
{
    /// <summary>The run's folder; null of a score from a file.</summary>
    internal string? Folder { get; init; }

    /// <summary>Whether it is a figure of the pre-trained model itself: then its run is a seed of pre-training.</summary>
    internal bool IsOfPretraining { get; init; }

    /// <summary>Which of a run's evaluations it is of; null of a score from a file.</summary>
    internal string? Protocol { get; init; }

    /// <summary>What a sweep gave its run; null where there was none.</summary>
    internal SweptKeys? Swept { get; init; }

    /// <summary>The metric; null of a score from a file.</summary>
    internal string? Metric { get; init; }
}
