using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>A tensor in a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its shape.</param>
internal sealed record StoredTensor(string Name, ScalarType Type, IReadOnlyList<long> Shape);

/// <summary>Tensors by name in a file that is open to be read, whatever its format.</summary>
internal interface IWeightFile : IDisposable
{
    /// <summary>The file.</summary>
    string Path { get; }

    /// <summary>What is in it, by name.</summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>What was chosen in opening it where there was a choice; null where there was none.</summary>
    string? Remark => null;

    /// <summary>Reads a tensor into an existing one of the same shape, on any device, converting its type where it differs.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name, or it has another shape.</exception>
    void CopyTo(string name, Tensor destination);
}

/// <summary>Opens files of weights by their names.</summary>
internal static class WeightFiles
{
    private const string Index = ".index.json";

    /// <summary>The files of a model's folder, the one to prefer first.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["model.safetensors", "model.safetensors" + Index, "pytorch_model.bin", "pytorch_model.bin" + Index];

    private static readonly string[] Safe = [".safetensors"], Pickled = [".bin", ".pth", ".pt", ".ckpt"];

    private static readonly string[] BesideModels = ["optimizer", "scheduler", "training_args", "rng_state", "scaler"];

    /// <summary>Whether a file's name is that of weights.</summary>
    public static bool IsWeights(string path) =>
        Safe.Concat(Pickled).Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a file's name is that of weights, and none of those that trainers give to what they save beside them.</summary>
    public static bool MayBeModel(string path) => IsWeights(path)
        && !Array.Exists(BesideModels, name => System.IO.Path.GetFileName(path).StartsWith(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Opens a file of weights, or the files that an index names.</summary>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static IWeightFile Open(string path) =>
        path.EndsWith(Index, StringComparison.Ordinal) ? ShardedFile.Open(path, Open)
        : Pickled.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)) ? PyTorchFile.Open(path)
        : SafeTensorsFile.Open(path);

    /// <summary>The tensor of a name, if it has the shape of <paramref name="destination"/>.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name, or it has another shape.</exception>
    public static StoredTensor Find(this IWeightFile file, string name, Tensor destination)
    {
        var stored = file.Find(name);
        return stored.Shape.SequenceEqual(destination.shape)
            ? stored
            : throw new UserErrorException(
                $"{Paths.Shown(file.Path)}: {name} is [{string.Join(", ", stored.Shape)}], and [{string.Join(", ", destination.shape)}] "
                    + "is needed"
            );
    }

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name.</exception>
    public static StoredTensor Find(this IWeightFile file, string name) => file.Tensors.TryGetValue(name, out var stored)
        ? stored
        : throw new UserErrorException($"{Paths.Shown(file.Path)} has no tensor {name}");
}
