using Electra.Data.Tasks;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>
/// The passes of an update whose loss compares all rows of its batch, computed in parts: outputs of all parts first, without gradients; of
/// these the loss, and its gradient by the outputs; then each part again, which passes its share of that gradient on (Gao et al. 2021). The
/// result is that of the whole batch, for dropout is the same in both passes.
/// </summary>
/// <param name="parts">The parts of the batch.</param>
/// <param name="outputs">The outputs for one of them, the same at each call.</param>
/// <param name="loss">The loss of outputs and labels by row: <see cref="FinetuneMethod.ByRow"/>.</param>
internal sealed class CachedPasses(
    IReadOnlyList<TaskBatch> parts,
    Func<TaskBatch, Tensor> outputs,
    Func<Tensor, Tensor, Tensor> loss
)
{
    private (Tensor Loss, Tensor Gradient)? whole;

    /// <summary>A pass for each part, to be called in their order.</summary>
    public IReadOnlyList<Func<Tensor[]>> Passes()
    {
        long first = 0;
        var passes = new List<Func<Tensor[]>>();
        foreach (var part in parts)
        {
            long begin = first;
            passes.Add(() => [Pass(part, begin)]);
            first += part.Tokens.Size;
        }
        return passes;
    }

    /// <summary>A value whose gradient is the part's; the values of all parts add up to the loss.</summary>
    private Tensor Pass(TaskBatch part, long first)
    {
        whole ??= Whole();
        var (value, gradient) = whole.Value;
        var passed = (outputs(part) * gradient.narrow(0, first, part.Tokens.Size)).sum();
        passed = passed - passed.detach() + (value / parts.Count);
        if (first + part.Tokens.Size == gradient.shape[0])
        {
            value.Dispose();
            gradient.Dispose();
        }
        return passed;
    }

    private (Tensor Loss, Tensor Gradient) Whole()
    {
        using var scope = NewDisposeScope();
        Tensor all;
        using (no_grad())
            all = cat([.. parts.Select(outputs)]);
        all.requires_grad_(true);
        int[] sizes = [.. parts.SelectMany(part => part.RowSizes!)];
        var labels = Staging.Put(all.device, [.. parts.SelectMany(part => part.Labels)]);
        var value = loss(FinetuneMethod.ByRow(all, sizes), FinetuneMethod.ByRow(labels, sizes));
        value.backward();
        return (value.detach().DetachFromDisposeScope(), all.grad!.DetachFromDisposeScope());
    }
}
