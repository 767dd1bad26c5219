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
            pair.Count == 2 ? Tests(set, conclusions, pair[0], pair[1]) : null,
        ];
        return [.. tables.OfType<ReportTable>()];
    }

    /// <summary>
    /// Per group and figure: n, mean, standard deviation, 95% interval, minimum and maximum; nothing of seeds that were measured in
    /// different ways.
    /// </summary>
    /// <param name="set">The runs.</param>
    /// <param name="hasMeasure">Whether each row says what its figure was measured with, for a file without notes; they do where groups
    /// differ in it.</param>
    public static ReportTable Figures(PretrainSet set, bool hasMeasure = false)
    {
        var rows = new List<IReadOnlyList<string>>();
        hasMeasure |= set.Groups.Count > 1 && set.Runs.Select(run => run.MeasuredWith).Distinct().Count() > 1;
        string[] undefined = set.Runs.Any(run => run.Scores.Values.Any(value => !double.IsFinite(value))) ? ["Undefined"] : [];
        foreach (var group in set.Groups)
            foreach (var figure in Names(set, group))
            {
                var style = FigureStyle.OfPretraining(figure);
                double[] values = [.. Scores(set, group, figure).Select(score => score.Value)];
                bool isOneMeasure = EqualMeasure.Holds(figure, set.Of(group));
                var sample = values.Length > 0 && isOneMeasure ? Sample.Of(values) : null;
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
                        .. hasMeasure ? [string.Join("; ", EqualMeasure.Ways(set, group))] : Array.Empty<string>(),
                    ]
                );
            }
        return new(
            "Held-out figures over seeds",
            [
                "Model", "Figure", "n", .. undefined, "Mean", "Std", "95% low", "95% high", "Min", "Max",
                .. hasMeasure ? ["Measured with"] : Array.Empty<string>(),
            ],
            rows,
            [
                "Std with n − 1; the interval of the mean is Student's t, over seeds.",
                $"Measured: {EqualMeasure.Described(set, set.Groups)}.",
                .. from @group in set.Groups
                let withheld = EqualMeasure.Withheld(Names(set, @group), set.Of(@group))
                where withheld.Count > 0
                select $"{@group}: its seeds were measured in different ways, so that {Listed(withheld)} have no mean. "
                    + EqualMeasure.Advice,
                .. undefined.Select(_ => "Undefined: seeds whose figure is not a number, which count in no mean."),
            ]
        );
    }

    private static ReportTable Described(PretrainSet set) =>
        new("Over seeds", [], [], [.. set.Groups.SelectMany(group => Sentences(set, group, EqualMeasure.Holds("auc", set.Runs)))]);

    /// <summary>What a group's own figures say.</summary>
    private static IEnumerable<string> Sentences(PretrainSet set, string group, bool isOneMeasure)
    {
        // A masked language model has no discriminator.
        string figure = set.Of(group).Any(run => run.Scores.ContainsKey("auc")) ? "auc" : "perplexity";
        double[] values = [.. Scores(set, group, figure).Select(score => score.Value)];
        var style = FigureStyle.OfPretraining(figure);
        bool isAveraged = EqualMeasure.Holds(figure, set.Of(group));
        if (!isAveraged)
            yield return $"{group}: {style.Heading} has no mean, for its seeds were measured in different ways: "
                + $"{string.Join(" and ", EqualMeasure.Ways(set, group))}. {EqualMeasure.Advice}";
        else if (values.Length > 0)
        {
            var sample = Sample.Of(values);
            string measured = isOneMeasure ? "" : $", measured with {set.Of(group)[0].MeasuredWith}";
            yield return sample.Confidence95 is { } interval
                ? $"{group}: {style.Heading} {style.Value(sample.Mean)} ± {style.Value(sample.StandardDeviation)} over {values.Length} "
                    + $"seeds (95%: {style.Value(interval.Low)} to {style.Value(interval.High)}), from {style.Value(sample.Minimum)} to "
                    + $"{style.Value(sample.Maximum)}{measured}."
                : $"{group}: {style.Heading} {style.Value(sample.Mean)} with one seed{measured}: another may differ, and there is no "
                    + "interval.";
        }
        if (values.Length == 2 && isAveraged)
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
        List<PretrainRun> runs = [.. set.Of(first), .. set.Of(second)];
        var withheld = EqualMeasure.Withheld(Names(set, first).Intersect(Names(set, second)), runs);
        // What the sentence is of: AUC, or what both have in its place.
        var lead = new[] { "auc", "perplexity", FigureStyle.Rise }
            .Select(figure => conclusions.FirstOrDefault(conclusion => conclusion.Task == figure))
            .FirstOrDefault(conclusion => conclusion is not null);
        var otherText = RunSettings.OfHeldOutText(set.Of(first)[0].Settings, set.Of(second)[0].Settings);
        List<string> notes =
        [
            .. withheld.Count > 0 ? [Withheld(set, withheld, first, second)]
            : lead is null ? ["Neither AUC nor perplexity is there to compare."]
            : Array.Empty<string>(),
            .. lead is null ? [] : new[] { ConclusionText.Of(lead, first, second, FigureStyle.OfPretraining(lead.Task)) },
            .. otherText.Count > 0
                ? [$"They were measured on different held-out text, which tells on every figure ({string.Join(", ", otherText)})."]
                : Array.Empty<string>(),
            .. withheld.Count == 0 && runs[0].MeasuredWith.StartsWith("own generator", StringComparison.Ordinal)
                ? ["Each discriminator was measured on its own generator's text: evaluation.generator measures all on the same."]
                : Array.Empty<string>(),
            .. ConclusionText.Scope(lead is null ? [] : [lead], first, second),
            .. NotRisen(set, first, second),
            .. Sentences(set, first, withheld.Count == 0),
            .. Sentences(set, second, withheld.Count == 0),
        ];
        return new($"{second} against {first}", [], [], notes);
    }

    private static string Withheld(PretrainSet set, IReadOnlyList<string> figures, string first, string second) =>
        $"{Listed(figures)} {(figures.Count == 1 ? "is" : "are")} not compared: {first} was measured with "
        + $"{string.Join(" and with ", EqualMeasure.Ways(set, first))}, {second} with "
        + $"{string.Join(" and with ", EqualMeasure.Ways(set, second))}. What a discriminator scores depends on the generator that writes "
        + $"the replacements and on the share of masks. {EqualMeasure.Advice}";

    /// <summary>Figures by name: <c>AUC, accuracy and loss</c>.</summary>
    private static string Listed(IReadOnlyList<string> figures)
    {
        string[] names = [.. figures.Select(figure => FigureStyle.OfPretraining(figure).Heading)];
        return names.Length == 1 ? names[0] : $"{string.Join(", ", names.SkipLast(1))} and {names[^1]}";
    }

    private static ReportTable Tests(PretrainSet set, IReadOnlyList<Conclusion> conclusions, string first, string second)
    {
        var withheld = EqualMeasure.Withheld(Names(set, first).Intersect(Names(set, second)), [.. set.Of(first), .. set.Of(second)]);
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
            [
                "p is two-sided, of Student's t over seeds; Exact p over all sign flips of the pairs or permutations of the groups, and "
                    + "Smallest p what so few can give at best. Needed: seeds on each side that would show this difference in 80% of "
                    + "experiments; Shown: the difference that these would. "
                    + "Losses, perplexity and the update of the rise are better where they are lower.",
                .. NotRisen(set, first, second),
                .. withheld.Count > 0 ? [Withheld(set, withheld, first, second)] : Array.Empty<string>(),
            ]
        );
    }

    /// <summary>A warning where the update of the rise is that of some seeds only.</summary>
    private static IEnumerable<string> NotRisen(PretrainSet set, params string[] groups)
    {
        string[] never =
        [
            .. from @group in groups
            let without = set.Of(@group).Count(run => run.KnowsRise && run.Rise is null)
            where without > 0
            select $"{without} of {set.Of(@group).Count} of {@group}",
        ];
        if (never.Length > 0)
            yield return $"The update of the rise leaves out seeds that have not risen ({string.Join(", ", never)}), and flatters a group "
                + "that has such.";
    }

    private static List<Conclusion> Conclusions(PretrainSet set, string first, string second, StatisticsConfig config) =>
        [
            .. from figure in Names(set, first).Intersect(Names(set, second))
            where EqualMeasure.Holds(figure, set.Of(first).Concat(set.Of(second)))
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
            select new Score(@group, figure, run.Seed, value.Value, run.Seed, $"{run.Seed}") { IsOfPretraining = true },
        ];
}
