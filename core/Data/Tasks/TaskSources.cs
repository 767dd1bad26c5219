
namespace Electra.Data.Tasks;

/// <summary>Where the rows of tasks lie.</summary>
public sealed record TaskSourceOptions
{
    /// <summary>
    /// A folder with GLUE: <c>CoLA/train.tsv</c> … as the official archive has it, or <c>cola/train-00000-of-00001.parquet</c> … as the
    /// hub has it; or the data set on the Hugging Face hub, which is downloaded task by task.
    /// </summary>
    [ExecutionOnly]
    public string Glue { get; init; } = "nyu-mll/glue";

    /// <summary>
    /// Whether the outputs of a model for MNLI are contradiction, entailment, neutral, as in Google's code, and not entailment, neutral,
    /// contradiction, as the hub numbers them.
    /// </summary>
    public bool ContradictionFirst { get; init; }

    /// <summary>Tasks of one's own, by name.</summary>
    public IReadOnlyDictionary<string, OwnTaskOptions> Own { get; init; } = new Dictionary<string, OwnTaskOptions>();

    /// <summary>What is wrong between values that are each right, by the key under this record.</summary>
    internal IEnumerable<(string Key, string Problem)> Problems()
    {
        foreach (var (name, options) in Own)
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                yield return ($"own.{name}", "names a folder: letters, digits, - and _");
            if (TaskSources.IsBuiltIn(name))
                yield return ($"own.{name}", "is the name of a task that is there already");
            foreach (var (part, problem) in options.Problems())
                yield return ($"own.{name}.{part}", problem);
        }
    }
}

/// <summary>Finds tasks by name: GLUE's, those made from the API documentation of the installed SDK, and one's own.</summary>
internal static class TaskSources
{
    /// <summary>The names of all tasks that a configuration can use.</summary>
    public static IReadOnlyList<string> Names(TaskSourceOptions options) =>
        [.. GlueTasks.All.Select(task => task.Name), .. DotnetDocsTasks.All.Select(task => task.Name), .. options.Own.Keys];

    /// <summary>What a task is.</summary>
    /// <exception cref="UserErrorException">There is no task of this name.</exception>
    public static TaskDefinition Define(string name, TaskSourceOptions options) =>
        BuiltIn(name, options.ContradictionFirst)
        ?? (options.Own.TryGetValue(name, out var own) ? OwnTask.Define(name, own) : throw Unknown(name, options));

    /// <summary>A task with its rows.</summary>
    /// <param name="name">The task.</param>
    /// <param name="options">Where rows lie.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download; the next call goes on.</param>
    /// <exception cref="UserErrorException">There is no task of this name, or its files are not there.</exception>
    public static TaskText Open(
        string name,
        TaskSourceOptions options,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var task = Define(name, options);
        return options.Own.TryGetValue(name, out var own) ? OwnTask.Open(task, own)
            : DotnetDocsTasks.All.Contains(task) ? DotnetDocsTasks.Open(task)
            : GlueFiles.Open(task, options.Glue, progress: progress, cancellation: cancellation);
    }

    /// <summary>
    /// Whether a name is a built-in task's, or one of its files of predictions is called so (<c>MNLI-m</c>), on any file system.
    /// </summary>
    internal static bool IsBuiltIn(string name) =>
        GlueTasks
            .All.Concat(DotnetDocsTasks.All)
            .Any(task =>
                task.Splits.Select(split => Path.GetFileNameWithoutExtension(split.Submission))
                    .Append(task.Name)
                    .Contains(name, StringComparer.OrdinalIgnoreCase)
            );

    private static TaskDefinition? BuiltIn(string name, bool contradictionFirst) =>
        (contradictionFirst ? GlueTasks.FindGoogles(name) : GlueTasks.Find(name))
        ?? DotnetDocsTasks.All.FirstOrDefault(task => task.Name == name);

    private static UserErrorException Unknown(string name, TaskSourceOptions options)
    {
        var names = Names(options);
        return new UserErrorException(
            $"there is no task {name}{(Spelling.Nearest(name, names) is { } nearest ? $"; did you mean {nearest}?" : ";")} Tasks: "
                + $"{string.Join(", ", names)}. A task of your own is a few lines under data.own"
        );
    }
}
