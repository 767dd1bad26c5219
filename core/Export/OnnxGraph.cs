using System.Globalization;
using Electra.Native;
using Google.Protobuf;
using Onnx;
using static Onnx.AttributeProto.Types;
using static TorchSharp.torch;

namespace Electra.Export;

/// <summary>
/// An ONNX graph while it is built. Values are known by their names: each operation takes names and gives the name of its result.
/// (github.com/onnx/onnx: <c>docs/IR.md</c>, <c>docs/Operators.md</c>)
/// </summary>
internal sealed class OnnxGraph(string name)
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
        graph.Input.Add(Described(name, TensorProto.Types.DataType.Int64, dimensions));
        return name;
    }

    /// <summary>Gives a value to the caller.</summary>
    /// <param name="name">The name that the caller knows it by.</param>
    /// <param name="value">The value, of float32.</param>
    /// <param name="dimensions">Its sizes: numbers, or names of those that the inputs have.</param>
    public void Output(string name, string value, params IEnumerable<string> dimensions)
    {
        graph.Node.Add(new NodeProto { OpType = "Identity", Name = name, Input = { value }, Output = { name } });
        graph.Output.Add(Described(name, TensorProto.Types.DataType.Float, dimensions));
    }

    /// <summary>Adds the values of a tensor under a name, once.</summary>
    /// <param name="name">The name.</param>
    /// <param name="make">Makes the tensor, of float32 or int64, where it is not there yet.</param>
    public string Constant(string name, Func<Tensor> make)
    {
        if (!constants.Add(name))
            return name;
        using var scope = NewDisposeScope();
        var tensor = make().cpu().contiguous();
        var bytes = new byte[tensor.numel() * tensor.ElementSize];
        NativeTensors.CopyBytes(tensor, bytes);
        graph.Initializer.Add(new TensorProto
        {
            Name = name,
            DataType = (int)(tensor.dtype == ScalarType.Int64 ? TensorProto.Types.DataType.Int64 : TensorProto.Types.DataType.Float),
            Dims = { tensor.shape },
            RawData = UnsafeByteOperations.UnsafeWrap(bytes),
        });
        return name;
    }

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
    public string Apply(string type, string[] inputs, params IEnumerable<(string Name, object Value)> attributes)
    {
        var result = string.Create(CultureInfo.InvariantCulture, $"{Scope}/{type}_{graph.Node.Count}");
        graph.Node.Add(
            new NodeProto
            {
                OpType = type,
                Name = result,
                Input = { inputs },
                Output = { result },
                Attribute = { attributes.Select(Attribute) },
            }
        );
        return result;
    }

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

    private static ValueInfoProto Described(string name, TensorProto.Types.DataType type, IEnumerable<string> dimensions)
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
