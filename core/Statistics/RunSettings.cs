using Electra.Configuration;
using Electra.Running;

namespace Electra.Statistics;

/// <summary>What the <c>config.yaml</c> of a run says, by dotted key.</summary>
internal static class RunSettings
{
    /// <summary>
    /// Keys, and beginnings of keys, of pre-training that change nothing that is learned, as
    /// PretrainConfig, above this room, marks them. A test
    /// compares the two.
    /// </summary>
    private static readonly string[] OfPretrainingElsewhere =
    [
        "seed", "seeds", "runs_at_once", "evaluation.", "checkpoints.", "logging.", "compute.", "workers", "datasets", "resume",
        "dry_run", "only",
        "training.max_minutes", "training.micro_batch_size", "training.max_bad_steps",
    ];

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

    /// <summary>The keys that change what is learned and that two pre-training runs differ in, each with both values.</summary>
    public static IReadOnlyList<(string Key, string First, string Second)> Differences(
        IReadOnlyDictionary<string, string> first,
        IReadOnlyDictionary<string, string> second
    ) =>
        [
            .. first
                .Keys.Union(second.Keys)
                .Where(key => !IsElsewhere(key))
                .Select(key => (key, first.GetValueOrDefault(key, "not set"), second.GetValueOrDefault(key, "not set")))
                .Where(pair => pair.Item2 != pair.Item3)
                .OrderBy(pair => pair.key, StringComparer.Ordinal),
        ];

    private static bool IsElsewhere(string key) =>
        OfPretrainingElsewhere.Any(other => key == other || (other[^1] == '.' && key.StartsWith(other, StringComparison.Ordinal)));

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
