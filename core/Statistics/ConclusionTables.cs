using System.Globalization;
using Electra.Statistics.Inference;

namespace Electra.Statistics;

/// <summary>Tables behind conclusions.</summary>
internal static class ConclusionTables
{
    /// <summary>The sentences that the report leads with.</summary>
    public static ReportTable Lead(
        IReadOnlyList<Conclusion> conclusions,
        IReadOnlyList<FailedRuns> failed,
        IEnumerable<string> protocols,
        string first,
        string second
    ) =>
        new(
            $"{second} against {first}",
            [],
            [],
            [
                .. conclusions.Select(conclusion => ConclusionText.Of(conclusion, first, second, FigureStyle.OfTask(conclusion.Task))),
                .. GroupText.Failed(
                    failed.Where(runs => (runs.Group == first || runs.Group == second) && conclusions.Any(c => c.Task == runs.Task))
                ),
                .. protocols,
                .. ConclusionText.Scope(conclusions, first, second),
            ]
        );

    /// <summary>The Multi-Bootstrap by every metric: all that is drawn, seeds only, examples only.</summary>
    public static ReportTable Bootstraps(IReadOnlyList<Conclusion> conclusions, StatisticsConfig config, string first, string second) =>
        new(
            "Multi-Bootstrap",
            [
                "Task", "Metric", "Units", "Examples", first, second, "Difference", "95% low", "95% high", "p one-sided", "p two-sided",
                "Seeds only", "Examples only", .. config.Thresholds.Select(threshold => $"≥ {Number(threshold, "0.##")}"),
            ],
            [
                .. from conclusion in conclusions
                from drawn in ExampleBootstrap.All(conclusion.Units, config)
                select Row(conclusion, drawn, config),
            ],
            $"Sellam et al. 2022 (MultiBERTs): {config.Resamples:N0} samples of seeds (the same for both groups where paired, else each "
                + "group its own) and of development examples. Scores are those of the data, not means of samples; "
                + "intervals are the quantiles 2.5 and 97.5%. p one-sided: the share of samples in which "
                + $"{second} is not above {first}. Seeds only, examples only: the interval if the other were fixed. ≥ x: the share of "
                + "samples with a difference of at least x points."
        )
        {
            IsDetail = true,
        };

    /// <summary>What does not need examples: exact tests, power, almost stochastic order.</summary>
    public static ReportTable Seeds(IReadOnlyList<Conclusion> conclusions, string first, string second) =>
        new(
            "Tests for few seeds",
            ["Task", "Test", "Units", "Difference", "Exact p", "Smallest p", "Needed", "Shown", $"ε_min {second}", $"ε_min {first}"],
            [
                .. conclusions.Select(c =>
                    (IReadOnlyList<string>)
                        [
                            TaskHeadings.Heading(c.Task),
                            (c.Units.IsPaired ? "sign flips" : "permutations") + (c.Exact.IsExact ? "" : ", sampled"),
                            c.Units.Counted,
                            Signed(c.Difference),
                            Number(c.Exact.P, "F4"),
                            Number(c.Exact.SmallestP, "0.####"),
                            c.Needed is { } needed && needed < 1e5 ? $"{Math.Ceiling(needed):N0}" : "–",
                            Number(c.Detectable),
                            Number(c.EpsilonMin.Second, "F3"),
                            Number(c.EpsilonMin.First, "F3"),
                        ]
                ),
            ],
            "Exact p: two-sided, over all sign flips of the pairs or all permutations of the two groups; Smallest p is what so few can "
                + "give at best. Needed: units on each side that would show this difference in 80% of experiments; "
                + "Shown: the difference that "
                + "these would (power of the t test). ε_min: almost stochastic order (Dror et al. 2019) at 95%, "
                + $"{Plural.Of(conclusions.Count, "comparison")} together; that group is better where it "
                + "is below 0.5, and much better below 0.2."
        )
        {
            IsDetail = true,
        };

    private static IReadOnlyList<string> Row(Conclusion conclusion, ExampleBootstrap drawn, StatisticsConfig config) =>
        [
            TaskHeadings.Heading(conclusion.Task),
            drawn.Metric,
            conclusion.Units.Counted,
            $"{drawn.Count:N0}",
            Number(100 * drawn.Both.First),
            Number(100 * drawn.Both.Second),
            Signed(100 * drawn.Both.Difference),
            Signed(drawn.Interval.Low),
            Signed(drawn.Interval.High),
            ConclusionText.P(drawn.Both.OneSidedP),
            ConclusionText.P(drawn.Both.TwoSidedP),
            Range(drawn.UnitsOnly),
            Range(drawn.ExamplesOnly),
            .. config.Thresholds.Select(threshold => drawn.Both.ShareAbove(threshold / 100).ToString("0.0%", CultureInfo.InvariantCulture)),
        ];

    private static string Range(MultiBootstrap drawn) =>
        ExampleBootstrap.InPoints(drawn.DifferenceInterval) is var interval
            ? $"{Signed(interval.Low)} to {Signed(interval.High)}"
            : "";

    private static string Number(double? value, string format = "F2") => ScoreTables.Number(value, format);

    private static string Signed(double? value) => Number(value, "+0.00;-0.00;0.00");
}
