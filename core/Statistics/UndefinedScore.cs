namespace Electra.Statistics;

/// <summary>A finished run whose metric has no value: a correlation with a constant. It counts in no mean, and in no test.</summary>
/// <param name="Group">The runs that belong together.</param>
/// <param name="Task">The task.</param>
/// <param name="Run">The run's number within its group and task.</param>
/// <param name="Metric">The metric that tables show.</param>
/// <param name="Why">Why it is undefined, as the end of a sentence.</param>
/// <param name="PretrainSeed">As in <see cref="Score"/>.</param>
internal sealed record UndefinedScore(string Group, string Task, int Run, string Metric, string Why, string? PretrainSeed = null);
