using Electra.Distributed;
using Electra.Optimization;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>One update of the weights: the gradients of all parts of the batch are added, clipped together and applied.</summary>
/// <param name="store">The parameters.</param>
/// <param name="optimizers">The optimizer of each step of an update.</param>
/// <param name="losses">How many losses a pass gives; the first is minimised, the others are recorded.</param>
internal sealed class TrainingStep(ParameterStore store, IReadOnlyList<Adam> optimizers, int losses) : IDisposable
{
    private const int Room = 128;

    /// <summary>Update by update: the losses, the norm, and whether it was out of line.</summary>
    private readonly Tensor unread = zeros(Room, losses + 2, device: store.Compute.Device).DetachFromDisposeScope();
    private readonly List<long> unreadUpdates = [];
    private readonly List<UpdateRecord> records = [];

    /// <summary>Updates of one step.</summary>
    public TrainingStep(ParameterStore store, Adam optimizer, int losses)
        : this(store, [optimizer], losses) { }

    /// <summary>Called after each stage with its name: <c>forward</c>, <c>backward</c>, <c>all-reduce</c>, <c>optimizer</c>. For
    /// measuring.</summary>
    public Action<string>? Finished { get; init; }

    /// <summary>Skip updates that are out of line, one for each step; none: only those that are not finite are skipped.</summary>
    public IReadOnlyList<OutlierGuard> Guards { get; init; } = [];

    /// <summary>The processes that share the work: each makes its passes, and losses and gradients are added up.</summary>
    public ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>Whether the next update has to wait for the device, to have the numbers of the past ones read. <see cref="Read"/> makes
    /// room.</summary>
    public bool IsFull => unreadUpdates.Count == Room;

    /// <summary>Makes the k-th update. Nothing in it waits for the device.</summary>
    /// <param name="k">The update's number, from 0.</param>
    /// <param name="steps">Its steps, one for each optimizer.</param>
    /// <param name="rates">The learning rate, and the momentum where the schedule moves it.</param>
    public void Run(long k, IReadOnlyList<UpdateStep> steps, StepRates rates)
    {
        if (IsFull)
            ReadUnread();
        using var scope = NewDisposeScope();
        var numbers = unread[unreadUpdates.Count];
        numbers.zero_();
        for (int i = 0; i < optimizers.Count; i++)
            Run(k, i, steps[i].Passes, numbers, rates);
        unreadUpdates.Add(k);
    }

    /// <summary>Makes an update of one step.</summary>
    public void Run(long k, IReadOnlyList<Func<Tensor[]>> passes, StepRates rates) => Run(k, [new UpdateStep(passes)], rates);

    private void Run(long k, int step, IReadOnlyList<Func<Tensor[]>> passes, Tensor numbers, StepRates rates)
    {
        store.ZeroGradients();
        var sums = numbers.narrow(0, 0, losses);
        var own = Ranks.WorldSize == 1 ? sums : zeros_like(sums); // those of an earlier step are added up already
        foreach (var pass in passes)
        {
            using var passScope = NewDisposeScope(); // the activations of one part at a time
            var values = pass();
            Finished?.Invoke("forward");
            store.Backward(optimizers[step].Scaled(values[0]));
            Finished?.Invoke("backward");
            using (no_grad())
                own.add_(stack([.. values.Select(value => value.detach())]));
        }
        if (Ranks.WorldSize > 1)
            using (no_grad())
            {
                Ranks.AllReduce(store.Gradients);
                Ranks.AllReduce(own);
                sums.add_(own);
                Finished?.Invoke("all-reduce");
            }
        using (no_grad())
        {
            var norm = optimizers[step].Step(k, rates, norm => Skips(k, step, numbers, norm));
            var total = numbers.narrow(0, losses, 1); // of the gradients of all steps
            if (step == 0)
                total.add_(norm);
            else
                total.copy_(total.square().add_(norm.square()).sqrt_());
        }
        Finished?.Invoke("optimizer");
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
    private Tensor Skips(long k, int step, Tensor numbers, Tensor norm)
    {
        var loss = numbers[0];
        var isNotFinite = loss.isfinite().logical_not_();
        if (Guards.Count == 0)
            return isNotFinite;
        var outlier = Guards[step].IsOutlier(k, loss, norm);
        numbers.narrow(0, losses + 1, 1).add_(outlier);
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
