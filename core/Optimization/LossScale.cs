using static TorchSharp.torch;

namespace Electra.Optimization;

/// <summary>
/// The factor that keeps gradients within the range of float16: as large as it can be without an overflow (Micikevicius et al. 2018,
/// "Mixed Precision Training"). Its start and how it moves are those of PyTorch's <c>GradScaler</c>.
/// </summary>
/// <remarks>It lives and is decided on the device, so that nothing waits for it.</remarks>
internal sealed class LossScale : IDisposable
{
    /// <summary>The first factor, 2¹⁶.</summary>
    public const float Initial = 65536;

    /// <summary>Overflows in a row that bring the factor from its start to 1: in the first updates they mean nothing.</summary>
    public const int HalvingsToOne = 16;

    /// <summary>So many updates without an overflow double the factor; an overflow halves it.</summary>
    public const int UpdatesToGrow = 2000;

    /// <summary>The factor to begin with.</summary>
    /// <param name="device">Where the gradients are.</param>
    public LossScale(Device device) => State = tensor([Initial, 0f], device: device).DetachFromDisposeScope();

    /// <summary>The factor, and the updates since it last moved: <c>[2]</c> float32.</summary>
    public Tensor State { get; }

    /// <summary>The factor, a scalar.</summary>
    public Tensor Value => State[0];

    /// <summary>Moves the factor after an update.</summary>
    /// <param name="isFinite">Whether all gradients were numbers, a bool scalar.</param>
    public void Update(Tensor isFinite)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor factor = State[0], updates = State[1], finite = isFinite.to(float32);
        updates.add_(1).mul_(finite);
        var grows = updates.ge(UpdatesToGrow).to(float32);
        factor.mul_(finite.mul(0.5).add_(0.5).add_(grows)); // ½, 1 or 2
        updates.mul_(1 - grows);
    }

    /// <inheritdoc/>
    public void Dispose() => State.Dispose();
}
