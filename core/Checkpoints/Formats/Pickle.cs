using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>A module and a name in it, as a pickle spells them. It is compared with what is known, and never looked up.</summary>
internal sealed record PickledGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>The elements that tensors are views of.</summary>
/// <param name="Type">Their type.</param>
/// <param name="Key">Its name among the storages of the file.</param>
/// <param name="Count">How many there are.</param>
internal sealed record PickledStorage(ScalarType Type, string Key, long Count)
{
    /// <summary>Their size in bytes.</summary>
    public long Bytes => Count * SafeTensors.ElementBytes(Type);
}

/// <summary>A tensor: a strided view of a storage, all of which lies inside it.</summary>
internal sealed record PickledTensor(PickledStorage Storage, long Offset, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides)
{
    /// <summary>Whether the elements lie in a row, in order.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Count - 1; i >= 0; expected *= Shape[i--])
                if (Shape[i] != 1 && Strides[i] != expected)
                    return false;
            return true;
        }
    }
}

/// <summary>An object of a class that tensor files may hold beside their tensors; nothing is done with it.</summary>
internal sealed class PickledObject;

/// <summary>What the pickle of a tensor file may name, and what is made of it. Nothing else is made, and nothing is run.</summary>
internal static class PickleAllowList
{
    private const int MostDimensions = 64; // libtorch's own limit

    /// <summary>Storage classes, with the types of their elements.</summary>
    private static readonly Dictionary<string, ScalarType> Storages = new()
    {
        ["torch.FloatStorage"] = ScalarType.Float32,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16,
        ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.LongStorage"] = ScalarType.Int64,
        ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16,
        ["torch.CharStorage"] = ScalarType.Int8,
        ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool,
    };

    /// <summary>Calls that make something, by name.</summary>
    private static readonly Dictionary<string, Func<object?[], object?>> Calls = new()
    {
        ["collections.OrderedDict"] = _ => new Dictionary<object, object?>(),
        ["torch._utils._rebuild_tensor"] = Tensor,
        ["torch._utils._rebuild_tensor_v2"] = Tensor,
        ["torch._utils._rebuild_parameter"] = arguments =>
            arguments is [PickledTensor tensor, ..] ? tensor : throw new InvalidDataException("a parameter without a tensor"),
        ["torch.Size"] = arguments => arguments is [object?[] sizes] ? sizes : throw new InvalidDataException("a torch.Size without sizes"),
    };

    /// <summary>Classes and functions whose results are kept as names only: what optimizer states hold beside tensors.</summary>
    private static readonly HashSet<string> Inert =
    [
        "torch.device",
        "fastcore.foundation.L",
        "numpy.dtype",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "_codecs.encode",
        "torch.float32",
        "torch.float16",
        "torch.bfloat16",
        "torch.float64",
        "torch.int64",
    ];

    /// <summary>Whether the name may be in the file at all.</summary>
    public static bool Knows(PickledGlobal global) =>
        global.ToString() is var name && (Storages.ContainsKey(name) || Calls.ContainsKey(name) || Inert.Contains(name));

    /// <summary>What a call gives.</summary>
    /// <exception cref="InvalidDataException">It does not take these arguments.</exception>
    public static object? Call(PickledGlobal function, object?[] arguments)
    {
        var name = function.ToString();
        if (Calls.TryGetValue(name, out var call))
            return call(arguments);
        return Inert.Contains(name) ? new PickledObject() : throw new InvalidDataException($"{name} is not a function");
    }

    /// <summary>What a persistent id stands for: a storage.</summary>
    /// <exception cref="InvalidDataException">It is not a storage.</exception>
    public static PickledStorage Storage(object? id)
    {
        // ("storage", class, key, device, number of elements[, view]); the oldest files give a storage that is a view of another one.
        if (
            id is not object?[] { Length: 5 or 6 } parts
            || parts is not ["storage", PickledGlobal kind, string key, string, long count, ..]
            || count is < 0 or > long.MaxValue / 8
        )
            throw new InvalidDataException("a persistent id that is not a storage");
        if (parts is [_, _, _, _, _, not null])
            throw new InvalidDataException("a storage that is a view of another one, as only versions of torch before 0.4 wrote them");
        return Storages.TryGetValue(kind.ToString(), out var type)
            ? new PickledStorage(type, key, count)
            : throw new InvalidDataException($"{kind} is not a storage of numbers that are known here");
    }

    /// <summary>(storage, offset, shape, strides[, requires grad, hooks[, metadata]]).</summary>
    private static object Tensor(object?[] arguments)
    {
        if (arguments is not [PickledStorage storage, long offset, object?[] sizes, object?[] steps, ..] || arguments.Length > 7)
            throw new InvalidDataException("a tensor that is not a view of a storage");
        if (sizes.Length != steps.Length || sizes.Length > MostDimensions || !sizes.Concat(steps).All(n => n is >= 0L) || offset < 0)
            throw new InvalidDataException("a tensor with an impossible shape, strides or place");
        long[] shape = [.. sizes.Cast<long>()], strides = [.. steps.Cast<long>()];
        try
        {
            long count = shape.Aggregate(8L, (product, n) => checked(product * n)); // 8: the bytes are counted too
            long last = shape
                .Zip(strides)
                .Aggregate(offset, (sum, axis) => axis.First == 0 ? sum : checked(sum + (axis.First - 1) * axis.Second));
            if (count == 0 ? offset > storage.Count : last >= storage.Count)
                throw new InvalidDataException(
                    $"a tensor of shape [{string.Join(", ", shape)}] reaches beyond its {storage.Count:N0} stored elements"
                );
        }
        catch (OverflowException)
        {
            throw new InvalidDataException($"a tensor has the impossible shape [{string.Join(", ", shape)}]");
        }
        return new PickledTensor(storage, offset, shape, strides);
    }
}
