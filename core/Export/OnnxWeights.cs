using Electra.Checkpoints;
using static TorchSharp.torch;

namespace Electra.Export;

/// <summary>The weights of a model in an ONNX graph, in one of the forms, and the operations that read them.</summary>
/// <remarks>
/// Quantized weights are symmetric, with a scale for each row: each output of a product, each token. In products they go to ±64 only:
/// x86 processors without VNNI add two products of 8 bits in 16, where ±127 would overflow. So every machine computes the same.
/// </remarks>
internal sealed class OnnxWeights(PretrainedModel model, OnnxGraph graph, OnnxForm form)
{
    private const int ProductLevels = 64, LookupLevels = sbyte.MaxValue;

    private readonly Dictionary<string, string[]> quantizedInputs = [];

    /// <summary>What a graph in a form computes in.</summary>
    public static ScalarType FloatsOf(OnnxForm form) => form == OnnxForm.Float16 ? ScalarType.Float16 : ScalarType.Float32;

    /// <summary>A weight as numbers.</summary>
    public string Value(string name) => graph.Constant(name, () => Load(name));

    /// <summary>The rows of a weight that ids name.</summary>
    /// <param name="name">The weight, <c>[rows, width]</c>.</param>
    /// <param name="ids">Whole numbers of any shape.</param>
    /// <param name="isOutput">Whether the weight is read by <see cref="Outputs"/> too.</param>
    public string Rows(string name, string ids, bool isOutput)
    {
        if (form != OnnxForm.Int8)
            return graph.Apply("Gather", [Value(name), ids]);
        int levels = isOutput ? ProductLevels : LookupLevels;
        var scales = graph.Apply("Gather", [Scales(name, levels), ids]);
        var rows = graph.ToFloats(graph.Apply("Gather", [Levels(name, levels), ids]));
        return graph.Apply("Mul", [rows, graph.Apply("Unsqueeze", [scales, graph.Integers(-1)])]);
    }

    /// <summary>The product with a weight of a linear layer, <c>[outputs, inputs]</c>.</summary>
    /// <param name="name">The weight.</param>
    /// <param name="x">What is multiplied: <c>[…, inputs]</c>.</param>
    /// <param name="isExact">Whether the weight stays as it is in every form.</param>
    public string Product(string name, string x, bool isExact = false) =>
        form != OnnxForm.Int8 || isExact
            ? graph.Apply("MatMul", [x, graph.Constant($"{name}.T", () => Load(name).t())])
            : Product(
                x,
                graph.Constant($"{name}.T.int8", () => Quantized(name, ProductLevels).Levels.t()),
                Scales(name, ProductLevels)
            );

    /// <summary>The product with a weight that is in the file for its rows already, <c>[outputs, inputs]</c>.</summary>
    public string Outputs(string name, string x)
    {
        var columns = graph.Apply(
            "Transpose",
            [form == OnnxForm.Int8 ? Levels(name, ProductLevels) : Value(name)],
            ("perm", new long[] { 1, 0 })
        );
        return form == OnnxForm.Int8 ? Product(x, columns, Scales(name, ProductLevels)) : graph.Apply("MatMul", [x, columns]);
    }

    /// <summary>The operations that ONNX Runtime joins into one: activations become uint8 as they come.</summary>
    private string Product(string x, string levels, string scales)
    {
        if (!quantizedInputs.TryGetValue(x, out var quantized))
            quantizedInputs[x] = quantized = graph.Apply("DynamicQuantizeLinear", 3, [x]);
        var product = graph.ToFloats(graph.Apply("MatMulInteger", [quantized[0], levels, quantized[2]]));
        return graph.Apply("Mul", [product, graph.Apply("Mul", [quantized[1], scales])]);
    }

    private string Levels(string name, int levels) => graph.Constant($"{name}.int8", () => Quantized(name, levels).Levels);

    private string Scales(string name, int levels) => graph.Constant($"{name}.scale", () => Quantized(name, levels).Scales);

    /// <summary>A weight as whole numbers, and what each row of them is multiplied by.</summary>
    private (Tensor Levels, Tensor Scales) Quantized(string name, int levels)
    {
        var weight = Load(name);
        var scales = weight.abs().amax([1]) / levels;
        scales = where(scales > 0, scales, ones_like(scales));
        return ((weight / scales.unsqueeze(1)).round().to(int8), scales);
    }

    private Tensor Load(string name)
    {
        if (!model.Tensors.TryGetValue(name, out var stored))
            throw new UserErrorException($"{model.Source} has no weight {name}");
        var loaded = empty([.. stored.Shape], dtype: float32);
        model.CopyTo(name, loaded);
        return loaded;
    }
}
