using System.Text.RegularExpressions;
using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>The scores of some groups of runs, in the order of the groups and tasks.</summary>
/// <param name="Groups">The groups, in the order of tables.</param>
/// <param name="All">Every score.</param>
/// <param name="Unfinished">The folders of runs that were begun and have no result yet.</param>
public sealed partial record ScoreSet(IReadOnlyList<string> Groups, IReadOnlyList<Score> All, IReadOnlyList<string> Unfinished)
{
    /// <summary>Finished runs without a value: they are counted, and nothing else.</summary>
    internal IReadOnlyList<UndefinedScore> Undefined { get; init; } = [];

    /// <summary>Why results were left out: they are damaged, or lie in a folder that is not their run's.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>The groups that have a score: the others have undefined ones only.</summary>
    public IReadOnlyList<string> ScoredGroups => [.. Groups.Where(group => All.Any(score => score.Group == group))];

    /// <summary>The tasks with a score, GLUE's first.</summary>
    public IReadOnlyList<string> Tasks => TaskHeadings.Ordered(All.Select(score => score.Task));

    /// <summary>The scores of a group on a task, by run; none where it has none.</summary>
    public IReadOnlyList<Score> Of(string group, string task) =>
        [.. All.Where(score => score.Group == group && score.Task == task).OrderBy(score => score.Run)];

    /// <summary>The undefined scores of a group on a task, by run.</summary>
    internal IReadOnlyList<UndefinedScore> UndefinedOf(string group, string task) =>
        [.. Undefined.Where(score => score.Group == group && score.Task == task).OrderBy(score => score.Run)];

    /// <summary>The tasks of a group that have a score.</summary>
    public IReadOnlyList<string> TasksOf(string group) =>
        TaskHeadings.Ordered(All.Where(score => score.Group == group).Select(score => score.Task));

    /// <summary>The tasks of a group, those without a score too.</summary>
    public IReadOnlyList<string> AllTasksOf(string group) =>
        TaskHeadings.Ordered(TasksOf(group).Concat(Undefined.Where(score => score.Group == group).Select(score => score.Task)));

    /// <summary>The values of a group on a task, by run.</summary>
    public double[] Values(string group, string task) => [.. Of(group, task).Select(score => score.Value)];

    /// <summary>A set of scores, its groups in the order in which they occur.</summary>
    internal static ScoreSet Of(IReadOnlyList<Score> scores, IReadOnlyList<UndefinedScore> undefined) =>
        new([.. scores.Select(score => score.Group).Concat(undefined.Select(score => score.Group)).Distinct()], scores, [])
        {
            Undefined = undefined,
        };

    /// <summary>Reads scores from where they are.</summary>
    /// <typeparam name="T">The configuration of fine-tuning: its keys say which of them change what is learned.</typeparam>
    /// <param name="sources">Folders of fine-tuning runs and CSV files (<see cref="ScoreCsv"/>), looked for in the working directory, then
    /// at the project's root.</param>
    /// <param name="groups">Only these groups: what belongs to others is not read. None: all.</param>
    /// <exception cref="UserErrorException">A source is not there or is damaged, or no run in it is finished; or two sources hold the same
    /// run; or the runs of a group that is asked for were made with different configurations.</exception>
    public static ScoreSet Read<T>(IReadOnlyList<string> sources, params IReadOnlyCollection<string> groups)
        where T : class, IExperimentConfig<T>
    {
        var (scores, undefined, unfinished, leftOut) = (
            new List<Score>(),
            new List<UndefinedScore>(),
            new List<string>(),
            new List<string>()
        );
        foreach (var source in sources)
        {
            var path = Paths.Find(source);
            if (Directory.Exists(path))
            {
                foreach (var run in AlikeIn<T>(path, groups, leftOut))
                    Add(run.Result, run.Folder, scores, undefined);
                unfinished.AddRange(UnfinishedIn(path, groups));
            }
            else if (File.Exists(path))
            {
                var table = ScoreCsv.Read(path, groups);
                scores.AddRange(table.All);
                undefined.AddRange(table.Undefined);
            }
            else
                throw new UserErrorException(
                    $"there is no {source}: a folder of fine-tuning runs, such as checkpoints/glue, or a CSV file of scores is expected"
                );
        }
        if (scores.Count + undefined.Count == 0 && groups.Count == 0)
            throw Nothing(sources, unfinished, leftOut);
        RequireOnce(
            scores
                .Select(score => (score.Group, score.Task, score.Run, score.PretrainSeed))
                .Concat(undefined.Select(score => (score.Group, score.Task, score.Run, score.PretrainSeed)))
        );
        Protocols.RequireOne(scores);
        var read = Of(scores, undefined) with { Unfinished = unfinished, LeftOut = leftOut };
        // Groups that are missing are told with the names of those that are there.
        return groups.All(read.Groups.Contains) ? read.Only([.. groups]) : Read<T>(sources).Only([.. groups]);
    }

