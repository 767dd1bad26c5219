using Electra.Statistics.Inference;
using Electra.Tensors;

namespace Electra.Statistics;

/// <summary>Tables of what seeds of pre-training do, of groups whose runs start from several.</summary>
internal static class SeedTables
{
    /// <summary>How much of the variance is the pre-training seed's, how much fine-tuning's, and the mean of the procedure.</summary>
    /// <returns>Null where no group has several seeds.</returns>
    public static ReportTable? Nested(ScoreSet scores, double pretrainCost)
    {
        var rows = new List<IReadOnlyList<string>>();
        var notes = new List<string>();
        foreach (var (group, task, seeds) in Layouts(scores))
        {
            double[][] scoresOfSeeds = [.. seeds.Select(seed => seed.Runs.Select(run => run.Value).ToArray())];
            if (NestedVariance.Of(scoresOfSeeds) is not { } nested)
            {
                notes.Add($"{group} on {TaskHeadings.Heading(task)}: a run for each seed does not tell seeds from runs.");
                continue;
            }
            double best = nested.BestRunsPerSeed(pretrainCost, 1);
            rows.Add(
                [
                    group,
                    TaskHeadings.Heading(task),
                    $"{nested.Seeds}",
                    $"{nested.Runs}",
                    Number(nested.SeedMeans.Mean),
                    Range(nested.SeedMeans.Confidence95),
                    Range(nested.AllRuns.Confidence95),
                    Number(Math.Sqrt(nested.Between)),
                    Number(Math.Sqrt(nested.Within)),
                    Number(100 * nested.IntraclassCorrelation, "0") + "%",
                    ConclusionText.P(nested.P),
                    double.IsFinite(best) ? $"{Math.Round(best):N0}" : "all",
                ]
            );
            notes.AddRange(Remarks(nested, scoresOfSeeds).Select(remark => $"{group} on {TaskHeadings.Heading(task)}: {remark}."));
        }
        const string Title = "Seeds of pre-training and runs of fine-tuning";
        return rows.Count + notes.Count == 0 ? null
            : rows.Count == 0 ? new(Title, [], [], notes)
            : new(
                Title,
                [
                    "Model", "Task", "Seeds", "Runs", "Mean", "95%, by seeds", "95%, all runs", "Std of seeds", "Std of runs",
                    "Seeds' share", "p", "Best runs a seed",
                ],
                rows,
                [
                    "Mean: of the seeds' means. The interval by seeds holds for another seed of pre-training; the one of all runs as if "
                        + "they were independent is too short, and stands here only to compare. p: that seeds do not differ (F test). "
                        + $"Best runs a seed: where a pre-training costs {Number(pretrainCost, "0.##")} fine-tunings (pretrain_cost).",
                    .. notes,
                ]
            );
    }

    /// <summary>What must be known of one split of the variance.</summary>
    private static IEnumerable<string> Remarks(NestedVariance nested, double[][] seeds)
    {
        if (nested.BetweenEstimate < 0)
            yield return $"seeds differ less than runs by chance; their variance, {Number(nested.BetweenEstimate)}, is shown as 0";
        if (seeds.Any(runs => runs.Length != seeds[0].Length) && RestrictedVariance.Of(seeds) is { } restricted)
            yield return "seeds have unequal numbers of runs; by restricted maximum likelihood the mean is "
                + $"{Number(restricted.Mean)}, the std of seeds {Number(Math.Sqrt(restricted.Between))}, that of runs "
                + Number(Math.Sqrt(restricted.Within));
        if (nested.Seeds == 2)
            yield return "two seeds leave one degree of freedom; the interval is nearly worthless";
    }

    /// <summary>Seeds of pre-training crossed with those of fine-tuning.</summary>
    /// <returns>Null where no group has the same fine-tuning seeds for each pre-training seed.</returns>
    public static ReportTable? Crossed(ScoreSet scores)
    {
        var rows = new List<IReadOnlyList<string>>();
        foreach (var (group, task, seeds) in Layouts(scores))
        {
            List<List<Score>> layout = [.. seeds.Select(seed => seed.Runs.OrderBy(run => run.Seed).ToList())];
            bool isCrossed = layout.All(row =>
                row.All(run => run.Seed is not null) && row.Select(run => run.Seed).SequenceEqual(layout[0].Select(run => run.Seed))
            );
            if (!isCrossed || CrossedVariance.Of([.. layout.Select(row => row.Select(run => run.Value).ToArray())]) is not { } crossed)
                continue;
            rows.Add(
                [
                    group,
                    TaskHeadings.Heading(task),
                    Number(Math.Sqrt(crossed.Rows.Variance)),
                    ConclusionText.P(crossed.Rows.P),
                    Number(Math.Sqrt(crossed.Columns.Variance)),
                    ConclusionText.P(crossed.Columns.P),
                    Number(Math.Sqrt(crossed.Residual)),
                ]
            );
        }
        return rows.Count == 0
            ? null
            : new(
                "Seeds of pre-training crossed with seeds of fine-tuning",
                ["Model", "Task", "Std of pre-training", "p", "Std of fine-tuning", "p", "Std of the rest"],
                rows,
                "The same seeds of fine-tuning for each seed of pre-training: a two-way layout without replication (Dodge et al. 2020)."
            )
            {
                IsDetail = true,
            };
    }

