namespace Electra.Tensors;

/// <summary>A range of the flat parameter tensor that the optimizer treats alike.</summary>
/// <param name="Start">The first element.</param>
/// <param name="Length">The number of elements.</param>
/// <param name="Decays">Whether weight decay applies.</param>
/// <param name="RateScale">What the learning rate is multiplied by.</param>
internal readonly record struct ParameterRange(long Start, long Length, bool Decays, double RateScale = 1);