    /// <summary>The finished runs in a folder, but for those of a group and task that are not of one experiment.</summary>
    private static IEnumerable<(FinetuneResult Result, string Folder)> AlikeIn<T>(
        string root,
        IReadOnlyCollection<string> groups,
        List<string> leftOut
    )
        where T : class, IExperimentConfig<T>
    {
        var runs = FinetuneResult.All(root, groups, leftOut.Add).Select(result => (Result: result, Folder: result.FolderIn(root)));
        foreach (var together in runs.GroupBy(run => (run.Result.Group, run.Result.Task)).Select(same => same.ToList()))
            if (FinetuneGroups.WhyNot<T>(together) is not { } why)
                foreach (var run in together)
                    yield return run;
            else if (groups.Contains(together[0].Result.Group))
                throw new UserErrorException(why);
            else
                leftOut.Add(why);
    }

    /// <summary>A run of an unknown seed of pre-training may be that of any.</summary>
    private static void RequireOnce(IEnumerable<(string Group, string Task, int Run, string? Seed)> runs)
    {
        foreach (var same in runs.GroupBy(run => (run.Group, run.Task, run.Run)))
        {
            var seeds = same.Select(run => run.Seed).ToList();
            if (seeds.Count > 1 && (seeds.Contains(null) || seeds.Distinct().Count() < seeds.Count))
                throw new UserErrorException(
                    $"run {same.Key.Run} of {same.Key.Group} on {same.Key.Task} is there {seeds.Count} times: "
                        + "runs of two sources need groups of different names"
                );
        }
    }

    /// <summary>Only some groups, in their order; all where none is named.</summary>
    /// <exception cref="UserErrorException">A group has no finished run.</exception>
    public ScoreSet Only(IReadOnlyList<string> groups)
    {
        foreach (var group in groups)
            Require(group);
        return groups.Count == 0 ? this : this with
        {
            Groups = [.. groups.Distinct()],
            All = [.. All.Where(score => groups.Contains(score.Group))],
            Undefined = [.. Undefined.Where(score => groups.Contains(score.Group))],
            Unfinished = [.. Unfinished.Where(run => IsOf(run, groups))],
        };
    }

    /// <summary>Makes sure that a group is there.</summary>
    /// <exception cref="UserErrorException">It has no finished run: what is there is named.</exception>
    internal void Require(string group)
    {
        if (!Groups.Contains(group))
            throw new UserErrorException(
                $"the group {group} has no finished run"
                    + (
                        LeftOut.FirstOrDefault(why => why.Contains($" {group} ", StringComparison.Ordinal)) is { } leftOut
                            ? $" that can be used: {leftOut}"
                        : Spelling.Nearest(group, Groups) is { } nearest ? $"; did you mean {nearest}?"
                        : "; there " + (Groups.Count == 1 ? "is" : "are") + $" {string.Join(", ", Groups)}"
                    )
            );
    }

    /// <summary>Prints what was found, and warns of what may mislead.</summary>
    public void Describe(RunConsole console)
    {
        console.Table(
            ("runs", All.Count + Undefined.Count),
            ("groups", string.Join(", ", Groups)),
            ("tasks", string.Join(", ", TaskHeadings.Ordered(Groups.SelectMany(AllTasksOf)).Select(TaskHeadings.Heading)))
        );
        foreach (var sentence in Undefinedness())
            console.Warning(sentence);
        foreach (var why in LeftOut)
            console.Warning($"left out: {why}");
        if (Unfinished.Count > 0)
            console.Warning(
                $"{Unfinished.Count} unfinished, and left out: {string.Join(", ", Unfinished.Select(run => Path.GetFileName(run)))}"
            );
        if (All.Count > 0 && All.All(score => Math.Abs(score.Value) <= 1))
            console.Warning("no score is above 1: scores are taken for per cent. Fractions must be multiplied by 100");
        foreach (var seeds in All.Where(score => score.Seed is not null).GroupBy(score => (score.Group, score.Task, score.PretrainSeed)))
            if (seeds.GroupBy(score => score.Seed).FirstOrDefault(same => same.Count() > 1) is { } same)
                console.Warning(
                    $"{seeds.Key.Group} on {seeds.Key.Task}: {same.Count()} runs have the seed {same.Key}; "
                        + "they are the same run counted several times"
                );
    }