    /// <summary>The expected best of n runs.</summary>
    public static ReportTable BestOf(ScoreSet scores)
    {
        int most = Math.Min(20, scores.All.GroupBy(score => (score.Group, score.Task)).Max(runs => runs.Count()));
        int[] counts = [.. Enumerable.Range(1, most)];
        return new(
            "Expected best of n runs",
            ["Model", "Task", "Estimate", .. counts.Select(n => $"{n}")],
            [
                .. from @group in scores.ScoredGroups
                from task in scores.TasksOf(@group)
                from isUnbiased in new[] { true, false }
                let values = scores.Values(@group, task)
                select (IReadOnlyList<string>)
                    [
                        @group,
                        TaskHeadings.Heading(task),
                        isUnbiased ? "unbiased" : "plug-in",
                        .. counts.Select(n => Number(
                            isUnbiased ? BestOfRuns.Unbiased(values, n)
                            : n <= values.Length ? BestOfRuns.PlugIn(values, n)
                            : null
                        )),
                    ],
            ],
            "A best of ten grows with the number of runs alone, and compares with a best of ten only. Unbiased: without replacement "
                + "(Tang et al. 2020); plug-in: with (Dodge et al. 2019). best_of_n.png and "
                + "best_of_n.csv have the curves."
        )
        {
            IsDetail = true,
        };
    }

    /// <summary>Intervals of the mean by three methods.</summary>
    public static ReportTable Intervals(ScoreSet scores, int seed) =>
        new(
            "Intervals of the mean",
            ["Model", "Task", "Units", "Mean", "Student's t", "Percentile", "BCa"],
            [
                .. from @group in scores.ScoredGroups
                from task in scores.TasksOf(@group)
                let units = Units(scores, @group, task)
                let key = RandomKey.FromSeed(seed)
                select (IReadOnlyList<string>)
                    [
                        @group,
                        TaskHeadings.Heading(task),
                        $"{units.Length}",
                        Number(units.Average()),
                        Range(Sample.Of(units).Confidence95),
                        Range(BootstrapIntervals.Percentile(units, values => values.Average(), key)),
                        Range(BootstrapIntervals.BiasCorrected(units, values => values.Average(), key)),
                    ],
            ],
            "95%, over seeds of pre-training where there are several, else over runs. Percentile and BCa (Efron 1987): 10,000 bootstrap "
                + "samples. Of few numbers the bootstrap's are too short."
        )
        {
            IsDetail = true,
        };

    /// <summary>One number over tasks with its interval, and the chance of improvement between two groups.</summary>
    /// <returns>Null where there are fewer than two tasks.</returns>
    public static ReportTable? OverTasks(ScoreSet scores, StatisticsConfig config)
    {
        const int Resamples = 2000;
        var tasks = TaskHeadings.Averaged(scores.ScoredGroups.Select(scores.TasksOf).Aggregate((a, b) => [.. a.Intersect(b)]));
        if (tasks.Count < 2)
            return null;
        IReadOnlyList<IReadOnlyList<double>> Of(string group) => [.. tasks.Select(task => Units(scores, group, task))];
        var key = RandomKey.FromSeed(config.Seed);
        string Drawn(Func<IReadOnlyList<IReadOnlyList<double>>[], double> statistic, params string[] groups) =>
            Range(TaskAggregates.Stratified(statistic, key, Resamples, [.. groups.Select(Of)]));
        return new(
            "Over tasks",
            ["Model", "Mean", "95%", "Interquartile mean", "95%", .. scores.ScoredGroups.Select(group => $"above {group}")],
            [
                .. scores.ScoredGroups.Select(group =>
                    (IReadOnlyList<string>)
                        [
                            group,
                            Number(TaskAggregates.Mean(Of(group))),
                            Drawn(sides => TaskAggregates.Mean(sides[0]), group),
                            Number(TaskAggregates.InterquartileMean(Of(group))),
                            Drawn(sides => TaskAggregates.InterquartileMean(sides[0]), group),
                            .. scores.ScoredGroups.Select(other =>
                                other == group
                                    ? ""
                                    : $"{Number(TaskAggregates.ProbabilityOfImprovement(Of(other), Of(group)))} "
                                        + $"({Drawn(sides => TaskAggregates.ProbabilityOfImprovement(sides[0], sides[1]), other, group)})"
                            ),
                        ]
                ),
            ],
            $"Over {string.Join(", ", tasks.Select(TaskHeadings.Heading))}. Intervals: seeds of pre-training, or runs where there is one "
                + "seed, are drawn within each task (Agarwal et al. 2021). Above: the chance that a seed or run of the row's group scores "
                + "higher than one of the column's, averaged over tasks."
        )
        {
            IsDetail = true,
        };
    }

    /// <summary>The means of seeds of pre-training where there are several, else the runs.</summary>
    public static double[] Units(ScoreSet scores, string group, string task) =>
        SeedRuns.Of(scores.Of(group, task)) is { Count: > 1 } seeds ? [.. seeds.Select(seed => seed.Mean)] : scores.Values(group, task);

    private static IEnumerable<(string Group, string Task, IReadOnlyList<SeedRuns> Seeds)> Layouts(ScoreSet scores) =>
        from @group in scores.ScoredGroups
        from task in scores.TasksOf(@group)
        let seeds = SeedRuns.Of(scores.Of(@group, task))
        where seeds.Count > 1
        select (@group, task, seeds);

    private static string Range(Interval? interval) =>
        interval is { } range ? $"{Number(range.Low)} to {Number(range.High)}" : "–";

    private static string Number(double? value, string format = "F2") => ScoreTables.Number(value, format);
}
