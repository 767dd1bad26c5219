using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>What groups of fine-tuning runs score, in the words that a paper would print.</summary>
internal static class GroupText
{
    /// <summary>A sentence for each group: what the report leads with where no two groups are compared.</summary>
    public static ReportTable Lead(ScoreSet scores, IReadOnlyList<FailedRuns> failed)
    {
        var groups = scores.ScoredGroups;
        return new(
            "Result",
            [],
            [],
            [
                .. groups.Select(group => $"{group}: {string.Join("; ", scores.TasksOf(group).Select(task => Of(scores, group, task)))}."),
                .. Failed(failed),
                .. Protocols.Notes(scores),
                .. groups.Count == 2 ? [$"{groups[0]} and {groups[1]} have no task in common, and are not compared."]
                : groups.Count > 2 ? [$"Two of the groups are compared by compare=[{groups[0]}, {groups[1]}]."]
                : Array.Empty<string>(),
            ]
        );
    }

    /// <summary>A warning where runs that have not learned are among those that sentences are of.</summary>
    public static IEnumerable<string> Failed(IEnumerable<FailedRuns> failed)
    {
        string[] shares = [.. failed.Select(runs => $"{runs.Share} of {runs.Group} on {TaskHeadings.Heading(runs.Task)}")];
        if (shares.Length > 0)
            yield return $"Among them are runs that are not above always answering the commonest class: {string.Join(", ", shares)}.";
    }

    private static string Of(ScoreSet scores, string group, string task)
    {
        var style = FigureStyle.OfTask(task);
        var (sample, runs) = (Sample.Of(SeedTables.Units(scores, group, task)), scores.Of(group, task).Count);
        int seeds = SeedRuns.Of(scores.Of(group, task)).Count;
        string basis = seeds > 1 ? $"{Plural.Of(seeds, "seed")}, {Plural.Of(runs, "run")}" : Plural.Of(runs, "run");
        return $"{style.Heading} {style.Value(sample.Mean)}"
            + (
                sample.Confidence95 is { } interval
                    ? $" ± {style.Value(sample.StandardDeviation)} (95%: {style.Value(interval.Low)} to {style.Value(interval.High)}; "
                        + $"{basis})"
                    : $" ({basis}: no interval)"
            );
    }
}
