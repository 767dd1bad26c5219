using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>
/// Tells updates that are out of line: whose loss or gradient norm lies some standard deviations above the mean of the latest ones.
/// Decided on the device, so that nothing waits for it.
/// </summary>
/// <param name="sigmas">How many standard deviations.</param>
/// <param name="compute">Where.</param>
internal sealed class OutlierGuard(double sigmas, Compute compute) : IDisposable
{
    /// <summary>The latest updates that a new one is held against.</summary>
    private const int Window = 128;

    /// <summary>Before there are as many, nothing is out of line.</summary>
    private const int Fewest = Window / 2;

    /// <summary>Losses and gradient norms of the latest updates, <c>[2, window]</c>: a part of the state of a run. Update k stands at k
    /// modulo the window.</summary>
    public Tensor Recent { get; } = zeros(2, Window, device: compute.Device).DetachFromDisposeScope();

    /// <summary>Forgets the latest updates: nothing is out of line until the window is full of new ones.</summary>
    public void Restart()
    {
        using var _ = no_grad();
        Recent.fill_(float.PositiveInfinity); // no mean is above it, and no value above its deviation, which is no number
    }

    /// <summary>Whether update k is out of line, a bool scalar; then remembers it.</summary>
    /// <param name="k">The update's number, from 0.</param>
    /// <param name="loss">Its loss, a scalar.</param>
    /// <param name="norm">The norm of its gradients, a scalar.</param>
    public Tensor IsOutlier(long k, Tensor loss, Tensor norm)
    {
        var values = stack([loss, norm]);
        var seen = (int)Math.Min(k, Window);
        var latest = Recent.narrow(1, 0, Math.Max(1, seen));
        var mean = latest.mean([1]);
        // Values that are not finite stay out of the window: the mean stands in for them.
        var remembered = where(values.isfinite(), values, mean);
        var outlier =
            seen < Fewest ? zeros(1, ScalarType.Bool, device: compute.Device).any() : values.gt(mean + sigmas * latest.std(1)).any();
        Recent.narrow(1, k % Window, 1).copy_(remembered.unsqueeze(1));
        return outlier;
    }

    /// <inheritdoc/>
    public void Dispose() => Recent.Dispose();
}
