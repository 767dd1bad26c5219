using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>Tables over pre-training runs: every figure on held-out text over seeds, and one experiment against another.</summary>
internal static class PretrainTables
{
    /// <summary>
    /// What the figures say, over seeds: the conclusion on AUC in words, each figure's mean, deviation, interval and range, and
    /// tests of two groups.
    /// </summary>
    /// <exception cref="UserErrorException">A group to compare is not there, or has no seed in common with the other.</exception>
    public static IReadOnlyList<ReportTable> Of(PretrainSet set, StatisticsConfig config)
    {
        var pair = config.Compare.Count == 2 ? config.Compare : set.Groups.Count == 2 ? set.Groups : [];
        foreach (var group in pair)
            set.Require(group);
        var conclusions = pair.Count == 2 ? Conclusions(set, pair[0], pair[1], config) : [];
        ReportTable?[] tables =
        [
            pair.Count == 2 ? Compared(set, conclusions, pair[0], pair[1]) : Described(set),
            Figures(set),
            pair.Count == 2 ? Tests(conclusions, pair[0], pair[1]) : null,
        ];
        return [.. tables.OfType<ReportTable>()];
    }

    /// <summary>Per group and figure: n, mean, standard deviation, 95% interval, minimum and maximum.</summary>
    public static ReportTable Figures(PretrainSet set)
    {
        var rows = new List<IReadOnlyList<string>>();
        string[] undefined = set.Runs.Any(run => run.Scores.Values.Any(value => !double.IsFinite(value))) ? ["Undefined"] : [];
        foreach (var group in set.Groups)
            foreach (var figure in Names(set, group))
            {
                var style = FigureStyle.OfPretraining(figure);
                double[] values = [.. Scores(set, group, figure).Select(score => score.Value)];
                var sample = values.Length > 0 ? Sample.Of(values) : null;
                rows.Add(
                    [
                        group,
                        style.Heading,
                        $"{values.Length}",
                        .. undefined.Select(_ =>
                            $"{set.Of(group).Count(run => run.Scores.TryGetValue(figure, out double value) && !double.IsFinite(value))}"
                        ),
                        style.Value(sample?.Mean),
                        style.Value(sample?.StandardDeviation),
                        style.Value(sample?.Confidence95?.Low),
                        style.Value(sample?.Confidence95?.High),
                        style.Value(sample?.Minimum),
                        style.Value(sample?.Maximum),
                    ]
                );
            }
        return new(
            "Held-out figures over seeds",
            ["Model", "Figure", "n", .. undefined, "Mean", "Std", "95% low", "95% high", "Min", "Max"],
            rows,
            [
                "Std with n − 1; the interval of the mean is Student's t, over seeds.",
                .. set.Groups.Select(group => $"{group}: measured with {string.Join(" and with ", MeasuredWith(set, group))}."),
                .. undefined.Select(_ => "Undefined: seeds whose figure is not a number, which count in no mean."),
            ]
        );
    }

    private static ReportTable Described(PretrainSet set) =>
        new("Over seeds", [], [], [.. set.Groups.SelectMany(group => Sentences(set, group))]);

    private static IEnumerable<string> Sentences(PretrainSet set, string group)
    {
        double[] auc = [.. Scores(set, group, "auc").Select(score => score.Value)];
        var style = FigureStyle.OfPretraining("auc");
        if (auc.Length > 0)
        {
            var sample = Sample.Of(auc);
            yield return sample.Confidence95 is { } interval
                ? $"{group}: AUC {style.Value(sample.Mean)} ± {style.Value(sample.StandardDeviation)} over {auc.Length} seeds "
                    + $"(95%: {style.Value(interval.Low)} to {style.Value(interval.High)}), from {style.Value(sample.Minimum)} to "
                    + $"{style.Value(sample.Maximum)}."
                : $"{group}: AUC {style.Value(sample.Mean)} with one seed: another may differ, and there is no interval.";
        }
        if (auc.Length == 2)
            yield return "Two seeds leave one degree of freedom: the interval is nearly worthless.";
        if (Rises(set, group) is { } rises)
            yield return rises;
    }

    /// <summary>When the discriminator began to use context; null where runs do not say.</summary>
    private static string? Rises(PretrainSet set, string group)
    {
        var known = set.Of(group).Where(run => run.KnowsRise).ToList();
        if (known.Count == 0)
            return null;
        var never = known.Where(run => run.Rise is null).Select(run => run.Seed).ToList();
        double[] rises = [.. known.Where(run => run.Rise is not null).Select(run => (double)run.Rise!.Value)];
        return (
                rises.Length == 0 ? $"{group}: no discriminator has begun to use context"
                : $"{group}: the discriminator rises above what the token alone tells at update {rises.Average():N0}"
                    + (rises.Length > 1 ? $" (from {rises.Min():N0} to {rises.Max():N0})" : "")
            )
            + (never.Count == 0 || rises.Length == 0 ? "." : $"; not with seed{(never.Count == 1 ? "" : "s")} {string.Join(", ", never)}.");
    }

