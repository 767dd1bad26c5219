
namespace Electra;

/// <summary>How far a long piece of work has come: what every slow stage of the kit hands to an <see cref="IProgress{T}"/>.</summary>
/// <param name="Stage">What is being done, as a short phrase in the present: "reading documents".</param>
/// <param name="Done">How much is done, in <paramref name="Unit"/>s.</param>
/// <param name="Total">How much there is in all; null where that is not known.</param>
/// <param name="Unit">What is counted: "MB", "steps", "documents".</param>
public readonly record struct ProgressReport(string Stage, double Done, double? Total, string Unit);
