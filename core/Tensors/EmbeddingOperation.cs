using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Rows of an embedding table, whose gradients are added to the rows that were read.</summary>
internal sealed record EmbeddingOperation(Parameter Table, int PaddingIndex) : ICustomOperation
{
    public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        kept?.Add(inputs[0].is_contiguous() ? inputs[0].alias() : inputs[0].contiguous());
        return TensorFunctions.Embedding(inputs[1], inputs[0], PaddingIndex);
    }

    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        int width = (int)Table.Shape[1];
        float* row = Float32(gradient), sums = Float32(Table.Gradient);
        foreach (long id in Elements<long>(kept[0]))
        {
            if (id != PaddingIndex)
                Lane.Add(row, sums + (id * width), width);
            row += width;
        }
        return [null, null];
    }
}