    private static ReportTable Compared(PretrainSet set, IReadOnlyList<Conclusion> conclusions, string first, string second)
    {
        var auc = conclusions.FirstOrDefault(conclusion => conclusion.Task == "auc");
        var (a, b) = (MeasuredWith(set, first), MeasuredWith(set, second));
        bool isOneMeasure = a.Count == 1 && b.Count == 1 && a[0] == b[0];
        List<string> notes =
        [
            .. auc is null ? ["There is no AUC to compare."]
            : isOneMeasure ? [ConclusionText.Of(auc, first, second, FigureStyle.OfPretraining("auc"))]
            : new[]
            {
                $"AUC is not compared: {first} was measured with {string.Join(" and ", a)}, {second} with {string.Join(" and ", b)}. "
                    + "A discriminator's figures depend on both: evaluation.generator and evaluation.masking measure both groups alike.",
            },
            .. isOneMeasure && a[0].StartsWith("own generator", StringComparison.Ordinal)
                ? ["Each discriminator was measured on its own generator's text: evaluation.generator measures all on the same."]
                : Array.Empty<string>(),
            .. ConclusionText.Scope(auc is null ? [] : [auc], first, second),
            .. Sentences(set, first),
            .. Sentences(set, second),
        ];
        return new($"{second} against {first}", [], [], notes);
    }

    private static ReportTable Tests(IReadOnlyList<Conclusion> conclusions, string first, string second)
    {
        var corrected = Comparison.Holm([.. conclusions.Select(c => c.P)]);
        return new(
            "Tests over seeds",
            [
                "Figure", "Test", "n", first, second, "Difference", "95% low", "95% high", "p", "p (Holm)", "Exact p", "Smallest p",
                "Needed", "Shown",
            ],
            [
                .. conclusions.Zip(corrected, (c, holm) =>
                {
                    var style = FigureStyle.OfPretraining(c.Task);
                    return (IReadOnlyList<string>)
                        [
                            style.Heading,
                            c.Units.IsPaired ? "paired" : "Welch",
                            $"{c.Units.First.Count}, {c.Units.Second.Count}",
                            style.Value(c.Test.First.Mean),
                            style.Value(c.Test.Second.Mean),
                            style.Signed(c.Difference),
                            style.Signed(c.Interval?.Low),
                            style.Signed(c.Interval?.High),
                            ConclusionText.P(c.P),
                            ConclusionText.P(holm),
                            ConclusionText.P(c.Exact.P),
                            ConclusionText.P(c.Exact.SmallestP),
                            c.Needed is { } needed && needed < 1e5 ? $"{Math.Ceiling(needed):N0}" : "–",
                            style.Value(c.Detectable),
                        ];
                }),
            ],
            "p is two-sided, of Student's t over seeds; Exact p over all sign flips of the pairs or permutations of the groups, and "
                + "Smallest p what so few can give at best. Needed: seeds on each side that would show this difference in 80% of "
                + "experiments; Shown: the difference that these would. "
                + "Losses, perplexity and the update of the rise are better where they are lower."
        );
    }

    private static List<Conclusion> Conclusions(PretrainSet set, string first, string second, StatisticsConfig config) =>
        [
            .. from figure in Names(set, first).Intersect(Names(set, second))
            let a = Scores(set, first, figure)
            let b = Scores(set, second, figure)
            where a.Count > 0 && b.Count > 0
            select Conclusion.Of(figure, a, b, config) with { WhyNoExamples = null },
        ];

    private static IReadOnlyList<string> Names(PretrainSet set, string group) =>
        FigureStyle.Ordered(
            set.Of(group)
                .SelectMany(run => run.Rise is null ? run.Scores.Keys : run.Scores.Keys.Append(FigureStyle.Rise))
        );

    /// <summary>The finite values of a figure, each the score of a seed.</summary>
    private static IReadOnlyList<Score> Scores(PretrainSet set, string group, string figure) =>
        [
            .. from run in set.Of(@group)
            let value = figure == FigureStyle.Rise ? run.Rise : run.Scores.TryGetValue(figure, out double score) ? score : (double?)null
            where value is { } known && double.IsFinite(known)
            select new Score(@group, figure, run.Seed, value.Value, run.Seed, $"{run.Seed}"),
        ];

    private static List<string> MeasuredWith(PretrainSet set, string group) =>
        [.. set.Of(group).Select(run => run.MeasuredWith).Distinct()];
}
