using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>The mean cross-entropy of float32 logits; targets that name no class are refused.</summary>
internal sealed record CrossEntropyOperation(CrossEntropyKernel.Shape Shape) : ICustomOperation
{
    public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using Tensor logits = inputs[0].contiguous(), targets = inputs[1].contiguous();
        foreach (long target in Elements<long>(targets))
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)target, (ulong)Shape.Classes, nameof(targets));
        using var losses = empty(Shape.Rows, dtype: ScalarType.Float32);
        var logSums = empty(Shape.Rows, dtype: ScalarType.Float32);
        CrossEntropyKernel.Forward(
            Shape,
            Float32(logits),
            (long*)DataPointer(targets),
            Float32(losses),
            Float32(logSums)
        );
        kept?.AddRange([logits.alias(), targets.alias(), logSums]);
        return losses.mean();
    }

    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var result = empty_like(kept[0]);
        CrossEntropyKernel.Backward(
            Shape,
            gradient.item<float>(),
            Float32(kept[0]),
            (long*)DataPointer(kept[1]),
            Float32(kept[2]),
            Float32(result)
        );
        return [result, null];
    }
}
