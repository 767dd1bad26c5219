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
        var values = new Dictionary<string, string>();
        if (File.Exists(file) && ConfigYaml.Parse(File.ReadAllText(file), mark => new ConfigPlace(file, (int)mark.Line), []) is { } root)
            Flatten(root, "", values);
        return values;
    }

    /// <summary>The keys but the seed that change what is learned and that two runs differ in, each with both values.</summary>
    /// <typeparam name="T">The configuration of both.</typeparam>
    public static IReadOnlyList<(string Key, string First, string Second)> Differences<T>(
        IReadOnlyDictionary<string, string> first,
        IReadOnlyDictionary<string, string> second
    ) =>
        [
            .. first
                .Keys.Union(second.Keys)
                .Where(key => key != "seed" && Config.ChangesLearning<T>(key))
                .Select(key => (key, first.GetValueOrDefault(key, "not set"), second.GetValueOrDefault(key, "not set")))
                .Where(pair => pair.Item2 != pair.Item3)
                .OrderBy(pair => pair.key, StringComparer.Ordinal),
        ];

    private static void Flatten(ConfigNode node, string key, Dictionary<string, string> values)
    {
        if (node is ConfigMapping mapping)
            foreach (var entry in mapping.Entries)
                Flatten(entry.Value, key == "" ? entry.Key : $"{key}.{entry.Key}", values);
        else
            values[key] = Text(node);
    }

    private static string Text(ConfigNode node) =>
        node switch
        {
            ConfigScalar scalar => scalar.Text,
            ConfigSequence list => $"[{string.Join(", ", list.Items.Select(Text))}]",
            ConfigMapping mapping => $"{{{string.Join(", ", mapping.Entries.Select(entry => $"{entry.Key}: {Text(entry.Value)}"))}}}",
            _ => "",
        };
}
