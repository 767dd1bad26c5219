using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary><c>x Wᵀ + b</c>.</summary>
/// <param name="store">Where the parameters are declared.</param>
/// <param name="name">The layer's full name; <c>.weight</c> and <c>.bias</c> follow it.</param>
/// <param name="inputs">Width of x.</param>
/// <param name="outputs">Width of the result.</param>
/// <param name="initialization">Of the weight; the bias begins at zero.</param>
/// <param name="parts">Names on disk, when several layers that read the same input are one here.</param>
public sealed class Linear(
    ParameterStore store,
    string name,
    int inputs,
    int outputs,
    Initialization initialization,
    string[]? parts = null
)
{
    private readonly Parameter weight = store.Add(
        $"{name}.weight",
        [outputs, inputs],
        ParameterRole.Weight,
        initialization,
        parts?.Select(part => $"{part}.weight").ToArray()
    );
    private readonly Parameter bias = store.Add(
        $"{name}.bias",
        [outputs],
        ParameterRole.Bias,
        Initialization.Zeros,
        parts?.Select(part => $"{part}.bias").ToArray()
    );

    /// <summary>W <c>[outputs, inputs]</c> and b <c>[outputs]</c>.</summary>
    internal (Parameter Weight, Parameter Bias) Parameters => (weight, bias);

    /// <summary><c>[…, inputs]</c> to <c>[…, outputs]</c>.</summary>
    public Tensor Forward(Tensor x) => FastOperations.Linear(x, weight, bias, store.Compute.Threads);
}

/// <summary>Layer normalisation over the last dimension, with weight and bias (Ba et al. 2016).</summary>
/// <param name="store">Where the parameters are declared.</param>
/// <param name="name">The layer's full name; <c>.weight</c> and <c>.bias</c> follow it.</param>
/// <param name="width">Size of the last dimension.</param>
/// <param name="epsilon">Added to the variance.</param>
internal sealed class LayerNorm(ParameterStore store, string name, int width, double epsilon)
{
    private readonly Parameter weight = store.Add($"{name}.weight", [width], ParameterRole.Other, Initialization.Ones);
    private readonly Parameter bias = store.Add($"{name}.bias", [width], ParameterRole.Other, Initialization.Zeros);

    /// <summary>Weight and bias, <c>[width]</c> each.</summary>
    internal (Parameter Weight, Parameter Bias) Parameters => (weight, bias);

    /// <summary>The result has the type of <paramref name="x"/>; the arithmetic is float32.</summary>
    public Tensor Forward(Tensor x)
    {
        // The CPU's kernel reads bfloat16 and float32 side by side; CUDA's wants one type.
        bool cast = x.dtype != ScalarType.Float32 && store.Compute.IsCuda;
        var y = nn.functional.layer_norm(cast ? x.to(float32) : x, [width], weight.Value, bias.Value, epsilon);
        return cast ? y.to(x.dtype) : y;
    }
}
