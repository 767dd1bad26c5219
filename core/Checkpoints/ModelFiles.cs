using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Hub;
using Electra.Storage;

namespace Electra.Checkpoints;

/// <summary>Finds the file of weights that the name of a model means.</summary>
internal static class ModelFiles
{
    /// <summary>
    /// The file of weights, or the index of several, that a source means; and whether it lies beside the other model of a pair.
    /// </summary>
    /// <param name="source">A folder, a file, or a model on the hub.</param>
    /// <param name="part">Which model to take where there are two.</param>
    /// <param name="find">Finds the source, with files of the given names where it is a folder on the hub.</param>
    public static (string File, bool IsOfPair) Find(string source, ModelPart part, Func<string[], string> find)
    {
        string[] beside = ["*.json", "vocab.txt"];
        var local = Paths.Find(source);
        if (!Directory.Exists(local))
        {
            if (WeightFiles.TensorFlowIndex(local) is { } index)
                return (index, false);
            OtherFormats.Refuse(local);
        }
        var path = find([.. beside, "model.safetensors", "model-*.safetensors"]);
        if (File.Exists(path))
            return WeightFiles.IsWeights(path)
                ? (path, false)
                : throw new UserErrorException(
                    $"{source} is not a file of weights: .safetensors, .bin, .pth and TensorFlow's .index can be loaded"
                );
        if (!Directory.Exists(path))
            throw new UserErrorException(
                $"{source}: there is no such folder or file (looked for "
                    + $"{string.Join(" and ", Paths.Candidates(source).Select(Paths.Shown))})"
            );
        if (!Path.Exists(Paths.Find(source)) && WeightsIn(path) is null)
            path = find([.. beside, "pytorch_model.bin", "pytorch_model-*.bin"]); // older repositories have nothing else
        if (InFolder(path, part) is { } found)
            return found;
        OtherFormats.RefuseFolder(path);
        string[] named =
        [
            .. FolderFiles.In(path).Where(file => WeightFiles.MayBeModel(file) || ModelArchive.IsNamed(file)).Select(Paths.Shown),
        ];
        throw new UserErrorException($"{source} holds no model: none of {string.Join(", ", WeightFiles.Names)}"
            + (named.Length > 0 ? $". Name the file to take: {string.Join(", ", named)}" : ModelsInside(path) + Milestones(path)));
    }

    /// <summary>The same of an archive.</summary>
    /// <exception cref="UserErrorException">It does not say which of several files has the weights, or they cannot be read.</exception>
    public static (string File, bool IsOfPair) Find(ModelArchive archive, ModelPart part)
    {
        try
        {
            if (InFolder(archive.Folder, part) is { } found)
                return found;
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"{e.Message} (unpack the archive to do so)", e);
        }
        OtherFormats.RefuseFolder(archive.Folder);
        string[] named = [.. FolderFiles.Under(archive.Folder).Where(WeightFiles.MayBeModel)];
        return named is [var only] ? (only, false)
            : throw new UserErrorException(
                $"{Paths.Shown(archive.Path)} holds several files of weights, {string.Join(", ", named.Select(Path.GetFileName))}: "
                    + "unpack it, and name one"
            );
    }

    private static (string File, bool IsOfPair)? InFolder(string folder, ModelPart part)
    {
        if (WeightsIn(folder) is { } file)
            return (file, false);
        if (WeightsIn(Path.Combine(folder, HuggingFaceFolder.FolderOf(part))) is { } ofPair)
            return (
                ofPair,
                Enum.GetValues<ModelPart>().All(either => WeightsIn(Path.Combine(folder, HuggingFaceFolder.FolderOf(either))) is not null)
            );
        return WeightFiles.TensorFlowIndex(folder) is { } checkpoint ? (checkpoint, false) : null;
    }

    /// <summary>Finds a source, on the hub where it is not on this machine.</summary>
    /// <exception cref="UserErrorException">The hub cannot be reached, or does not have it.</exception>
    public static string OnThisMachine(
        string source,
        string[] files,
        HubClient? hub,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        try
        {
            return HubFolders.Find(source, HubKind.Model, files, hub, progress, cancellation);
        }
        catch (HubException e)
        {
            throw new UserErrorException(e.Message, e);
        }
    }

    private static string? WeightsIn(string folder) =>
        WeightFiles.Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(InputFile.IsNamed);

    /// <summary>Names the folders in a folder that hold models: a trainer's <c>checkpoint-500</c>.</summary>
    private static string ModelsInside(string folder)
    {
        string[] inside = [.. FolderFiles.FoldersIn(folder).Where(inner => WeightsIn(inner) is not null).Select(Paths.Shown)];
        return inside.Length == 0 ? "" : $". Name the model to take: {WeightNames.Shown(inside)}";
    }

    /// <summary>Names the models of a run, if the folder is the run's own: they lie beside it.</summary>
    public static string Milestones(string folder)
    {
        string[] beside =
        [
            .. FolderFiles
                .FoldersIn(Path.GetDirectoryName(folder)!)
                .Where(other => Path.GetFileName(other).StartsWith($"{Path.GetFileName(folder)}_", StringComparison.Ordinal))
                .Select(Paths.Shown),
        ];
        return beside.Length == 0 ? "" : $". The models of this run are in {string.Join(", ", beside)}";
    }
}
