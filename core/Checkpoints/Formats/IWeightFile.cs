using System.Text;
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
    string Path { get; }

    /// <summary>What is in it, by name.</summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>What was chosen in opening it where there was a choice; null where there was none.</summary>
    string? Remark => null;

    /// <summary>The task that the weights were fine-tuned on, where their names say it.</summary>
    string? Task => null;

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

    private static readonly string[] TensorFlow = [TensorFlowBundle.IndexEnd];

    private static readonly string[] BesideModels = ["optimizer", "scheduler", "training_args", "rng_state", "scaler"];

    /// <summary>Whether a file's name is that of weights.</summary>
    public static bool IsWeights(string path) =>
        Safe.Concat(Pickled).Concat(TensorFlow).Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a file's name is that of weights, and none of those that trainers give to what they save beside them.</summary>
    public static bool MayBeModel(string path) => IsWeights(path)
        && !Array.Exists(BesideModels, name => System.IO.Path.GetFileName(path).StartsWith(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Opens a file of weights, or the files that an index names.</summary>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static IWeightFile Open(string path) =>
        path.EndsWith(Index, StringComparison.Ordinal) ? ShardedFile.Open(path, Open)
        : path.EndsWith(TensorFlowBundle.IndexEnd, StringComparison.Ordinal) ? GoogleCheckpoint.Open(path)
        : Pickled.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)) ? PyTorchFile.Open(path)
        : SafeTensorsFile.Open(path);

    /// <summary>
    /// The index of the TensorFlow checkpoint that a path means: the beginning that its files have in common (<c>model.ckpt-1000</c>), one
    /// of its files, or a folder, whose file <c>checkpoint</c> names the latest; null where there is none.
    /// </summary>
    /// <exception cref="UserErrorException">There are several in a folder, and nothing says which.</exception>
    public static string? TensorFlowIndex(string path)
    {
        if (Directory.Exists(path))
            return InFolder(path);
        var name = System.IO.Path.GetFileName(path);
        int data = name.IndexOf(".data-", StringComparison.Ordinal);
        var prefix = data > 0 ? name[..data] : name.EndsWith(".meta", StringComparison.Ordinal) ? name[..^".meta".Length] : name;
        var index = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? "", prefix);
        return File.Exists(index + TensorFlowBundle.IndexEnd) && (prefix != name || !File.Exists(path))
            ? index + TensorFlowBundle.IndexEnd
            : null;
    }

    private static string? InFolder(string folder)
    {
        string[] all = [.. Directory.GetFiles(folder, "*" + TensorFlowBundle.IndexEnd).Order(StringComparer.Ordinal)];
        var list = System.IO.Path.Combine(folder, "checkpoint");
        // model_checkpoint_path: "/where/it/was/trained/model.ckpt-1000"
        var latest = File.Exists(list)
            ? Encoding.UTF8.GetString(InputFile.ReadAllBytes(list)).Split('\n').FirstOrDefault(IsLatest)
            : null;
        if (latest?.Split('"') is [_, var named, _]
            && System.IO.Path.Combine(folder, named.Split('/', '\\')[^1] + TensorFlowBundle.IndexEnd) is var index)
            return all.Contains(index) ? index
                : all.Length == 0 ? null
                : throw new UserErrorException($"{Paths.Shown(list)} names {named}, which is not in the folder. "
                    + $"Name the checkpoint to take: {string.Join(", ", all.Select(Prefix))}");
        return all switch
        {
            [] => null,
            [var only] => only,
            _ => throw new UserErrorException($"{Paths.Shown(folder)} holds several checkpoints of TensorFlow. "
                + $"Name the one to take: {string.Join(", ", all.Select(Prefix))}"),
        };

        static bool IsLatest(string line) => line.StartsWith("model_checkpoint_path:", StringComparison.Ordinal);
        static string Prefix(string index) => Paths.Shown(index[..^TensorFlowBundle.IndexEnd.Length]);
    }

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
