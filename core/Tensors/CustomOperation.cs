using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>An operation with a backward pass of its own.</summary>
internal interface ICustomOperation
{
    /// <summary>The result; new tensors that the backward pass needs are added to <paramref name="kept"/>, or nothing where that is
    /// null.</summary>
    Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept);

    /// <summary>The gradient of each input from that of the result; null where the operation has added it to a parameter's
    /// itself.</summary>
    IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept);
}

/// <summary>Brings operations into autograd's graph. Gradients can be taken once.</summary>
/// <remarks>
/// TorchSharp's functions of one's own hold on to what they saved until the whole graph is gone, and to the gradients that they were
/// given and returned until the surrounding scope ends. Here each tensor goes as soon as it was used, as in libtorch's own operations.
/// </remarks>
internal sealed class CustomOperation : autograd.SingleTensorFunction<CustomOperation>
{
    private const string CallKey = "call";

    /// <summary>What the last backward pass returned: autograd has taken it over by the time of the next one.</summary>
    [ThreadStatic]
    private static List<Tensor>? returned;

    private sealed record Call(ICustomOperation Operation, List<Tensor> Kept);

    /// <inheritdoc/>
    public override string Name => nameof(CustomOperation);

    /// <summary>Computes <paramref name="operation"/> of the inputs.</summary>
    public static Tensor Apply(ICustomOperation operation, params Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        var result = is_grad_enabled() && inputs.Any(input => input.requires_grad)
            ? apply([operation, .. inputs])
            : operation.Forward(inputs, kept: null);
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext context, params object[] vars)
    {
        var (operation, kept) = ((ICustomOperation)vars[0], new List<Tensor>());
        var result = operation.Forward([.. vars.Skip(1).Cast<Tensor>()], kept);
        kept.ForEach(tensor => tensor.DetachFromDisposeScope());
        context.save_data(CallKey, new Call(operation, kept));
        return result;
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
    {
        var (operation, kept) = (Call)context.get_data(CallKey);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var gradients = operation.Backward(gradient.contiguous(), kept);
        kept.ForEach(tensor => tensor.Dispose());
        kept.Clear();
        gradient.Dispose();
        returned?.ForEach(tensor => tensor.Dispose()); // of a backward pass within this one, too
        returned = [.. gradients.OfType<Tensor>().Select(tensor => tensor.DetachFromDisposeScope())];
        return [null!, .. gradients.Select(tensor => tensor!)];
    }
}
