using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Functions of libtorch that TorchSharp does not wrap, reached through TorchScript; autograd flows through them.</summary>
/// <remarks>A script that does not parse aborts the process, so each one here is a constant that a test runs.</remarks>
internal static class TensorFunctions
{
    private const string Script = """
        def embedding(weight: Tensor, ids: Tensor, padding_idx: int) -> Tensor:
            return torch.embedding(weight, ids, padding_idx)

        def add_each(sums: List[Tensor], terms: List[Tensor]):
            torch._foreach_add_(sums, terms)

        def copy_each(copies: List[Tensor], sources: List[Tensor]):
            torch._foreach_copy_(copies, sources)

        def fused_adamw(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], step: List[Tensor],
                        lr: float, beta1: float, beta2: float, weight_decay: float, eps: float,
                        grad_scale: Tensor, found_inf: Tensor):
            no_maxima: List[Tensor] = []
            torch._fused_adamw_(p, g, m, v, no_maxima, step, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay, eps=eps,
                                amsgrad=False, maximize=False, grad_scale=grad_scale, found_inf=found_inf)

        """; // the parser wants a line end after the last statement

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Script));

    /// <summary>Rows of <paramref name="weight"/>; the row <paramref name="paddingIndex"/> gets no gradient.</summary>
    public static Tensor Embedding(Tensor weight, Tensor ids, int paddingIndex) =>
        (Tensor)Invoke("embedding", weight, ids, paddingIndex);

    /// <summary>Adds to each tensor another of its shape and type; on a GPU in few kernels.</summary>
    public static void AddEach(Tensor[] sums, Tensor[] terms)
    {
        if (sums.Length > 0)
            Invoke("add_each", sums, terms);
    }

    /// <summary>Copies into each tensor another of its shape and type; on a GPU in few kernels.</summary>
    public static void CopyEach(Tensor[] copies, Tensor[] sources)
    {
        if (copies.Length > 0)
            Invoke("copy_each", copies, sources);
    }

    /// <summary>One step of AdamW on each of several ranges, in one pass over their memory.</summary>
    /// <param name="values">The ranges' parameters; the three lists after it are alike.</param>
    /// <param name="gradients">Their gradients, which are divided by <paramref name="gradientScale"/>.</param>
    /// <param name="means">First moments.</param>
    /// <param name="squares">Second moments.</param>
    /// <param name="steps">The update's number, counted from 1, for each range: what the bias correction goes by.</param>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="beta1">Decay of the first moments.</param>
    /// <param name="beta2">Decay of the second moments.</param>
    /// <param name="weightDecay">Decoupled weight decay.</param>
    /// <param name="epsilon">Added to the root of the second moments.</param>
    /// <param name="gradientScale">A scalar tensor.</param>
    /// <param name="skip">A scalar tensor: 1 leaves everything as it is.</param>
    public static void FusedAdamW(
        Tensor[] values,
        Tensor[] gradients,
        Tensor[] means,
        Tensor[] squares,
        Tensor[] steps,
        double learningRate,
        double beta1,
        double beta2,
        double weightDecay,
        double epsilon,
        Tensor gradientScale,
        Tensor skip
    ) =>
        Invoke(
            "fused_adamw",
            values,
            gradients,
            means,
            squares,
            steps,
            learningRate,
            beta1,
            beta2,
            weightDecay,
            epsilon,
            gradientScale,
            skip
        );

    /// <summary>Calls a function of the script with tensors, lists of them, numbers and integers.</summary>
    /// <remarks>TorchSharp makes a scalar of each number and forgets it before libtorch reads it: a garbage collection in between frees its
    /// memory. So scalars are made here, and all arguments live until the function has returned.</remarks>
    private static object Invoke(string function, params object[] arguments)
    {
        object[] kept = [.. arguments.Select(argument => argument is double number ? number.ToScalar() : argument)];
        try
        {
            return Unit.Value.invoke(function, kept);
        }
        finally
        {
            foreach (var scalar in kept.OfType<Scalar>())
                scalar.Dispose();
            GC.KeepAlive(kept);
        }
    }
}
