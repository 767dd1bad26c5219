namespace Electra.Statistics;

/// <summary>The runs of one unit that a conclusion is drawn over: a seed of pre-training, or a run where there is only one.</summary>
/// <param name="Seed">The seed of pre-training, the model's name, or the run's number.</param>
/// <param name="Runs">The scores, by run.</param>
internal sealed record SeedRuns(string Seed, IReadOnlyList<Score> Runs)
{
    /// <summary>The mean of the runs.</summary>
    public double Mean => Runs.Average(run => run.Value);

    /// <summary>The runs of each seed of pre-training, by seed.</summary>
    public static IReadOnlyList<SeedRuns> Of(IReadOnlyList<Score> scores) =>
        [
            .. scores
                .GroupBy(score => score.PretrainSeed ?? "")
                .Select(seed => new SeedRuns(seed.Key, [.. seed]))
                .OrderBy(seed => seed.Seed.Length)
                .ThenBy(seed => seed.Seed, StringComparer.Ordinal),
        ];
}
