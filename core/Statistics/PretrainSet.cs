using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>The pre-training runs of some experiments over seeds.</summary>
public sealed record PretrainSet
{
    private PretrainSet(IReadOnlyList<PretrainRun> runs) => Runs = runs;

    /// <summary>The finished runs, by group and seed.</summary>
    internal IReadOnlyList<PretrainRun> Runs { get; private init; }

    /// <summary>The others.</summary>
    internal IReadOnlyList<PretrainRun> Unfinished { get; private init; } = [];

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> LeftOut { get; private init; } = [];

    /// <summary>The experiments with a finished run, in the order asked for.</summary>
    public IReadOnlyList<string> Groups { get; private init; } = [];

    /// <summary>Whether sources are folders of pre-training runs.</summary>
    public static bool IsIn(IEnumerable<string> sources) =>
        sources.Select(Paths.Find).Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories).Any(folder =>
            RunSettings.IsOfPretraining(folder));

    /// <summary>Reads the runs of folders.</summary>
    /// <typeparam name="T">Their configuration: its keys say which of them change what is learned.</typeparam>
    /// <param name="sources">Folders of runs: <c>checkpoints/pretrain</c>.</param>
    /// <param name="groups">Only these experiments; none: all.</param>
    /// <exception cref="UserErrorException">There is no finished run, or none of a group that is asked for, or its runs were made with
    /// different configurations.</exception>
    public static PretrainSet Read<T>(IReadOnlyList<string> sources, params IReadOnlyList<string> groups)
    {
        string[] folders =
        [
            .. sources
                .SelectMany(source =>
                    Paths.Find(source) is var root && Directory.Exists(root)
                        ? Directory.EnumerateDirectories(root)
                        : throw new UserErrorException(
                            $"{source} is not a folder: folders of pre-training runs, such as checkpoints/pretrain, do not go together "
                                + "with others"
                        )
                )
                .Order(StringComparer.Ordinal),
        ];
        var set = Of<T>(folders, groups);
        if (set.Groups.FirstOrDefault(group => set.Runs.All(run => run.Group != group)) is { } missing)
            throw Missing(missing, sources, set.Unfinished, groups.Count > 0 ? Of<T>(folders, []).Groups : []);
        return set.Runs.Count > 0 ? set : throw Missing(null, sources, set.Unfinished, []);
    }

    /// <summary>Reads the runs in folders of their own: none of them need be finished.</summary>
    /// <exception cref="UserErrorException">The runs of a group that is asked for were made with different configurations.</exception>
    internal static PretrainSet Of<T>(IEnumerable<string> folders, IReadOnlyList<string> groups)
    {
        var (runs, leftOut) = (new List<PretrainRun>(), new List<string>());
        foreach (var folder in folders)
            try
            {
                if (PretrainRun.Read(folder) is { } run && (groups.Count == 0 || groups.Contains(run.Group)))
                    runs.Add(run);
            }
            catch (UserErrorException e)
            {
                leftOut.Add(e.Message);
            }
        RequireOnce(runs);
        var finished = runs.Where(run => run.Unfinished is null).OrderBy(run => run.Group, StringComparer.Ordinal).ThenBy(run => run.Seed);
        var unfinished = runs.Where(run => run.Unfinished is not null).ToList();
        var kept = finished
            .GroupBy(run => run.Group)
            .Where(group => IsOneExperiment<T>([.. group], groups, leftOut))
            .SelectMany(group => group);
        var set = new PretrainSet([.. kept]) { Unfinished = unfinished, LeftOut = leftOut };
        return set with { Groups = [.. groups.Count > 0 ? groups.Distinct() : set.Runs.Select(run => run.Group).Distinct()] };
    }

    /// <summary>The finished runs of a group, by seed.</summary>
    internal IReadOnlyList<PretrainRun> Of(string group) => [.. Runs.Where(run => run.Group == group)];

    /// <summary>Makes sure that a group is there.</summary>
    /// <exception cref="UserErrorException">It has no finished run.</exception>
    internal void Require(string group)
    {
        if (!Groups.Contains(group))
            throw Missing(group, [], [.. Unfinished.Where(run => run.Group == group)], Groups);
    }

    /// <summary>Prints what was found, and what is not among it.</summary>
    public void Describe(RunConsole console)
    {
        foreach (var group in Groups)
            if (Of(group) is { Count: var count and > 0 } runs)
                console.Table(
                    (group, $"{count} finished: seed{(count == 1 ? "" : "s")} {string.Join(", ", runs.Select(run => run.Seed))}")
                );
        foreach (var run in Unfinished)
            console.Warning($"{Path.GetFileName(run.Folder)} is not finished, and left out: {run.Unfinished}");
        foreach (var why in LeftOut)
            console.Warning($"left out: {why}");
    }

    private static void RequireOnce(IEnumerable<PretrainRun> runs)
    {
        if (runs.GroupBy(run => (run.Group, run.Seed)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException(
                $"seed {twice.Key.Seed} of {twice.Key.Group} is there {twice.Count()} times: "
                    + $"{string.Join(" and ", twice.Select(run => Paths.Shown(run.Folder)))}. A seed counts once"
            );
    }

    /// <summary>Whether the runs of a group differ in nothing but the seed; where they were asked for by name, it is an error.</summary>
    private static bool IsOneExperiment<T>(IReadOnlyList<PretrainRun> runs, IReadOnlyList<string> asked, List<string> leftOut)
    {
        var why = OneExperiment.WhyNot<T>(
            $"the seeds of {runs[0].Group}",
            runs.Select(run => new MadeRun(Path.GetFileName(run.Folder), run.Settings)),
            key => key == "seed"
        );
        if (why is not null && asked.Contains(runs[0].Group))
            throw new UserErrorException(why);
        if (why is not null)
            leftOut.Add(why);
        return why is null;
    }

    private static UserErrorException Missing(
        string? group,
        IReadOnlyList<string> sources,
        IReadOnlyList<PretrainRun> unfinished,
        IReadOnlyList<string> there
    ) =>
        new(
            (group is null ? $"{string.Join(" and ", sources)} holds no finished run" : $"the group {group} has no finished run")
                + (
                    unfinished.Count > 0
                        ? "; unfinished: "
                            + string.Join(", ", unfinished.Select(run => $"{Path.GetFileName(run.Folder)} ({run.Unfinished})"))
                            + ". scripts/pretrain.csx resumes them"
                    : group is not null && Spelling.Nearest(group, there) is { } near ? $"; did you mean {near}?"
                    : there.Count > 0 ? $"; there {(there.Count == 1 ? "is" : "are")} {string.Join(", ", there)}"
                    : ": scripts/pretrain.csx makes them"
                )
        );
}
