using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>GELU in bfloat16; its derivative is computed along, and kept for the backward pass.</summary>
internal sealed record GeluOperation(int Threads) : ICustomOperation
{
    public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var x = inputs[0].contiguous();
        var result = empty_like(x);
        var slope = kept is null ? null : empty_like(x);
        GeluKernel.Forward(BFloat16(x), BFloat16(result), slope is null ? null : BFloat16(slope), x.numel(), Threads);
        if (slope is not null)
            kept!.Add(slope);
        return result;
    }

    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var result = empty_like(gradient);
        GeluKernel.Backward(BFloat16(gradient), BFloat16(kept[0]), BFloat16(result), gradient.numel(), Threads);
        return [result];
    }
}
