using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>
/// A step of the optimizer. An update has one, or one for each network where these learn one after the other on the same batch.
/// </summary>
/// <param name="Passes">
/// Each computes the losses of a part of the batch, scalars that add up to the batch's. The first is minimised; what a later step adds to
/// a loss counts with it.
/// </param>
internal sealed record UpdateStep(IReadOnlyList<Func<Tensor[]>> Passes)
{
    /// <summary>An update of one step, whose passes are asked for when its turn has come.</summary>
    public static Func<IReadOnlyList<UpdateStep>> One(Func<IReadOnlyList<Func<Tensor[]>>> passes) => () => [new(passes())];
}
