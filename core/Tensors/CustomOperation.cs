using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>An operation with a backward pass of its own.</summary>
internal interface ICustomOperation
{
    /// <summary>The result; what the backward pass needs is added to <paramref name="kept"/>, or nothing where that is null.</summary>
    Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept);

    /// <summary>The gradient of each input from that of the result; null where the operation has added it to a parameter's itself.</summary>
    IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept);
}

/// <summary>Brings operations into autograd's graph.</summary>
internal sealed class CustomOperation : autograd.SingleTensorFunction<CustomOperation>
{
    private const string Operation = "operation";

    /// <inheritdoc/>
    public override string Name => nameof(CustomOperation);

    /// <summary>Computes <paramref name="operation"/> of the inputs.</summary>
    public static Tensor Apply(ICustomOperation operation, params Tensor[] inputs) =>
        is_grad_enabled() && inputs.Any(input => input.requires_grad)
            ? apply([operation, .. inputs])
            : operation.Forward(inputs, kept: null);

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext context, params object[] vars)
    {
        var kept = new List<Tensor>();
        var operation = (ICustomOperation)vars[0];
        var result = operation.Forward([.. vars.Skip(1).Cast<Tensor>()], kept);
        context.save_for_backward(kept);
        context.save_data(Operation, operation);
        return result;
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
    {
        var operation = (ICustomOperation)context.get_data(Operation);
        using var _ = no_grad();
        var gradients = operation.Backward(gradient.contiguous(), context.get_saved_variables());
        return [null!, .. gradients.Select(g => g!)];
    }
}