    /// <summary>What there is to say of undefined scores, a sentence for each group, task and reason.</summary>
    public IEnumerable<string> Undefinedness() =>
        from score in Undefined
        group score by (score.Group, score.Task, score.Metric, score.Why) into same
        let of = Of(same.Key.Group, same.Key.Task).Count + UndefinedOf(same.Key.Group, same.Key.Task).Count
        select $"{same.Key.Group} on {TaskHeadings.Heading(same.Key.Task)}: "
            + $"{same.Count()} of {of} {(of == 1 ? "run" : "runs")} {(same.Count() == 1 ? "has" : "have")} "
            + $"no {same.Key.Metric}: {same.Key.Why} (run {string.Join(", ", same.Select(score => score.Run).Order())})";

    private static UserErrorException Nothing(
        IReadOnlyList<string> sources,
        IReadOnlyList<string> unfinished,
        IReadOnlyList<string> leftOut
    ) =>
        new(
            $"{string.Join(" and ", sources)} {(sources.Count == 1 ? "holds" : "hold")} no finished run"
                + (
                    leftOut.Count > 0 ? $" that can be read: {string.Join("; ", leftOut)}"
                    : unfinished.Count > 0
                        ? $"; unfinished: {string.Join(", ", unfinished.Select(run => Path.GetFileName(run)))}. "
                            + "scripts/finetune.csx resumes them"
                    : ": scripts/finetune.csx makes them"
                )
        );

    private static void Add(FinetuneResult result, string folder, List<Score> scores, List<UndefinedScore> undefined)
    {
        var metric = GlueTasks.Find(result.Task)?.ReportedMetric ?? result.Metric;
        var checkpoint = CheckpointOfRun().Match(result.Checkpoint);
        var seed = result.PretrainSeed ?? (checkpoint.Success ? checkpoint.Groups["seed"].Value : null);
        if (!result.Scores.TryGetValue(metric, out var value))
            undefined.Add(
                new UndefinedScore(
                    result.Group,
                    result.Task,
                    result.Run,
                    metric,
                    $"it was measured by {string.Join(", ", result.Scores.Keys)}",
                    seed
                )
            );
        else if (!double.IsFinite(value))
            undefined.Add(new UndefinedScore(result.Group, result.Task, result.Run, metric, DevPredictions.WhyUndefined(folder), seed));
        else
            scores.Add(
                new Score(result.Group, result.Task, result.Run, 100 * value, result.Seed, seed)
                {
                    Folder = folder,
                    Metric = metric,
                    Protocol = result.Protocol,
                    Swept = result.Swept,
                }
            );
    }

    private static bool IsOf(string run, IEnumerable<string> groups) =>
        groups.Any(group => Path.GetFileName(run).StartsWith(group + "_", StringComparison.Ordinal));

    /// <summary>Folders named as runs are. Those that begin with a dot are being written.</summary>
    private static IEnumerable<string> UnfinishedIn(string folder, IReadOnlyCollection<string> groups) =>
        FolderFiles
            .FoldersIn(folder)
            .Where(run =>
                RunFolderName().IsMatch(Path.GetFileName(run)) && !FinetuneResult.IsIn(run) && (groups.Count == 0 || IsOf(run, groups))
            );

    /// <summary>A checkpoint of a run: <c>demo_36_100</c>, of seed 36 at 100% of its updates.</summary>
    [GeneratedRegex(@"(^|[/\\])[^/\\]+_(?<seed>\d+)_[\d.]+([/\\](discriminator)?)?$")]
    private static partial Regex CheckpointOfRun();

    [GeneratedRegex(@"^[^.].*_[^_]+_\d+$")]
    private static partial Regex RunFolderName();
}
