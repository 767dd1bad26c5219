using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Electra.Data.Corpora;

/// <summary>A configuration of a data set, as the card of its repository (README.md) describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsDefault">Whether it is meant where none is named.</param>
/// <param name="Files">Patterns of the files of each split.</param>
internal sealed record DatasetConfig(string Name, bool IsDefault, IReadOnlyDictionary<string, IReadOnlyList<string>> Files);

/// <summary>The block of YAML at the head of a data set's README.md.</summary>
internal static class DatasetCard
{
    private const string OnlySplit = "train";

    /// <summary>The configurations that a card lists; none where it lists none, or is not YAML.</summary>
    public static IReadOnlyList<DatasetConfig> Configs(string card)
    {
        var parts = card.Replace("\r\n", "\n").Split("\n---", 2);
        if (!card.StartsWith("---", StringComparison.Ordinal) || parts.Length < 2)
            return [];
        try
        {
            var root = new DeserializerBuilder().Build().Deserialize<object?>(parts[0][3..]);
            return [.. List(Value(root, "configs")).Select(Config).OfType<DatasetConfig>()];
        }
        catch (YamlException)
        {
            // A card is prose first: the names of the files tell the rest.
            return [];
        }
    }

    private static DatasetConfig? Config(object? entry)
    {
        if (Value(entry, "config_name") is not string name)
            return null;
        var folder = Value(entry, "data_dir") is string given ? given.Trim('/') + "/" : "";
        var splits = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var (split, patterns) in Splits(Value(entry, "data_files")))
            splits[split] = [.. splits.GetValueOrDefault(split, []), .. patterns.Select(pattern => folder + pattern.TrimStart('.', '/'))];
        // A folder alone: everything in it.
        if (splits.Count == 0 && folder != "")
            splits[""] = [folder + "**"];
        return splits.Count == 0 ? null : new DatasetConfig(name, Value(entry, "default") is "true" || name == "default", splits);
    }

    /// <summary><c>data_files</c> is a pattern, a list of patterns, or a list of splits with a pattern or several each.</summary>
    private static IEnumerable<(string Split, IEnumerable<string> Patterns)> Splits(object? files) =>
        from item in List(files)
        let isPattern = item is string
        select (
            isPattern ? OnlySplit : Value(item, "split") as string ?? OnlySplit,
            List(isPattern ? item : Value(item, "path")).OfType<string>()
        );

    private static object? Value(object? mapping, string key) => (mapping as Dictionary<object, object?>)?.GetValueOrDefault(key);

    private static IEnumerable<object?> List(object? value) => value switch
    {
        null => [],
        List<object?> list => list,
        _ => [value],
    };
}
