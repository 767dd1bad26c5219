using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>
/// All parameters of a model in one flat float32 tensor, all gradients in another, so that the optimizer, clipping, an all-reduce
/// and a checkpoint each work on one tensor.
/// </summary>
/// <remarks>
/// Order in the flat tensors: embeddings, weights | biases, others. What decays is the part before the bar, so weight decay is one
/// range; weights and biases lie together, so their 16-bit copies are one range too. In bfloat16 and float16 the model reads copies of
/// weights and biases that <see cref="PublishValues"/> refreshes once a step, and <see cref="CollectGradients"/> adds their
/// gradients to the float32 sums: casts cost two passes over memory instead of two small kernels for each use of each parameter.
/// </remarks>
public sealed class ParameterStore : IDisposable
{
    private const int Alignment = 16; // elements: each parameter starts on a cache line of its own

    /// <summary>libtorch has one generator for all threads.</summary>
    private static readonly Lock InitialDraws = new();

    private readonly List<Parameter> parameters = [];
    private Range copied;
    private Parameter[] inCopies = [];
    private Tensor? copies, copyGradients;

    private readonly record struct Range(long Start, long Length);

    /// <summary>The parameters in the order they were declared: the order of Hugging Face's <c>named_parameters()</c>.</summary>
    public IReadOnlyList<Parameter> Parameters => parameters;

    /// <summary>Where the parameters live and what precision they are read in.</summary>
    public Compute Compute { get; private set; } = Compute.Reference;

    /// <summary>Whether the layers that read these parameters are computed once more in the backward pass, instead of keeping what it
    /// needs: less memory, more time, the same gradients.</summary>
    internal bool Recomputes { get; set; }

    /// <summary>All values, <c>[count]</c> float32, with a little padding between parameters that stays zero.</summary>
    public Tensor Values { get; private set; } = null!;

    /// <summary>All gradients, <c>[count]</c> float32, laid out like <see cref="Values"/>.</summary>
    public Tensor Gradients { get; private set; } = null!;

    /// <summary>How many elements at the start of <see cref="Values"/> are subject to weight decay.</summary>
    public long DecayedCount { get; private set; }

    /// <summary>The number of parameters proper, without padding.</summary>
    public long ParameterCount => parameters.Sum(p => p.Count);

