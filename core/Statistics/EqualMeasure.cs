using System.Text.RegularExpressions;

namespace Electra.Statistics;

/// <summary>What a held-out figure depends on beside the model itself.</summary>
internal enum MeasuredBy
{
    /// <summary>Nothing, as far as is known: a script's own figure, or one that is relative to what the token alone tells.</summary>
    Itself,

    /// <summary>The share of masks: what the generator says depends on how much of the text it sees.</summary>
    Masks,

    /// <summary>The share of masks, and the generator that writes the replacements.</summary>
    GeneratorAndMasks,
}

/// <summary>Whether figures of several runs mean the same: a figure is withheld where its runs were measured in different ways.</summary>
internal static partial class EqualMeasure
{
    /// <summary>How to measure runs alike.</summary>
    public const string Advice =
        "pretrain.csx with only=evaluation measures what is saved again: give all the same evaluation.generator and evaluation.masking.";

    /// <summary>Whether a figure can be compared between runs, or averaged over them.</summary>
    public static bool Holds(string figure, IEnumerable<PretrainRun> runs) => Ways(figure, runs).Count <= 1;

    /// <summary>The figures that cannot, in the order of tables.</summary>
    public static IReadOnlyList<string> Withheld(IEnumerable<string> figures, IReadOnlyList<PretrainRun> runs) =>
        [.. FigureStyle.Ordered(figures).Where(figure => !Holds(figure, runs))];

    /// <summary>What each group was measured with: <c>a with own generator, 15% masked; b with …</c>.</summary>
    public static string Described(PretrainSet set, params IEnumerable<string> groups) =>
        string.Join("; ", groups.Select(group => $"{group} with {string.Join(" and with ", Ways(set, group))}"));

    /// <summary>What the runs of a group were measured with, the seeds named where it is not one thing.</summary>
    public static IReadOnlyList<string> Ways(PretrainSet set, string group)
    {
        var ways = set.Of(group).GroupBy(run => run.MeasuredWith).ToList();
        return
        [
            .. ways.Select(way =>
                ways.Count == 1 ? way.Key
                : $"{way.Key} (seed{(way.Count() == 1 ? "" : "s")} {string.Join(", ", way.Select(run => run.Seed))})"
            ),
        ];
    }

    private static IReadOnlyList<string> Ways(string figure, IEnumerable<PretrainRun> runs) =>
        FigureStyle.OfPretraining(figure).MeasuredBy switch
        {
            MeasuredBy.GeneratorAndMasks => [.. runs.Select(run => run.MeasuredWith).Distinct()],
            MeasuredBy.Masks => [.. runs.Select(run => Masks().Match(run.MeasuredWith).Value).Distinct()],
            _ => [],
        };

    [GeneratedRegex(@"[\d.]+% masked.*$")]
    private static partial Regex Masks();
}
