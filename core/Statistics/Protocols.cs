using Electra.Running;

namespace Electra.Statistics;

/// <summary>
/// Which of a run's evaluations scores are of. A best one, chosen on the rows that are reported, is higher than a last one of the same
/// training: the two are never averaged, and never compared without a word.
/// </summary>
internal static class Protocols
{
    /// <summary>The protocol of a group on a task; null where scores do not say.</summary>
    public static string? Of(ScoreSet scores, string group, string task) =>
        scores.Of(group, task).Select(score => score.Protocol).FirstOrDefault(protocol => protocol is not null);

    /// <summary>What there is to say of groups whose runs do not keep the last epoch.</summary>
    public static IEnumerable<string> Notes(ScoreSet scores)
    {
        var chosen =
            from @group in scores.Groups
            from task in scores.TasksOf(@group)
            let protocol = Of(scores, @group, task)
            where protocol is not null and not FinetuneResult.LastEpoch
            group $"{@group} on {TaskHeadings.Heading(task)}" by protocol;
        foreach (var same in chosen)
            yield return $"{string.Join(", ", same)}: scores of the {same.Key}, which is higher than the last epoch by choice alone; "
                + "published scores are those of the last epoch.";
    }

    /// <summary>A sentence for each protocol that two groups differ in.</summary>
    public static IEnumerable<string> Differences(ScoreSet scores, string first, string second) =>
        from task in scores.TasksOf(first).Intersect(scores.TasksOf(second))
        let a = Of(scores, first, task)
        let b = Of(scores, second, task)
        where a is not null && b is not null && a != b
        select $"{TaskHeadings.Heading(task)}: {first} has scores of the {a}, and {second} of the {b}. "
            + "A part of the difference is that choice: fine-tune both with the same training.keep.";

    /// <summary>Makes sure that the scores of a group on a task are of one protocol.</summary>
    /// <exception cref="UserErrorException">They are not.</exception>
    public static void RequireOne(IEnumerable<Score> scores)
    {
        foreach (var same in scores.Where(score => score.Protocol is not null).GroupBy(score => (score.Group, score.Task)))
            if (same.Select(score => score.Protocol).Distinct().ToList() is { Count: > 1 } several)
                throw new UserErrorException(
                    $"{same.Key.Group} on {TaskHeadings.Heading(same.Key.Task)} has scores of the {string.Join(" and of the ", several)}: "
                        + "they do not mean the same. Give one of them another group"
                );
    }
}
