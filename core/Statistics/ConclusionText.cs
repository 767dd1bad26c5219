using System.Globalization;

namespace Electra.Statistics;

/// <summary>A conclusion in the words that a paper would print.</summary>
internal static class ConclusionText
{
    /// <summary>Fewer units than these are never called a difference.</summary>
    private const int FewestToConclude = 3;

    /// <summary>The sentence that the report leads with, and the warnings that belong to it.</summary>
    /// <param name="conclusion">The conclusion.</param>
    /// <param name="first">The first group.</param>
    /// <param name="second">The second group.</param>
    /// <param name="style">How differences are written.</param>
    public static string Of(Conclusion conclusion, string first, string second, FigureStyle style)
    {
        string on = style.Heading, difference = $"{second} − {first} = {style.Signed(conclusion.Difference)}{style.Unit}";
        var units = conclusion.Units;
        string basis = units.Counted + (units.IsPaired ? ", paired" : "");
        if (conclusion.Examples is { } examples)
            basis += $", {Plural.Of(examples.Count, "example")}";
        if (conclusion.Interval is not { } interval)
            return $"{on}: {difference} ({basis}). "
                + (
                    conclusion.Fewest > 1
                        ? "The scores do not vary, and there is nothing to test."
                        : $"One {(units.AreSeeds ? "seed" : "run")} on a side has no interval: this says nothing of another."
                );
        bool isBesideZero = interval.Low > 0 || interval.High < 0, isClear = isBesideZero && conclusion.Fewest >= FewestToConclude;
        bool isSecondBetter = conclusion.Difference > 0 != style.IsLowerBetter;
        var (better, worse) = isSecondBetter ? (second, first) : (first, second);
        var (low, high) = conclusion.Difference > 0 ? (interval.Low, interval.High) : (-interval.High, -interval.Low);
        string rest = $"{basis}; p = {P(conclusion.P)}";
        string sentence = isClear
            ? $"{on}: {better} is better than {worse} by {style.Value(Math.Abs(conclusion.Difference))}{style.Unit} "
                + $"(95%: {style.Value(low)} to {style.Value(high)}; {rest})."
            : $"{on}: {first} and {second} cannot be told apart{(isBesideZero ? $" by so few {Unit(conclusion)}" : "")}: {difference} "
                + $"(95%: {style.Signed(interval.Low)} to {style.Signed(interval.High)}; {rest}).";
        return string.Join(" ", Warnings(conclusion, isClear, style).Prepend(sentence));
    }

    /// <summary>What the units of all conclusions leave open.</summary>
    public static IEnumerable<string> Scope(IReadOnlyList<Conclusion> conclusions, string first, string second)
    {
        if (conclusions.Any(conclusion => !conclusion.Units.AreSeeds))
            yield return $"This holds for these two models ({first}, {second}) and their fine-tuning, not for the way they were "
                + "pre-trained: another seed of pre-training may differ by as much. "
                + "Several seeds: checkpoint=checkpoints/pretrain/NAME_*_100.";
        if (conclusions.Any(conclusion => conclusion.Units.AreSeeds && conclusion.Fewest == 2))
            yield return "Two seeds leave one degree of freedom: such an interval is nearly worthless.";
        if (conclusions.Count > 1)
        {
            var corrected = Comparison.Holm([.. conclusions.Select(conclusion => conclusion.P)]);
            var left = conclusions.Zip(corrected).Where(pair => pair.Second < 0.05).Select(pair => TaskHeadings.Heading(pair.First.Task));
            yield return $"{conclusions.Count} tasks were compared: by Holm's correction a difference remains on "
                + $"{string.Join(", ", left.DefaultIfEmpty("none of them"))} at 5%.";
        }
        foreach (var left in conclusions.SelectMany(conclusion => conclusion.Units.LeftOut).Distinct())
            yield return $"Left out of the pairs: {left}.";
        foreach (var why in conclusions.Select(conclusion => conclusion.WhyNoExamples).OfType<string>().Distinct())
            yield return $"The interval counts no development examples: {why}.";
        foreach (var few in conclusions.Where(c => c.Examples is { } e && e.Both.Defined < e.Both.FirstSamples.Length))
            yield return $"{TaskHeadings.Heading(few.Task)}: {few.Examples!.Metric} is undefined on "
                + $"{few.Examples.Both.FirstSamples.Length - few.Examples.Both.Defined} of the resamples, which are left out.";
    }

    private static IEnumerable<string> Warnings(Conclusion conclusion, bool isClear, FigureStyle style)
    {
        string unit = Unit(conclusion);
        if (!isClear && conclusion.Detectable is { } detectable && conclusion.Fewest >= FewestToConclude)
            yield return $"These {unit} show {style.Value(detectable)}{style.Unit} in 80% of experiments"
                + (
                    conclusion.Needed is { } needed && needed > conclusion.Fewest && needed < 1e5
                        ? $"; {style.Value(Math.Abs(conclusion.Difference))} would need {Math.Ceiling(needed):N0} {unit}"
                            + (conclusion.Units.IsPaired ? "." : " on each side.")
                        : "."
                );
        if (conclusion.Exact.SmallestP > 0.05)
            yield return $"So few {unit} cannot give an exact p below {P(conclusion.Exact.SmallestP)}: by that test no result could have "
                + "been significant.";
    }

    private static string Unit(Conclusion conclusion) => conclusion.Units.AreSeeds ? "seeds" : "runs";

    internal static string P(double? p) =>
        p is null ? "–"
        : p <= 0.0001 ? "0.0001 or less"
        : p.Value.ToString(p < 0.01 ? "0.####" : "0.###", CultureInfo.InvariantCulture);
}
