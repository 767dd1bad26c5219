using System.ComponentModel.DataAnnotations;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Optimization;

/// <summary>How a gradient of too great a norm is cut.</summary>
public enum Clipping
{
    /// <summary>Times min(1, c / (norm + 10⁻⁶)), as PyTorch's <c>clip_grad_norm_</c> does.</summary>
    Torch,

    /// <summary>Times c / max(norm, c), as TensorFlow's <c>clip_by_global_norm</c> does.</summary>
    TensorFlow,
}

/// <summary>Settings of <see cref="Adam"/>. The defaults are ELECTRA's (paper, table 6; google-research/electra,
/// <c>optimization.py</c>).</summary>
public sealed record AdamOptions
{
    /// <summary>Decay of the first moment; the one-cycle schedules move it.</summary>
    [Range(0.0, 0.999999)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [Range(0.0, 0.999999)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment.</summary>
    [Range(0.0, 1.0)]
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Decoupled weight decay, not for layer normalisation and biases.</summary>
    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Divide the moments by 1 − βᵗ, as the Adam paper does and Google's code for BERT and ELECTRA does not.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>The largest norm of all gradients together; 0: no clipping.</summary>
    [Range(0.0, 1e9)]
    public double ClipNorm { get; init; } = 1;

    /// <summary>How gradients are cut to that norm.</summary>
    public Clipping Clipping { get; init; }
}

/// <summary>
/// Adam with decoupled weight decay, without bias correction unless asked for: p ← p·(1 − lr·wd); m, v ← dampened averages of g and
/// g²; p ← p − lr·m/(√v + ε). Gradients are clipped by the norm of all of them first.
/// </summary>
/// <remarks>
/// A handful of calls on flat tensors, whatever the number of parameters. An update whose gradients are not finite is left out, and
/// decided on the device, so that nothing waits for it.
/// </remarks>
internal sealed class Adam : IDisposable
{
    /// <summary>A number of steps at which the corrections 1 − βᵗ are 1 in float64: the kernel then corrects nothing.</summary>
    private const float Uncorrected = 1e7f;

    private readonly ParameterStore store;
    private readonly AdamOptions options;
    private readonly ParameterRange[] trained, frozen;
    private readonly Tensor stepNumber;
    private readonly LossScale? lossScale;
    private readonly bool sharesMoments;

    /// <summary>An optimizer for all parameters of <paramref name="store"/>, with moments of zero.</summary>
    /// <param name="store">The parameters.</param>
    /// <param name="options">Settings.</param>
    /// <param name="rate">
    /// What the learning rate of each parameter is multiplied by; by default 1. A parameter with 0, or one that requires no gradient, is
    /// frozen: it keeps its value bit by bit, and its gradient does not count in the norm.
    /// </param>
    /// <param name="beside">The optimizer of the store's other parameters, which keeps the moments of all.</param>
    public Adam(ParameterStore store, AdamOptions options, Func<Parameter, double>? rate = null, Adam? beside = null)
    {
        (this.store, this.options, sharesMoments) = (store, options, beside is not null);
        var ranges = store
            .Ranges(parameter => !parameter.Leaf.requires_grad ? 0 : rate?.Invoke(parameter) ?? 1)
            .ToLookup(range => range.RateScale == 0);
        (trained, frozen) = ([.. ranges[false]], [.. ranges[true]]);
        Means = beside?.Means ?? zeros_like(store.Values).DetachFromDisposeScope();
        Squares = beside?.Squares ?? zeros_like(store.Values).DetachFromDisposeScope();
        stepNumber = tensor(Uncorrected, device: store.Compute.Device).DetachFromDisposeScope();
        if (store.Compute.Precision == Precision.Float16)
            lossScale = new LossScale(store.Compute.Device);
    }

    /// <summary>First moments, laid out like <see cref="ParameterStore.Values"/>.</summary>
    public Tensor Means { get; }

    /// <summary>Second moments, laid out like <see cref="ParameterStore.Values"/>.</summary>
    public Tensor Squares { get; }

    /// <summary>What to take the gradients of: the loss, in float16 times a factor that <see cref="Step"/> takes out of them
    /// again.</summary>
    /// <param name="loss">A scalar.</param>
    public Tensor Scaled(Tensor loss) => lossScale is null ? loss : loss * lossScale.Value;

    /// <summary>Applies the store's gradients, and publishes the new values to the model.</summary>
    /// <param name="update">The update's number, from 0.</param>
    /// <param name="rates">The learning rate, and β₁ where the schedule moves it.</param>
    /// <param name="skipsToo">From the norm to whether the update is left out though the norm is finite, a bool scalar on the
    /// device.</param>
    /// <returns>The norm of the gradients before clipping, a scalar tensor: reading it waits for the device.</returns>
    public Tensor Step(long update, StepRates rates, Func<Tensor, Tensor>? skipsToo = null)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var range in frozen)
            store.Gradients.narrow(0, range.Start, range.Length).zero_();
        var norm = FastOperations.Norm(store.Gradients, store.Compute.Threads);
        if (lossScale is not null)
            norm = norm.div(lossScale.Value);
        var scale = options.ClipNorm <= 0 ? ones_like(norm) : options.Clipping switch
        {
            Clipping.Torch => norm.add(1e-6).div_(options.ClipNorm).clamp_min_(1),
            _ => norm.div(options.ClipNorm).clamp_min_(1),
        };
        var isFinite = norm.isfinite();
        var skips = isFinite.logical_not();
        var skip = (skipsToo is null ? skips : skips.logical_or(skipsToo(norm))).to(float32);
        if (lossScale is not null)
        {
            scale = scale.mul(lossScale.Value);
            lossScale.Update(isFinite);
        }
        if (options.BiasCorrection)
            stepNumber.fill_(update + 1);

        foreach (var group in trained.GroupBy(range => (range.Decays, range.RateScale)))
        {
            Tensor[] Cut(Tensor flat) => [.. group.Select(range => flat.narrow(0, range.Start, range.Length))];
            TensorFunctions.FusedAdamW(
                Cut(store.Values),
                Cut(store.Gradients),
                Cut(Means),
                Cut(Squares),
                [.. group.Select(_ => stepNumber)],
                rates.LearningRate * group.Key.RateScale,
                rates.Momentum ?? options.Beta1,
                options.Beta2,
                group.Key.Decays ? options.WeightDecay : 0,
                options.Epsilon,
                scale,
                skip
            );
        }
        store.PublishValues();
        return norm.MoveToOuterDisposeScope();
    }

    /// <summary>Why updates that were not finite were skipped, in words. Reading the loss scale waits for the device.</summary>
    /// <param name="hadFiniteLosses">Whether the loss of such an update was finite.</param>
    internal string WhyNotFinite(bool hadFiniteLosses) =>
        !hadFiniteLosses ? "the loss was not finite"
        : lossScale is null ? "the gradients were not finite"
        : $"the gradients overflowed float16, the loss scale is now {lossScale.Value.item<float>():N0}";

    /// <summary>All that an update changes, under the names that states are saved with. After reading into it, publish the store's
    /// values.</summary>
    public IEnumerable<(string Name, Tensor Value)> State()
    {
        (string, Tensor)[] always = sharesMoments ? [] : [("values", store.Values), ("means", Means), ("squares", Squares)];
        return lossScale is null ? always : [.. always, (sharesMoments ? "second_loss_scale" : "loss_scale", lossScale.State)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!sharesMoments)
        {
            Means.Dispose();
            Squares.Dispose();
        }
        stepNumber.Dispose();
        lossScale?.Dispose();
    }
}
