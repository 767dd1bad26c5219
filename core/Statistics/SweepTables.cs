using Electra.Running;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>The candidates of a sweep on one task, the best first, and what may be said of the best.</summary>
internal static class SweepTables
{
    /// <summary>A choice of values for the swept keys.</summary>
    private sealed record Candidate(SweptKeys Swept, IReadOnlyList<Score> Scores, double[] Units)
    {
        public double Mean => Units.Average();

        public string Runs =>
            SeedRuns.Of(Scores).Count is > 1 and var seeds ? $"{Plural.Of(seeds, "seed")}, {Plural.Of(Scores.Count, "run")}"
            : Plural.Of(Scores.Count, "run");
    }

    /// <summary>A table for each sweep and task among some scores.</summary>
    public static IEnumerable<ReportTable> Of(ScoreSet scores) =>
        from sweep in Swept(scores).GroupBy(score => score.Swept!.Sweep)
        from task in TaskHeadings.Ordered(sweep.Select(score => score.Task))
        let candidates = Candidates(scores, sweep.Key, task)
        where candidates.Any(candidate => !candidate.Swept.Confirms)
        select Table(sweep.Key, task, candidates);

    /// <summary>The groups of a search's candidates on a task, the best first; those that were trained again are left out.</summary>
    public static IReadOnlyList<string> Ranked(ScoreSet scores, string sweep, string task) =>
        [.. Candidates(scores, sweep, task).Where(one => !one.Swept.Confirms).Select(one => one.Scores[0].Group)];

    private static IEnumerable<Score> Swept(ScoreSet scores) => scores.All.Where(score => score.Swept is { Percent: null });

    private static IReadOnlyList<Candidate> Candidates(ScoreSet scores, string sweep, string task) =>
        [
            .. from score in Swept(scores).Where(score => score.Swept!.Sweep == sweep && score.Task == task)
            group score by score.Group into runs
            let candidate = new Candidate(runs.First().Swept!, scores.Of(runs.Key, task), SeedTables.Units(scores, runs.Key, task))
            orderby candidate.Swept.Epochs ?? int.MaxValue descending, candidate.Mean descending
            select candidate,
        ];

    private static ReportTable Table(string sweep, string task, IReadOnlyList<Candidate> all)
    {
        Candidate[] searched = [.. all.Where(one => !one.Swept.Confirms)];
        int? epochs = searched[0].Swept.Epochs;
        Candidate[] last = [.. searched.Where(one => one.Swept.Epochs == epochs)];
        string[] keys = [.. searched.SelectMany(one => one.Swept.Values.Keys).Distinct()];
        bool hasRounds = searched.Any(one => one.Swept.Epochs is not null);
        Comparison[] behind = [.. last.Skip(1).Select(one => Comparison.Of(one.Scores, last[0].Scores))];
        var corrected = Comparison.Holm([.. behind.Select(comparison => comparison.P)]);
        var confirmed = all.FirstOrDefault(one => one.Swept.Confirms && one.Swept.Shown == last[0].Swept.Shown);
        return new ReportTable(
            $"Sweep {sweep}, {TaskHeadings.Heading(task)}",
            [
                .. keys.Select(SweptKeys.ShortName),
                .. hasRounds ? ["epochs"] : Array.Empty<string>(),
                "n", "Mean", "Std", "95% low", "95% high", "Behind", "p (Holm)",
            ],
            [.. searched.Select(Row)],
            [
                .. Lead(task, last, behind, confirmed),
                "Behind: the winner minus this one, in points. p (Holm): that there is no difference, corrected for all that are compared.",
                .. hasRounds ? ["Epochs: the round that it left the search in; of the last round all."] : Array.Empty<string>(),
            ]
        );

        IReadOnlyList<string> Row(Candidate one, int i)
        {
            var sample = Sample.Of(one.Units);
            bool isCompared = i > 0 && i < last.Length;
            return
            [
                .. keys.Select(key => one.Swept.Values.GetValueOrDefault(key, "")),
                .. hasRounds ? [one.Swept.Epochs is { } round ? $"{round}" : "all"] : Array.Empty<string>(),
                $"{sample.Count}",
                Number(sample.Mean),
                Number(one.Scores.Count > 1 ? Sample.Of([.. one.Scores.Select(score => score.Value)]).StandardDeviation : null),
                Number(sample.Confidence95?.Low),
                Number(sample.Confidence95?.High),
                isCompared ? Number(behind[i - 1].Difference) : "",
                isCompared ? Number(corrected[i - 1], "F4") : "",
            ];
        }
    }

    /// <summary>The winner, its interval, how far it is ahead, and how much of that a maximum owes to chance.</summary>
    private static IEnumerable<string> Lead(string task, Candidate[] last, Comparison[] behind, Candidate? confirmed)
    {
        string heading = TaskHeadings.Heading(task);
        yield return last.Length == 1
            ? $"{heading}: the winner, the last that is left, is {last[0].Swept.Shown}: {Scored(last[0])}."
            : $"{heading}: the winner of {last.Length} candidates is {last[0].Swept.Shown}: {Scored(last[0])}.";
        if (last.Length > 1)
        {
            bool isClear = behind[0].Confidence95 is { Low: > 0 };
            yield return $"The next is {last[1].Swept.Shown}, {Number(behind[0].Difference)} behind"
                + (
                    behind[0].Confidence95 is { } interval
                        ? $" (95%: {Number(interval.Low)} to {Number(interval.High)})"
                            + (isClear ? "." : $": {Plural.Of(last[0].Units.Length, "run")} cannot tell them apart.")
                        : ": one run each, or no spread, cannot tell them apart."
                );
            yield return SelectionBias.OfLargest([.. last.Select(one => one.Units)]) is { } bias
                ? $"The mean of a winner is too high because it was chosen: of {last.Length} candidates with this spread by about "
                    + $"{Number(bias)} points (empirical Bayes), to {Number(last[0].Mean - bias)}."
                : "The mean of a winner is too high because it was chosen; with one run of each candidate nobody can say by how much.";
        }
        yield return confirmed is not null
            ? $"Trained again with seeds that had no part in the choice it has {Scored(confirmed)}: the score to report."
            : "For a score to report, sweep_confirm=5 trains the winner again with new seeds.";
    }

    private static string Scored(Candidate one) =>
        Sample.Of(one.Units) is var sample && sample.Confidence95 is { } interval
            ? $"{Number(sample.Mean)} (95%: {Number(interval.Low)} to {Number(interval.High)}; {one.Runs})"
            : $"{Number(sample.Mean)} ({one.Runs}: no interval)";

    private static string Number(double? value, string format = "F2") => ScoreTables.Number(value, format);
}
