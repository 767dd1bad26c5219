using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Means over the updates since the last reading.</summary>
/// <param name="Loss">The loss that is minimised.</param>
/// <param name="GeneratorLoss">The generator's part, unweighted.</param>
/// <param name="DiscriminatorLoss">The discriminator's part, unweighted.</param>
/// <param name="GradientNorm">The norm of all gradients before clipping.</param>
public readonly record struct StepMeans(double Loss, double GeneratorLoss, double DiscriminatorLoss, double GradientNorm);

/// <summary>One update of the weights: gradients of all parts of the batch are averaged, clipped together and applied.</summary>
/// <param name="model">Generator and discriminator.</param>
/// <param name="method">The pre-training method.</param>
/// <param name="optimizer">The optimizer of the model's parameters.</param>
/// <param name="key">Names every random draw: the k-th update draws from <c>key[k]</c>.</param>
public sealed class TrainingStep(ElectraPair model, ElectraMethod method, Adam optimizer, RandomKey key) : IDisposable
{
    private readonly Tensor sums = zeros(4, device: model.Store.Compute.Device).DetachFromDisposeScope();
    private long updates;

    /// <summary>Called after each stage with its name: <c>forward</c>, <c>backward</c>, <c>optimizer</c>. For measuring.</summary>
    public Action<string>? Finished { get; init; }

    /// <summary>Makes the k-th update. Nothing in it waits for the device.</summary>
    /// <param name="k">The update's number, from 0.</param>
    /// <param name="parts">The batch, in the parts that are computed at once.</param>
    /// <param name="rates">The learning rate, and the momentum where the schedule moves it.</param>
    /// <returns>The number of tokens learned from.</returns>
    public long Run(long k, IReadOnlyList<TokenBatch> parts, StepRates rates)
    {
        using var scope = NewDisposeScope();
        model.Store.ZeroGradients();
        long tokens = 0;
        for (int part = 0; part < parts.Count; part++)
        {
            var partKey = key[k][part];
            manual_seed((long)(partKey.Value >> 1)).Dispose(); // for what libtorch itself draws: dropout and noise on CUDA
            var pass = method.Forward(model, parts[part], partKey, training: true);
            Finished?.Invoke("forward");
            (pass.Loss / parts.Count).backward();
            model.Store.CollectGradients();
            Finished?.Invoke("backward");
            using (no_grad())
                sums.narrow(0, 0, 3).add_(stack([pass.Loss.detach(), pass.GeneratorLoss.detach(), pass.DiscriminatorLoss.detach()]) / parts.Count);
            tokens += parts[part].TokenCount;
        }
        using (no_grad())
            sums.narrow(0, 3, 1).add_(optimizer.Step(k, rates));
        Finished?.Invoke("optimizer");
        updates++;
        return tokens;
    }

    /// <summary>The means since the last call. This is the only place where training waits for the device.</summary>
    public StepMeans ReadMeans()
    {
        using var scope = NewDisposeScope();
        double[] means = [.. (sums / Math.Max(1, updates)).cpu().data<float>().Select(x => (double)x)];
        sums.zero_();
        updates = 0;
        return new StepMeans(means[0], means[1], means[2], means[3]);
    }

    /// <inheritdoc/>
    public void Dispose() => sums.Dispose();
}