    /// <summary>Declares a parameter. Its tensors exist once <see cref="Allocate"/> has been called.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="role">Whether it decays and what precision it is read in.</param>
    /// <param name="initialization">How it begins.</param>
    /// <param name="parts">Names on disk, when several parameters there are one here, stacked along the first dimension.</param>
    public Parameter Add(string name, long[] shape, ParameterRole role, Initialization initialization, IReadOnlyList<string>? parts = null)
    {
        if (Values is not null)
            throw new InvalidOperationException("parameters are declared before the store is allocated");
        var parameter = new Parameter(name, shape, role, initialization, parts);
        parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Makes the flat tensors and initializes every parameter: the same values for the same seed on any device.</summary>
    /// <param name="compute">The device and the precision.</param>
    /// <param name="seed">Seeds the initial values; null leaves them zero, for weights that are read from a file.</param>
    /// <param name="standardDeviation">Of the normal initializations (0.02 in BERT and ELECTRA).</param>
    /// <param name="trainable">False makes no gradients: for inference.</param>
    /// <returns>This store.</returns>
    public ParameterStore Allocate(Compute compute, long? seed, double standardDeviation = 0.02, bool trainable = true)
    {
        Compute = compute;
        long total = LayOut();
        using (no_grad())
        {
            var values = zeros(total);
            if (seed is { } drawn)
                lock (InitialDraws)
                {
                    manual_seed(drawn).Dispose();
                    foreach (var p in parameters)
                        Initialize(values.narrow(0, p.Offset, p.Count).view([.. p.Shape]), p.Initialization, standardDeviation);
                }
            Values = values.to(compute.Device).DetachFromDisposeScope();
            if (trainable)
                Gradients = zeros(total, device: compute.Device).DetachFromDisposeScope();
            if (compute.ActivationType != ScalarType.Float32)
            {
                copies = empty(copied.Length, dtype: compute.ActivationType, device: compute.Device).DetachFromDisposeScope();
                if (trainable)
                    copyGradients = zeros_like(copies).DetachFromDisposeScope();
            }
        }
        foreach (var p in parameters)
            MakeViews(p, trainable);
        PublishValues();
        return this;
    }

    /// <summary>How parameters lie in the flat tensors: for each its name, shape and first element.</summary>
    public string Layout => string.Join('\n', parameters.Select(p => $"{p.Name} [{string.Join(", ", p.Shape)}] {p.Offset}"));

    /// <summary>The flat tensors in as few ranges as there can be with one rate each, from end to end.</summary>
    /// <param name="rateScale">What the learning rate of a parameter is multiplied by.</param>
    internal IReadOnlyList<ParameterRange> Ranges(Func<Parameter, double> rateScale)
    {
        var ranges = new List<ParameterRange>();
        var ordered = parameters.OrderBy(p => p.Offset).ToList();
        foreach (var (i, p) in ordered.Index())
        {
            long end = i + 1 < ordered.Count ? ordered[i + 1].Offset : Values.numel();
            var range = new ParameterRange(p.Offset, end - p.Offset, p.Offset < DecayedCount, rateScale(p));
            if (ranges.Count > 0 && ranges[^1] is var last && (last.Decays, last.RateScale) == (range.Decays, range.RateScale))
                ranges[^1] = last with { Length = last.Length + range.Length };
            else
                ranges.Add(range);
        }
        return ranges;
    }

    /// <summary>Call after <see cref="Values"/> has changed: refreshes the copies that the model reads.</summary>
    public void PublishValues()
    {
        using var _ = no_grad();
        copies?.copy_(Values.narrow(0, copied.Start, copied.Length));
        parameters.ForEach(p => p.Unpack());
    }

    /// <summary>Adds the gradients of a loss to <see cref="Gradients"/>.</summary>
    /// <remarks>Autograd adds the gradient of each parameter by itself, in a kernel that a GPU has to be told of: there they are taken as
    /// they come, and added as lists.</remarks>
    internal void Backward(Tensor loss)
    {
        if (Compute.IsCuda)
            Gather(loss);
        else
            loss.backward();
        CollectGradients();
    }

    /// <summary>Call after each backward pass: adds the gradients of the copies to <see cref="Gradients"/>.</summary>
    public void CollectGradients()
    {
        if (copyGradients is null)
            return;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (start, length) in ReadCopies())
        {
            var gradients = copyGradients.narrow(0, start - copied.Start, length);
            Gradients.narrow(0, start, length).add_(gradients);
            gradients.zero_();
        }
    }

    /// <summary>Call before the first backward pass of a step.</summary>
    public void ZeroGradients() => Gradients.zero_();

    /// <summary>Every parameter under its names on disk: float32 views into <see cref="Values"/>.</summary>
    public IEnumerable<(string Name, Tensor Value)> Named() => NamedViews(p => p.Master);

