using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>
/// A part of a model that is computed twice: its first input alone is kept, and the backward pass begins with the forward pass once more
/// (activation checkpointing; Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
/// </summary>
/// <param name="Work">The part: from the first input to the result. Each call must draw the same random numbers.</param>
/// <param name="Parameters">All that <paramref name="Work"/> reads: the inputs after the first are their values.</param>
internal sealed record RecomputedOperation(Func<Tensor, Tensor> Work, IReadOnlyList<Parameter> Parameters) : ICustomOperation
{
    public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var _ = no_grad();
        kept?.Add(inputs[0].alias());
        return Work(inputs[0]);
    }

    /// <summary>
    /// Gradients of parameters are returned, and not summed where they lie: autograd adds those of a parameter with several uses in the
    /// same order then as without this operation.
    /// </summary>
    public IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        using var _ = enable_grad();
        var x = kept[0].detach().requires_grad_();
        Parameter[] learning = [.. Parameters.Where(parameter => parameter.Leaf.requires_grad)]; // of others libtorch gives no gradient
        var gradients = autograd.grad(
            [Work(x)],
            [x, .. learning.Select(parameter => parameter.Leaf)],
            [gradient],
            allow_unused: true // kernels add the gradients of parameters to their sums themselves
        );
        var found = learning.Zip(gradients.Skip(1)).ToDictionary(own => own.First, own => own.Second);
        return [gradients[0], .. Parameters.Select(own => found.GetValueOrDefault(own) is { IsInvalid: false } one ? one : null)];
    }
}
