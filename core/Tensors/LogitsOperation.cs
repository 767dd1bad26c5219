using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>Logits over the vocabulary from activations and float32 word embeddings.</summary>
internal sealed record LogitsOperation<T>(Parameter Words, Parameter Bias, VocabularyKernel.Shape Shape) : ICustomOperation
    where T : unmanaged, INumberFormat<T>
{
    public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var x = inputs[0].contiguous();
        var logits = empty([Shape.Rows, Shape.Tokens], dtype: ScalarType.Float32);
        VocabularyKernel.Forward(Shape, First<T>(x), Float32(Words.Leaf), Float32(Bias.Leaf), Float32(logits));
        kept?.Add(x.alias());
        return logits;
    }

    /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var result = empty_like(kept[0]);
        VocabularyKernel.Backward(
            Shape,
            Float32(gradient),
            First<T>(kept[0]),
            Float32(Words.Leaf),
            First<T>(result),
            Float32(Words.Gradient),
            Float32(Bias.Gradient)
        );
        return [result, null, null];
    }
}
