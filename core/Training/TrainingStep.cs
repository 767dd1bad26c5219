using Electra.Optimization;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>One update of the weights: the gradients of all parts of the batch are added, clipped together and applied.</summary>
/// <param name="store">The parameters.</param>
/// <param name="optimizer">Their optimizer.</param>
/// <param name="losses">How many losses a pass gives; the first is minimised, the others are recorded.</param>
internal sealed class TrainingStep(ParameterStore store, Adam optimizer, int losses) : IDisposable
{
    private const int Room = 128;

    /// <summary>Update by update: the losses, the norm, and whether it was out of line.</summary>
    private readonly Tensor unread = zeros(Room, losses + 2, device: store.Compute.Device).DetachFromDisposeScope();
    private readonly List<long> unreadUpdates = [];
    private readonly List<UpdateRecord> records = [];

    /// <summary>Called after each stage with its name: <c>forward</c>, <c>backward</c>, <c>optimizer</c>. For measuring.</summary>
    public Action<string>? Finished { get; init; }

    /// <summary>Skips updates that are out of line; null: only those that are not finite.</summary>
    public OutlierGuard? Guard { get; init; }

    /// <summary>Whether the next update has to wait for the device, to have the numbers of the past ones read. <see cref="Read"/> makes
    /// room.</summary>
    public bool IsFull => unreadUpdates.Count == Room;

    /// <summary>Makes the k-th update. Nothing in it waits for the device.</summary>
    /// <param name="k">The update's number, from 0.</param>
    /// <param name="passes">Each computes the losses of a part of the batch, scalars that add up to the batch's.</param>
    /// <param name="rates">The learning rate, and the momentum where the schedule moves it.</param>
    public void Run(long k, IReadOnlyList<Func<Tensor[]>> passes, StepRates rates)
    {
        if (IsFull)
            ReadUnread();
        using var scope = NewDisposeScope();
        store.ZeroGradients();
        var numbers = unread[unreadUpdates.Count];
        numbers.zero_();
        var sums = numbers.narrow(0, 0, losses);
        foreach (var pass in passes)
        {
            using var passScope = NewDisposeScope(); // the activations of one part at a time
            var values = pass();
            Finished?.Invoke("forward");
            optimizer.Scaled(values[0]).backward();
            store.CollectGradients();
            Finished?.Invoke("backward");
            using (no_grad())
                sums.add_(stack([.. values.Select(value => value.detach())]));
        }
        using (no_grad())
            numbers.narrow(0, losses, 1).add_(optimizer.Step(k, rates, norm => Skips(k, numbers, norm)));
        Finished?.Invoke("optimizer");
        unreadUpdates.Add(k);
    }

    /// <summary>The updates since the last call. This is where training waits for the device.</summary>
    public IReadOnlyList<UpdateRecord> Read()
    {
        ReadUnread();
        UpdateRecord[] read = [.. records];
        records.Clear();
        return read;
    }

    /// <inheritdoc/>
    public void Dispose() => unread.Dispose();

    /// <summary>Whether an update with finite gradients is skipped all the same: its loss is not finite, or it is out of line.</summary>
    private Tensor Skips(long k, Tensor numbers, Tensor norm)
    {
        var loss = numbers[0];
        var isNotFinite = loss.isfinite().logical_not_();
        if (Guard is null)
            return isNotFinite;
        var outlier = Guard.IsOutlier(k, loss, norm);
        numbers.narrow(0, losses + 1, 1).copy_(outlier);
        return isNotFinite.logical_or(outlier);
    }

    private void ReadUnread()
    {
        using var scope = NewDisposeScope();
        float[] numbers = [.. unread.cpu().data<float>()];
        foreach (var (row, update) in unreadUpdates.Index())
        {
            double[] own = [.. numbers.Skip(row * (losses + 2)).Take(losses + 2)];
            records.Add(new UpdateRecord(update, own[..losses], own[losses], own[losses + 1] != 0));
        }
        unreadUpdates.Clear();
    }
}
