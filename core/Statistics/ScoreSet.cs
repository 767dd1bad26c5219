using System.Text.RegularExpressions;
using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>The scores of some groups of runs, in the order of the groups and tasks.</summary>
/// <param name="Groups">The groups, in the order of tables.</param>
/// <param name="All">Every score.</param>
/// <param name="Unfinished">The folders of runs that were begun and have no result yet.</param>
public sealed partial record ScoreSet(IReadOnlyList<string> Groups, IReadOnlyList<Score> All, IReadOnlyList<string> Unfinished)
{
    /// <summary>The tasks with a score, GLUE's first.</summary>
    public IReadOnlyList<string> Tasks => TaskHeadings.Ordered(All.Select(score => score.Task));

    /// <summary>The scores of a group on a task, by run; none where it has none.</summary>
    public IReadOnlyList<Score> Of(string group, string task) => [.. All.Where(score => score.Group == group && score.Task == task).OrderBy(score => score.Run)];

    /// <summary>The tasks of a group.</summary>
    public IReadOnlyList<string> TasksOf(string group) => TaskHeadings.Ordered(All.Where(score => score.Group == group).Select(score => score.Task));

    /// <summary>The values of a group on a task, by run.</summary>
    public double[] Values(string group, string task) => [.. Of(group, task).Select(score => score.Value)];

    /// <summary>Reads scores from where they are.</summary>
    /// <param name="sources">Folders of fine-tuning runs and CSV files (<see cref="ScoreCsv"/>), looked for in the working directory, then at the project's root.</param>
    /// <exception cref="UserErrorException">A source is not there, is damaged, or no run in it is finished; or two sources hold the same run.</exception>
    public static ScoreSet Read(IReadOnlyList<string> sources)
    {
        var scores = new List<Score>();
        var unfinished = new List<string>();
        foreach (var source in sources)
        {
            var path = ProjectPath.Find(source);
            if (Directory.Exists(path))
            {
                scores.AddRange(FinetuneResult.All(path).Select(ScoreOf));
                unfinished.AddRange(UnfinishedIn(path));
            }
            else if (File.Exists(path))
                scores.AddRange(ScoreCsv.Read(path));
            else
                throw new UserErrorException($"there is no {source}: a folder of fine-tuning runs, such as checkpoints/glue, or a CSV file of scores is expected");
        }
        if (scores.Count == 0)
            throw new UserErrorException(
                $"{string.Join(" and ", sources)} {(sources.Count == 1 ? "holds" : "hold")} no finished run"
                + (unfinished.Count == 0 ? ": scripts/finetune.csx makes them" : $"; unfinished: {string.Join(", ", unfinished.Select(run => Path.GetFileName(run)))}. scripts/finetune.csx goes on with them"));
        if (scores.GroupBy(score => (score.Group, score.Task, score.Run)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"run {twice.Key.Run} of {twice.Key.Group} on {twice.Key.Task} is there {twice.Count()} times: runs of two sources need groups of different names");
        return new ScoreSet([.. scores.Select(score => score.Group).Distinct()], scores, unfinished);
    }

    /// <summary>Only some groups, in their order; all where none is named.</summary>
    /// <exception cref="UserErrorException">A group has no finished run.</exception>
    public ScoreSet Only(IReadOnlyList<string> groups)
    {
        foreach (var group in groups)
            Require(group);
        return groups.Count == 0 ? this : new ScoreSet(
            [.. groups.Distinct()], [.. All.Where(score => groups.Contains(score.Group))],
            [.. Unfinished.Where(run => groups.Any(group => Path.GetFileName(run).StartsWith(group + "_", StringComparison.Ordinal)))]);
    }

    /// <summary>Makes sure that a group is there.</summary>
    /// <exception cref="UserErrorException">It has no finished run: what is there is named.</exception>
    internal void Require(string group)
    {
        if (!Groups.Contains(group))
            throw new UserErrorException($"the group {group} has no finished run"
                + (Spelling.Nearest(group, Groups) is { } nearest ? $"; did you mean {nearest}?" : "; there " + (Groups.Count == 1 ? "is" : "are") + $" {string.Join(", ", Groups)}"));
    }

    /// <summary>Prints what was found, and warns of what may mislead.</summary>
    public void Describe(RunConsole console)
    {
        console.Table(("runs", All.Count), ("groups", string.Join(", ", Groups)), ("tasks", string.Join(", ", Tasks.Select(TaskHeadings.Heading))));
        if (Unfinished.Count > 0)
            console.Warning($"{Unfinished.Count} unfinished, and left out: {string.Join(", ", Unfinished.Select(run => Path.GetFileName(run)))}");
        if (All.All(score => Math.Abs(score.Value) <= 1))
            console.Warning("no score is above 1: scores are taken for per cent. Fractions must be multiplied by 100");
        foreach (var seeds in All.Where(score => score.Seed is not null).GroupBy(score => (score.Group, score.Task)))
            if (seeds.GroupBy(score => score.Seed).FirstOrDefault(same => same.Count() > 1) is { } same)
                console.Warning($"{seeds.Key.Group} on {seeds.Key.Task}: {same.Count()} runs have the seed {same.Key}; they are the same run counted several times");
    }

    private static Score ScoreOf(FinetuneResult result)
    {
        var metric = GlueTasks.Find(result.Task)?.ReportedMetric ?? result.Metric;
        return result.Scores.TryGetValue(metric, out var value) && double.IsFinite(value)
            ? new Score(result.Group, result.Task, result.Run, 100 * value, result.Seed)
            : throw new UserErrorException($"run {result.Run} of {result.Group} on {result.Task} has no {metric}, which tables show; it has {string.Join(", ", result.Scores.Keys)}");
    }

    /// <summary>Folders named as runs are. Those that begin with a dot are being written.</summary>
    private static IEnumerable<string> UnfinishedIn(string folder) =>
        Directory.EnumerateDirectories(folder)
            .Where(run => RunFolderName().IsMatch(Path.GetFileName(run)) && !FinetuneResult.IsIn(run))
            .Order(StringComparer.Ordinal);

    [GeneratedRegex(@"^[^.].*_[^_]+_\d+$")]
    private static partial Regex RunFolderName();
}
