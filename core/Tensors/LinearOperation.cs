using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tensors;

/// <summary>An affine map, whose weight and bias are views of the flat float32 parameters.</summary>
internal sealed record LinearOperation<T>(Parameter Weight, Parameter Bias, int Threads) : ICustomOperation
    where T : unmanaged, INumberFormat<T>
{
    public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        kept?.Add(inputs[0].alias());
        return linear(inputs[0], inputs[1], Bias.Leaf);
    }

    /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var (rows, outputs, inputs) = ((int)gradient.shape[0], (int)Weight.Shape[0], (int)Weight.Shape[1]);
        using var x = kept[0].contiguous();
        T.Multiply(
            outputs,
            inputs,
            rows,
            new(First<T>(gradient), outputs, isTransposed: true),
            new(First<T>(x), inputs),
            1,
            Float32(Weight.Gradient),
            inputs
        );
        ColumnSums.Add(First<T>(gradient), Float32(Bias.Gradient), rows, outputs, Threads);
        return [gradient.matmul(Weight.Leaf), null];
    }
}
