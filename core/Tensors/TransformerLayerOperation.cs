using Electra.Tensors.Kernels;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>A layer of <see cref="TransformerLayerKernel"/>: its tensors, parameters and gradients as the kernel takes them.</summary>
internal sealed record TransformerLayerOperation<T>(TransformerLayerKernel.Shape Shape, TransformerParameters Parameters)
    : ICustomOperation
    where T : unmanaged, INumberFormat<T>
{
    public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var x = inputs[0].contiguous();
        var (rows, hidden) = (Shape.Rows, Shape.Hidden);
        var result = empty_like(x);
        Tensor[] needed = [RowsOf(3 * hidden), RowsOf(hidden), RowsOf(hidden), RowsOf(Shape.Intermediate)];
        Tensor[] forBackward = kept is null
            ? []
            :
            [
                empty(
                    [Shape.Attention.Batch * Shape.Attention.Heads, Shape.Attention.Length, Shape.Attention.Stride],
                    dtype: T.Type
                ),
                RowsOf(hidden),
                empty(rows),
                RowsOf(Shape.Intermediate),
                RowsOf(hidden),
                empty(rows),
            ];
        TransformerLayerKernel.Forward(
            Shape,
            Weights(inPanels: kept is null),
            First<T>(x),
            Activations([.. needed, .. forBackward]),
            First<T>(result)
        );
        kept?.AddRange([x.alias(), .. needed, .. forBackward]);
        return result;
    }

    /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
    public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var result = empty_like(gradient);
        using Tensor context = RowsOf(Shape.Hidden), queryKeyValue = RowsOf(3 * Shape.Hidden), residual = empty([Shape.Rows, Shape.Hidden]);
        var space = new TransformerLayerKernel.Workspace<T>
        {
            Context = First<T>(context),
            QueryKeyValue = First<T>(queryKeyValue),
            Residual = Float32(residual),
        };
        TransformerLayerKernel.Backward(
            Shape,
            Weights(inPanels: false),
            First<T>(kept[0]),
            Activations([.. kept.Skip(1)]),
            First<T>(gradient),
            space,
            First<T>(result),
            Gradients()
        );
        return [result, null];
    }

    private Tensor RowsOf(int width) => empty([Shape.Rows, width], dtype: T.Type);

    private static unsafe TransformerLayerKernel.Activations<T> Activations(IReadOnlyList<Tensor> tensors)
    {
        T* At(int i) => i < tensors.Count ? First<T>(tensors[i]) : null;
        return new()
        {
            QueryKeyValue = At(0),
            Context = At(1),
            Attended = At(2),
            Activated = At(3),
            AttentionWeights = At(4),
            AttendedUnit = At(5),
            AttendedDeviation = (float*)At(6),
            Slope = At(7),
            OutputUnit = At(8),
            OutputDeviation = (float*)At(9),
        };
    }

    private unsafe TransformerLayerKernel.Parameters<LinearWeights<T>> Weights(bool inPanels) =>
        Of(
            layer => new LinearWeights<T>(
                First<T>(layer.Weight.Leaf),
                Float32(layer.Bias.Master),
                inPanels ? (T*)layer.Weight.Panels : null
            ),
            parameter => parameter.Master
        );

    private unsafe TransformerLayerKernel.Parameters<LinearGradients> Gradients() =>
        Of(layer => new LinearGradients(Float32(layer.Weight.Gradient), Float32(layer.Bias.Gradient)), parameter => parameter.Gradient);

    private unsafe TransformerLayerKernel.Parameters<TLinear> Of<TLinear>(
        Func<(Parameter Weight, Parameter Bias), TLinear> linear,
        Func<Parameter, Tensor> part
    )
        where TLinear : unmanaged
    {
        LayerNormWeights Norm((Parameter Weight, Parameter Bias) norm) => new(Float32(part(norm.Weight)), Float32(part(norm.Bias)));
        return new()
        {
            QueryKeyValue = linear(Parameters.QueryKeyValue),
            AttentionOutput = linear(Parameters.AttentionOutput),
            Intermediate = linear(Parameters.Intermediate),
            Output = linear(Parameters.Output),
            AttentionNorm = Norm(Parameters.AttentionNorm),
            OutputNorm = Norm(Parameters.OutputNorm),
        };
    }
}
