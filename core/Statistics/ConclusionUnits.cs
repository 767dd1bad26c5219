namespace Electra.Statistics;

/// <summary>What a conclusion is drawn over.</summary>
/// <param name="First">The first group's units, in a fixed order.</param>
/// <param name="Second">The second group's; where paired, those of the same seeds in the same order.</param>
/// <param name="IsPaired">Whether the i-th of both belong together.</param>
/// <param name="AreSeeds">Whether units are seeds of pre-training; otherwise they are runs from one model, and the conclusion holds for
/// that model alone.</param>
/// <param name="LeftOut">Units that only one group has, of which a paired test knows nothing.</param>
internal sealed record ConclusionUnits(
    IReadOnlyList<SeedRuns> First,
    IReadOnlyList<SeedRuns> Second,
    bool IsPaired,
    bool AreSeeds,
    IReadOnlyList<string> LeftOut
)
{
    /// <summary>The units' name: <c>8 seeds</c>, <c>10 runs</c>.</summary>
    public string Counted
    {
        get
        {
            var (a, b) = (First.Count, Second.Count);
            string name = (AreSeeds ? "seed" : "run") + (a == 1 && b == 1 ? "" : "s");
            return a == b ? $"{a} {name}" : $"{a} and {b} {name}";
        }
    }

    /// <summary>Chooses the units of two groups.</summary>
    /// <exception cref="UserErrorException">A paired test is asked for, and the groups have nothing in common.</exception>
    public static ConclusionUnits Of(IReadOnlyList<Score> first, IReadOnlyList<Score> second, ComparisonTest test)
    {
        var (a, b) = (SeedRuns.Of(first), SeedRuns.Of(second));
        bool areSeeds = a.Count > 1 || b.Count > 1 || first[0].IsOfPretraining;
        if (!areSeeds)
            (a, b) = (Runs(first), Runs(second));
        var common = a.Select(unit => unit.Seed).Intersect(b.Select(unit => unit.Seed)).ToList();
        bool areTheSame = common.Count == a.Count && common.Count == b.Count && common.Count > 1 && (areSeeds || HaveSameSeeds(a, b));
        if (test is ComparisonTest.Welch || (test is ComparisonTest.Auto && !areTheSame))
            return new ConclusionUnits(a, b, IsPaired: false, areSeeds, []);
        if (common.Count == 0)
            throw new UserErrorException(
                areSeeds
                    ? $"{first[0].Group} and {second[0].Group} have no seed of pre-training in common on {first[0].Task}: "
                        + $"{Names(a)} against {Names(b)}. test=welch compares them all the same"
                    : $"no run of {first[0].Group} on {first[0].Task} has a run of the same number in {second[0].Group}: "
                        + "test=welch compares them all the same"
            );
        return new ConclusionUnits(
            [.. a.Where(unit => common.Contains(unit.Seed))],
            [.. b.Where(unit => common.Contains(unit.Seed))],
            IsPaired: true,
            areSeeds,
            [
                .. Only(first[0].Group, a),
                .. Only(second[0].Group, b),
            ]
        );

        IEnumerable<string> Only(string group, IReadOnlyList<SeedRuns> units) =>
            units.Where(unit => !common.Contains(unit.Seed)).Select(unit => $"{(areSeeds ? "seed" : "run")} {unit.Seed} of {group}");
    }

    private static IReadOnlyList<SeedRuns> Runs(IReadOnlyList<Score> scores) =>
        [.. scores.OrderBy(score => score.Run).Select(score => new SeedRuns($"{score.Run}", [score]))];

    private static bool HaveSameSeeds(IReadOnlyList<SeedRuns> a, IReadOnlyList<SeedRuns> b) =>
        a.Zip(b).All(pair => pair.First.Runs[0].Seed == pair.Second.Runs[0].Seed);

    private static string Names(IEnumerable<SeedRuns> units) => string.Join(", ", units.Select(unit => unit.Seed));
}
