using Electra.Optimization;
using Electra.Tensors;

namespace Electra.Training;

/// <summary>Stops a run in which too many updates in a row had a loss or gradients that were not finite.</summary>
/// <param name="most">How many in a row are skipped at most; in float16, where overflows lower the loss scale at first, 16 more.</param>
/// <param name="precision">The run's precision.</param>
/// <param name="inARow">The latest of them, made before the run was stopped.</param>
/// <param name="advice">What the user can do, in sentences.</param>
internal sealed class DivergenceGuard(int most, Precision precision, int inARow, string advice)
{
    private readonly int most = most + (precision == Precision.Float16 ? LossScale.HalvingsToOne : 0);

    /// <summary>The latest updates that were not finite.</summary>
    public int InARow { get; private set; } = inARow;

    /// <summary>Counts an update.</summary>
    /// <exception cref="UserErrorException">One too many in a row.</exception>
    public void Check(UpdateRecord update)
    {
        InARow = update.IsFinite ? 0 : InARow + 1;
        if (InARow > most)
            throw new UserErrorException(
                $"training diverged: {InARow} updates in a row had a loss or gradients that were not finite, the last at step "
                    + $"{update.Update + 1:N0} (loss {update.Loss}, gradient norm {update.GradientNorm}). They were skipped. {advice}"
            );
    }
}
