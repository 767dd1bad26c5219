using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What one update was like.</summary>
/// <param name="Update">Its number, from 0.</param>
/// <param name="Loss">The loss that is minimised.</param>
/// <param name="GeneratorLoss">The generator's part, unweighted.</param>
/// <param name="DiscriminatorLoss">The discriminator's part, unweighted.</param>
/// <param name="GradientNorm">The norm of all gradients before clipping.</param>
/// <param name="IsOutlier">Whether it was out of line with the latest ones.</param>
public readonly record struct UpdateRecord(long Update, double Loss, double GeneratorLoss, double DiscriminatorLoss, double GradientNorm, bool IsOutlier)
{
    /// <summary>Whether loss and gradients are numbers. An update where they are not is not applied.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(GradientNorm);
}

/// <summary>Sums over updates, those left out whose numbers are none.</summary>
/// <param name="Updates">How many.</param>
/// <param name="Loss">The losses that are minimised.</param>
/// <param name="GeneratorLoss">The generator's parts, unweighted.</param>
/// <param name="DiscriminatorLoss">The discriminator's parts, unweighted.</param>
/// <param name="GradientNorm">The norms of all gradients before clipping.</param>
public readonly record struct UpdateSums(long Updates, double Loss, double GeneratorLoss, double DiscriminatorLoss, double GradientNorm)
{
    /// <summary>The sums with one more update.</summary>
    public UpdateSums With(UpdateRecord update) => !update.IsFinite ? this : new(Updates + 1, Loss + update.Loss,
        GeneratorLoss + update.GeneratorLoss, DiscriminatorLoss + update.DiscriminatorLoss, GradientNorm + update.GradientNorm);

    /// <summary>The means as the sums of one update; NaN where there is none.</summary>
    public UpdateSums Means() => new(1, Loss / Updates, GeneratorLoss / Updates, DiscriminatorLoss / Updates, GradientNorm / Updates);
}

/// <summary>One update of the weights: gradients of all parts of the batch are averaged, clipped together and applied.</summary>
/// <param name="model">Generator and discriminator.</param>
/// <param name="method">The pre-training method.</param>
/// <param name="optimizer">The optimizer of the model's parameters.</param>
/// <param name="key">Names every random draw: the k-th update draws from <c>key[k]</c>.</param>
public sealed class TrainingStep(ElectraPair model, ElectraMethod method, Adam optimizer, RandomKey key) : IDisposable
{
    private const int Room = 128, Columns = 5;

    /// <summary>Update by update: the three losses, the norm, and whether it was out of line.</summary>
    private readonly Tensor unread = zeros(Room, Columns, device: model.Store.Compute.Device).DetachFromDisposeScope();
    private readonly List<long> unreadUpdates = [];
    private readonly List<UpdateRecord> records = [];

    /// <summary>Called after each stage with its name: <c>forward</c>, <c>backward</c>, <c>optimizer</c>. For measuring.</summary>
    public Action<string>? Finished { get; init; }

    /// <summary>Leaves out updates that are out of line; null: none but those whose numbers are none.</summary>
    public OutlierGuard? Guard { get; init; }

    /// <summary>Whether the next update has to wait for the device, to have the numbers of the past ones read. <see cref="Read"/> makes room.</summary>
    public bool IsFull => unreadUpdates.Count == Room;

    /// <summary>Makes the k-th update. Nothing in it waits for the device.</summary>
    /// <param name="k">The update's number, from 0.</param>
    /// <param name="parts">The batch, in the parts that are computed at once.</param>
    /// <param name="rates">The learning rate, and the momentum where the schedule moves it.</param>
    /// <returns>The number of tokens learned from.</returns>
    public long Run(long k, IReadOnlyList<TokenBatch> parts, StepRates rates)
    {
        if (IsFull)
            ReadUnread();
        using var scope = NewDisposeScope();
        model.Store.ZeroGradients();
        var numbers = unread[unreadUpdates.Count];
        numbers.zero_();
        var losses = numbers.narrow(0, 0, 3);
        long tokens = 0;
        for (int part = 0; part < parts.Count; part++)
        {
            using var partScope = NewDisposeScope(); // the activations of one part at a time
            var partKey = key[k][part];
            manual_seed((long)(partKey.Value >> 1)).Dispose(); // for what libtorch itself draws: dropout and noise on CUDA
            var pass = method.Forward(model, parts[part], partKey, training: true);
            Finished?.Invoke("forward");
            optimizer.Scaled(pass.Loss / parts.Count).backward();
            model.Store.CollectGradients();
            Finished?.Invoke("backward");
            using (no_grad())
                losses.add_(stack([pass.Loss.detach(), pass.GeneratorLoss.detach(), pass.DiscriminatorLoss.detach()]) / parts.Count);
            tokens += parts[part].TokenCount;
        }
        using (no_grad())
            numbers.narrow(0, 3, 1).add_(optimizer.Step(k, rates, norm => Skips(k, numbers, norm)));
        Finished?.Invoke("optimizer");
        unreadUpdates.Add(k);
        return tokens;
    }

    /// <summary>The updates since the last call. This is where training waits for the device.</summary>
    public IReadOnlyList<UpdateRecord> Read()
    {
        ReadUnread();
        UpdateRecord[] read = [.. records];
        records.Clear();
        return read;
    }

    /// <summary>The means over the updates since the last call.</summary>
    public UpdateSums ReadMeans() => Read().Aggregate(default(UpdateSums), (sums, update) => sums.With(update)).Means();

    /// <inheritdoc/>
    public void Dispose() => unread.Dispose();

    /// <summary>Whether an update with finite gradients is left out all the same: its loss is none, or it is out of line.</summary>
    private Tensor Skips(long k, Tensor numbers, Tensor norm)
    {
        var loss = numbers[0];
        var isNone = loss.isfinite().logical_not_();
        if (Guard is null)
            return isNone;
        var outlier = Guard.IsOutlier(k, loss, norm);
        numbers.narrow(0, 4, 1).copy_(outlier);
        return isNone.logical_or(outlier);
    }

    private void ReadUnread()
    {
        using var scope = NewDisposeScope();
        var numbers = unread.cpu().data<float>();
        foreach (var (row, update) in unreadUpdates.Index())
        {
            double Number(int column) => numbers[row * Columns + column];
            records.Add(new UpdateRecord(update, Number(0), Number(1), Number(2), Number(3), Number(4) != 0));
        }
        unreadUpdates.Clear();
    }
}
