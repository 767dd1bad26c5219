
using Electra.Data.Readers;
using Electra.Hub;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// The rows of a GLUE task in a folder: <c>RTE/train.tsv</c> as the official archive has them, or
/// <c>rte/train-00000-of-00001.parquet</c> as the hub has them; and on the hub itself, from where they are downloaded.
/// </summary>
internal static class GlueFiles
{
    /// <summary>A task with those of its splits that the folder holds.</summary>
    /// <exception cref="UserErrorException">It holds none of them, or the hub cannot be reached.</exception>
    public static TaskText Open(TaskDefinition task, string folder, HubClient? hub = null,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        const string HowToGiveGlue =
            "data.glue names a folder that holds CoLA/train.tsv … (the official archive) or cola/train-00000-of-00001.parquet …, or a "
                + "data set on the hub such as nyu-mll/glue";
        string root;
        try
        {
            root = HubFolders.Find(folder, HubKind.Dataset, [$"{task.Name}/*.parquet"], hub, progress, cancellation);
        }
        catch (HubException e)
        {
            throw new UserErrorException($"GLUE cannot be read: {e.Message} {HowToGiveGlue}", e);
        }
        if (!Directory.Exists(root))
            throw new UserErrorException($"there is no folder {folder} to read GLUE from; {HowToGiveGlue}");
        var folders = FolderFiles.FoldersIn(root).ToLookup(path => Path.GetFileName(path).ToLowerInvariant());
        TaskSplitText[] splits =
        [
            .. task.Splits.Select(split => Hub(task, split, folders) ?? Archive(task, split, root, folders)).OfType<TaskSplitText>(),
        ];
        return splits.Length > 0
            ? new TaskText(task, splits)
            : throw new UserErrorException(
                $"{Paths.Shown(root)} does not hold {task.DisplayName}: "
                    + $"there is neither {ArchiveNames(task, task.Splits[0])[0]} nor {task.Name}/{HubName(task.Splits[0])}-*.parquet"
            );
    }

    private static TaskSplitText? Hub(TaskDefinition task, TaskSplit split, ILookup<string, string> folders)
    {
        string[] files =
        [
            .. folders[task.Name]
                .SelectMany(FolderFiles.In)
                .Where(file => Glob.Fits(Path.GetFileName(file), $"{HubName(split)}-*.parquet")),
        ];
        return files.Length == 0
            ? null
            : TaskRows.FromFiles(
                task,
                [
                    .. files.Select(file => new TaskFile(
                        file,
                        split,
                        new TaskColumns(task.TextColumns),
                        new TableForm(),
                        LabelForm.Number
                    )),
                ]
            );
    }

    private static TaskSplitText? Archive(TaskDefinition task, TaskSplit split, string root, ILookup<string, string> folders)
    {
        var names = ArchiveNames(task, split);
        var file = names
            .Select(name => Path.Combine(root, name))
            .Concat(
                folders[task.DisplayName.ToLowerInvariant()]
                    .Concat(folders[task.Name])
                    .Select(folder => Path.Combine(folder, Path.GetFileName(names[0])))
            )
            .FirstOrDefault(File.Exists);
        var columns = task.ArchiveColumns?.Invoke(split.Role) ?? new TaskColumns(task.TextColumns);
        return file is null
            ? null
            : TaskRows.FromFiles(
                task,
                new TaskFile(
                    file,
                    split,
                    columns,
                    new TableForm(columns.HasHeader, task.SkipsTornLines, AllowsMore: true),
                    task.LabelForm
                )
            );
    }

    private static IReadOnlyList<string> ArchiveNames(TaskDefinition task, TaskSplit split) =>
        task.ArchiveFiles.Count > 0 ? task.ArchiveFiles : [$"{task.DisplayName}/{split.Name}.tsv"];

    private static string HubName(TaskSplit split) => split.Name.Replace("dev", "validation", StringComparison.Ordinal);
}
