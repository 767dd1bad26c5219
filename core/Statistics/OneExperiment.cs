namespace Electra.Statistics;

/// <summary>A run with what it was made with.</summary>
/// <param name="Name">Its name in messages: the folder's.</param>
/// <param name="Settings">The values of its configuration by full dotted key; none where it has left no configuration.</param>
internal sealed record MadeRun(string Name, IReadOnlyDictionary<string, string> Settings);

/// <summary>Runs count together where nothing that is learned differs between them but the seed.</summary>
internal static class OneExperiment
{
    /// <summary>Compares each run with the first.</summary>
    /// <typeparam name="T">The configuration of all.</typeparam>
    /// <param name="what">The runs in the message: <c>the seeds of demo</c>.</param>
    /// <param name="runs">The runs. Those without a configuration are not compared.</param>
    /// <param name="mayDiffer">Keys that tell runs of one experiment apart.</param>
    /// <returns>Null where they are alike; else a sentence that names each key that differs between two of them, with both
    /// values.</returns>
    public static string? WhyNot<T>(string what, IEnumerable<MadeRun> runs, Func<string, bool> mayDiffer)
    {
        List<MadeRun> known = [.. runs.Where(run => run.Settings.Count > 0)];
        foreach (var other in known.Skip(1))
        {
            var differences = RunSettings.Differences<T>(known[0].Settings, other.Settings).Where(pair => !mayDiffer(pair.Key)).ToList();
            if (differences.Count > 0)
                return $"{what} are of different configurations: "
                    + string.Join(
                        ", ",
                        differences.Select(key => $"{key.Key} is {key.First} in {known[0].Name} and {key.Second} in {other.Name}")
                    )
                    + ". They count together where nothing else differs: give one of them another name, or move it elsewhere";
        }
        return null;
    }
}
