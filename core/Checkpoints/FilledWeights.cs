namespace Electra.Checkpoints;

/// <summary>What became of the weights of a file.</summary>
/// <param name="Missing">Parameters that the file does not have: they are as they were.</param>
/// <param name="LeftOver">Weights in the file that no parameter has the name of.</param>
internal sealed record FilledWeights(IReadOnlyList<string> Missing, IReadOnlyList<string> LeftOver);
