using Electra.Configuration;
using Electra.Running;

namespace Electra.Statistics;

/// <summary>What the <c>config.yaml</c> of a run says, by dotted key.</summary>
internal static class RunSettings
{
    /// <summary>Whether a folder holds the configuration of a pre-training run.</summary>
    public static bool IsOfPretraining(string folder) =>
        File.Exists(Path.Combine(folder, Experiment.ConfigFile))
        && File.ReadLines(Path.Combine(folder, Experiment.ConfigFile)).Any(line => line.StartsWith("objective:", StringComparison.Ordinal));

    /// <summary>Reads the settings of a run; none where it has no configuration, or a damaged one.</summary>
    public static IReadOnlyDictionary<string, string> Read(string folder)
    {
        var file = Path.Combine(folder, Experiment.ConfigFile);
        return File.Exists(file) ? ConfigValues.Of(File.ReadAllText(file)) : new Dictionary<string, string>();
    }

    /// <summary>
    /// What a run learned by, as this version says it: a key that a run of an older version lacks has its default. None where it has no
    /// configuration, or a damaged one.
    /// </summary>
    /// <typeparam name="T">Its configuration.</typeparam>
    public static IReadOnlyDictionary<string, string> Learned<T>(string folder)
        where T : class, IExperimentConfig<T>
    {
        var file = Path.Combine(folder, Experiment.ConfigFile);
        return File.Exists(file)
            ? Config.LearnedValues(File.ReadAllText(file), T.Defaults(new ConfigMapping(new ConfigPlace(file), [])))
            : new Dictionary<string, string>();
    }

    /// <summary>The keys that the held-out text of pre-training follows from and that two runs differ in.</summary>
    public static IReadOnlyList<string> OfHeldOutText(
        IReadOnlyDictionary<string, string> first,
        IReadOnlyDictionary<string, string> second
    ) =>
        [
            .. first
                .Keys.Union(second.Keys)
                .Where(key => key == "evaluation.examples" || key.Split('.')[0] is "corpus" or "vocabulary" or "examples")
                .Where(key => key != "examples.packing") // of training text alone
                .Where(key => first.GetValueOrDefault(key) != second.GetValueOrDefault(key))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>The keys that change what is learned and that two runs differ in, each with both values.</summary>
    /// <typeparam name="T">The configuration of both.</typeparam>
    public static IReadOnlyList<(string Key, string First, string Second)> Differences<T>(
        IReadOnlyDictionary<string, string> first,
        IReadOnlyDictionary<string, string> second
    ) =>
        [
            .. first
                .Keys.Union(second.Keys)
                .Where(Config.ChangesLearning<T>)
                .Select(key => (key, first.GetValueOrDefault(key, "not set"), second.GetValueOrDefault(key, "not set")))
                .Where(pair => pair.Item2 != pair.Item3)
                .OrderBy(pair => pair.key, StringComparer.Ordinal),
        ];
}
