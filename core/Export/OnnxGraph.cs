using System.Globalization;
using Electra.Native;
using Google.Protobuf;
using Onnx;
using static Onnx.AttributeProto.Types;
using static Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace Electra.Export;

/// <summary>
/// An ONNX graph while it is built. Values are known by their names: each operation takes names and gives the name of its result.
/// (github.com/onnx/onnx: <c>docs/IR.md</c>, <c>docs/Operators.md</c>)
/// </summary>
/// <param name="name">Its name.</param>
/// <param name="floats">What it computes in, float32 or float16; what it gives to the caller is float32.</param>
internal sealed class OnnxGraph(string name, ScalarType floats = ScalarType.Float32)
{
    /// <summary>The version of the operators: the first with LayerNormalization, so that old runtimes read the file too.</summary>
    private const int Operators = 17;

    private const int FileVersion = 8; // of the same release, 1.12

    private readonly GraphProto graph = new() { Name = name };
    private readonly HashSet<string> constants = [];

    /// <summary>What the names of the next results begin with.</summary>
    public string Scope { get; set; } = "";

    /// <summary>Adds an input of whole numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dimensions">The names of its sizes, which the caller chooses.</param>
    public string Input(string name, params IEnumerable<string> dimensions)
    {
        graph.Input.Add(Described(name, DataType.Int64, dimensions));
        return name;
    }

    /// <summary>Gives a value to the caller.</summary>
    /// <param name="name">The name that the caller knows it by.</param>
    /// <param name="value">The value, of numbers.</param>
    /// <param name="dimensions">Its sizes: numbers, or names of those that the inputs have.</param>
    public void Output(string name, string value, params IEnumerable<string> dimensions)
    {
        var node = new NodeProto { OpType = "Identity", Name = name, Input = { value }, Output = { name } };
        if (floats == ScalarType.Float16)
        {
            node.OpType = "Cast";
            node.Attribute.Add(Attribute(("to", (long)DataType.Float)));
        }
        graph.Node.Add(node);
        graph.Output.Add(Described(name, DataType.Float, dimensions));
    }

    /// <summary>Adds the values of a tensor under a name, once.</summary>
    /// <param name="name">The name.</param>
    /// <param name="make">Makes the tensor, where it is not there yet: of int64 or int8, or numbers, which get the graph's type.</param>
    public string Constant(string name, Func<Tensor> make)
    {
        if (!constants.Add(name))
            return name;
        using var scope = NewDisposeScope();
        var tensor = make().cpu().contiguous();
        if (tensor.is_floating_point())
            tensor = tensor.to(floats);
        var bytes = new byte[tensor.numel() * tensor.ElementSize];
        NativeTensors.CopyBytes(tensor, bytes);
        graph.Initializer.Add(new TensorProto
        {
            Name = name,
            DataType = (int)TypeOf(tensor.dtype),
            Dims = { tensor.shape },
            RawData = UnsafeByteOperations.UnsafeWrap(bytes),
        });
        return name;
    }

    /// <summary>A number.</summary>
    public string Number(double value) => Constant(value.ToString("R", CultureInfo.InvariantCulture), () => tensor((float)value));

    /// <summary>A whole number.</summary>
    public string Integer(long value) => Constant($"integer {value}", () => tensor(value));

    /// <summary>Whole numbers: axes, sizes, places.</summary>
    public string Integers(params long[] values) => Constant($"[{string.Join(',', values)}]", () => tensor(values));

    /// <summary>Adds an operation.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="attributes">Its settings: long, float or long[].</param>
    /// <returns>The name of its result.</returns>
    public string Apply(string type, string[] inputs, params IEnumerable<(string Name, object Value)> attributes) =>
        Apply(type, 1, inputs, attributes)[0];

    /// <summary>Adds an operation with several results.</summary>
    /// <returns>The names of its results.</returns>
    public string[] Apply(string type, int results, string[] inputs, params IEnumerable<(string Name, object Value)> attributes)
    {
        var node = new NodeProto
        {
            OpType = type,
            Name = string.Create(CultureInfo.InvariantCulture, $"{Scope}/{type}_{graph.Node.Count}"),
            Input = { inputs },
            Attribute = { attributes.Select(Attribute) },
        };
        node.Output.AddRange(Enumerable.Range(0, results).Select(i => i == 0 ? node.Name : $"{node.Name}:{i}"));
        graph.Node.Add(node);
        return [.. node.Output];
    }

    /// <summary>Whole numbers as numbers to compute with.</summary>
    public string ToFloats(string integers) => Apply("Cast", [integers], ("to", (long)TypeOf(floats)));

    /// <summary>The whole file.</summary>
    /// <param name="metadata">Texts that the runtime hands out.</param>
    public ModelProto ToModel(IEnumerable<KeyValuePair<string, string>> metadata) => new()
    {
        IrVersion = FileVersion,
        ProducerName = "electra",
        OpsetImport = { new OperatorSetIdProto { Version = Operators } },
        Graph = graph,
        MetadataProps = { metadata.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }) },
    };

    private static DataType TypeOf(ScalarType type) => type switch
    {
        ScalarType.Int64 => DataType.Int64,
        ScalarType.Int8 => DataType.Int8,
        ScalarType.Float16 => DataType.Float16,
        _ => DataType.Float,
    };

    private static AttributeProto Attribute((string Name, object Value) attribute)
    {
        var proto = new AttributeProto { Name = attribute.Name };
        switch (attribute.Value)
        {
            case long number:
                (proto.Type, proto.I) = (AttributeType.Int, number);
                break;
            case float number:
                (proto.Type, proto.F) = (AttributeType.Float, number);
                break;
            case long[] numbers:
                proto.Type = AttributeType.Ints;
                proto.Ints.AddRange(numbers);
                break;
            default:
                throw new ArgumentException($"no attribute can be a {attribute.Value.GetType()}", nameof(attribute));
        }
        return proto;
    }

    private static ValueInfoProto Described(string name, DataType type, IEnumerable<string> dimensions)
    {
        var shape = new TensorShapeProto();
        foreach (var dimension in dimensions)
            shape.Dim.Add(
                long.TryParse(dimension, CultureInfo.InvariantCulture, out long size)
                    ? new TensorShapeProto.Types.Dimension { DimValue = size }
                    : new TensorShapeProto.Types.Dimension { DimParam = dimension }
            );
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto
            {
                TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape },
            },
        };
    }
}