    /// <summary>The gradient of every parameter under its names on disk: float32 views into <see cref="Gradients"/>.</summary>
    internal IEnumerable<(string Name, Tensor Gradient)> NamedGradients() => NamedViews(p => p.Gradient);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var p in parameters)
        {
            p.Unpack();
            p.Leaf?.Dispose();
            p.Master?.Dispose();
            p.Gradient?.Dispose();
            p.LeafGradient?.Dispose();
        }
        Values?.Dispose();
        Gradients?.Dispose();
        copies?.Dispose();
        copyGradients?.Dispose();
    }

    /// <summary>The ranges of parameters whose copies autograd may have gradients of; what lies side by side is one.</summary>
    private List<Range> ReadCopies()
    {
        var ranges = new List<Range>();
        foreach (var p in inCopies)
            if (p.IsRead)
                if (ranges.Count > 0 && ranges[^1] is var last && last.Start + last.Length == p.Offset)
                    ranges[^1] = last with { Length = last.Length + Padded(p.Count) };
                else
                    ranges.Add(new Range(p.Offset, Padded(p.Count)));
        return ranges;
    }

    private void Gather(Tensor loss)
    {
        using var scope = NewDisposeScope();
        Parameter[] learning = [.. parameters.Where(p => p.Leaf.requires_grad)];
        var gradients = autograd.grad([loss], [.. learning.Select(p => p.Leaf)], allow_unused: true);
        var found = learning
            .Zip(gradients, (p, gradient) => (To: p.LeafGradient, Gradient: gradient))
            .Where(pair => !pair.Gradient.IsInvalid)
            .ToLookup(pair => pair.To.dtype == float32);
        using var _ = no_grad();
        // In float32 they are added to their sums; the room of the copies' is empty, and is added as a whole afterwards.
        TensorFunctions.AddEach([.. found[true].Select(pair => pair.To)], [.. found[true].Select(pair => pair.Gradient)]);
        TensorFunctions.CopyEach([.. found[false].Select(pair => pair.To)], [.. found[false].Select(pair => pair.Gradient)]);
    }

    private static long Padded(long count) => (count + Alignment - 1) / Alignment * Alignment;

    private IEnumerable<(string, Tensor)> NamedViews(Func<Parameter, Tensor> view)
    {
        foreach (var p in parameters)
        {
            long rows = p.Shape[0] / p.Parts.Count;
            for (int part = 0; part < p.Parts.Count; part++)
                yield return (p.Parts[part], p.Parts.Count == 1 ? view(p) : view(p).narrow(0, part * rows, rows));
        }
    }

    private long LayOut()
    {
        long offset = 0, copiedStart = 0, copiedEnd = 0;
        foreach (var role in parameters.GroupBy(p => p.Role).OrderBy(group => group.Key))
        {
            if (role.Key == ParameterRole.Weight)
                copiedStart = offset;
            foreach (var p in role)
            {
                p.Offset = offset;
                offset += Padded(p.Count);
            }
            if (role.Key is ParameterRole.Embedding or ParameterRole.Weight)
                DecayedCount = offset;
            if (role.Key is ParameterRole.Weight or ParameterRole.Bias)
                copiedEnd = offset;
        }
        copied = new Range(copiedStart, copiedEnd - copiedStart);
        inCopies = [.. parameters.Where(p => p.Role is ParameterRole.Weight or ParameterRole.Bias).OrderBy(p => p.Offset)];
        return offset;
    }

    private void MakeViews(Parameter p, bool trainable)
    {
        long[] shape = [.. p.Shape];
        p.Master = Values.narrow(0, p.Offset, p.Count).view(shape).DetachFromDisposeScope();
        if (trainable)
            p.Gradient = Gradients.narrow(0, p.Offset, p.Count).view(shape).DetachFromDisposeScope();

        bool isCopy = copies is not null && p.Role is ParameterRole.Weight or ParameterRole.Bias;
        p.Leaf = (isCopy ? copies!.narrow(0, p.Offset - copied.Start, p.Count).view(shape) : p.Master).detach().DetachFromDisposeScope();
        if (!trainable)
            return;
        p.Leaf.requires_grad = true;
        p.LeafGradient = isCopy
            ? copyGradients!.narrow(0, p.Offset - copied.Start, p.Count).view(shape).DetachFromDisposeScope()
            : p.Gradient;
        p.Leaf.grad = p.LeafGradient;
    }

    private static void Initialize(Tensor values, Initialization initialization, double standardDeviation)
    {
        switch (initialization)
        {
            case Initialization.Ones:
                values.fill_(1);
                break;
            case Initialization.Normal:
                values.normal_(0, standardDeviation);
                break;
            case Initialization.TruncatedNormal:
                // The inverse of the distribution function, of uniform numbers between its values at the bounds. TorchSharp's own
                // trunc_normal_ fills with a constant.
                const double AtTwoSigma = 0.9544997361036416; // erf(2 / √2)
                values
                    .uniform_(-AtTwoSigma, AtTwoSigma)
                    .erfinv_()
                    .mul_(Math.Sqrt(2) * standardDeviation)
                    .clamp_(-2 * standardDeviation, 2 * standardDeviation);
                break;
            case Initialization.XavierUniform:
                nn.init.xavier_uniform_(values);
                break;
        }
    }
}
