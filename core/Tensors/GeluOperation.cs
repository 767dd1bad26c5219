using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>GELU; its derivative is computed along, and kept for the backward pass.</summary>
internal sealed record GeluOperation<T>(int Threads) : ICustomOperation where T : unmanaged, INumberFormat<T>
{
    public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var x = inputs[0].contiguous();
        var result = empty_like(x);
        var slope = kept is null ? null : empty_like(x);
        GeluKernel.Forward(First<T>(x), First<T>(result), slope is null ? null : First<T>(slope), x.numel(), Threads);
        if (slope is not null)
            kept!.Add(slope);
        return result;
    }

    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var result = empty_like(gradient);
        GeluKernel.Backward(First<T>(gradient), First<T>(kept[0]), First<T>(result), gradient.numel(), Threads);
        return [result];
    }
}
