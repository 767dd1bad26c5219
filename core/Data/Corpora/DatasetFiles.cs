using System.Text.RegularExpressions;
using Electra.Data.Readers;

namespace Electra.Data.Corpora;

/// <summary>
/// Which files of a data set, by their paths in it, are the text that was asked for: by the data set's card where it says so, else by the
/// names of folders and files, as Hugging Face's <c>datasets</c> library does.
/// </summary>
internal static class DatasetFiles
{
    /// <summary>How files of a split are named (the library's own list of words).</summary>
    private static readonly Dictionary<string, string> SplitWords = new()
    {
        ["train"] = "train|training",
        ["validation"] = "validation|valid|dev|val",
        ["test"] = "test|testing|eval|evaluation",
    };

    /// <summary>Which files hold text that can be read: of the first form that there is any of.</summary>
    public static IReadOnlyList<string> Readable(IReadOnlyList<string> files)
    {
        foreach (var format in new[] { SourceFormat.Parquet, SourceFormat.JsonLines, SourceFormat.Text })
        {
            string[] found =
            [
                .. files.Where(file => SourceFile.FormatOf(file) == format && !IsAboutTheData(file) && Path.GetExtension(file) != ".md"),
            ];
            if (found.Length > 0)
                return found;
        }
        return [];
    }

    /// <summary>The files of a configuration's split.</summary>
    /// <param name="files">Files that can be read.</param>
    /// <param name="configs">What the card says; nothing where it says nothing.</param>
    /// <param name="config">The configuration; empty: the default.</param>
    /// <param name="split">The split.</param>
    /// <exception cref="UserErrorException">There is no such configuration or split.</exception>
    public static IReadOnlyList<string> Select(
        IReadOnlyList<string> files,
        IReadOnlyList<DatasetConfig> configs,
        string config,
        string split
    ) => configs.Count > 0 ? ByCard(files, configs, config, split) : ByName(files, config, split);

    private static IReadOnlyList<string> ByCard(
        IReadOnlyList<string> files,
        IReadOnlyList<DatasetConfig> configs,
        string config,
        string split
    )
    {
        var names = string.Join(", ", configs.Select(c => c.Name));
        var chosen = config != "" ? configs.FirstOrDefault(c => c.Name == config)
            : configs.Count == 1 ? configs[0]
            : configs.FirstOrDefault(c => c.IsDefault);
        if (chosen is null)
            throw new UserErrorException(
                config == ""
                    ? $"it has several configurations, and none is the default: name one of {names} (corpus.config=…)"
                    : $"it has no configuration {config}; there are {names}"
            );
        if (chosen.Files.TryGetValue("", out var all))
            return BySplit([.. files.Where(file => all.Any(pattern => Glob.Fits(file, pattern)))], split);
        if (!chosen.Files.TryGetValue(split, out var patterns))
            throw new UserErrorException(
                $"its configuration {chosen.Name} has no split {split}; there are {string.Join(", ", chosen.Files.Keys)}"
            );
        return [.. files.Where(file => patterns.Any(pattern => Glob.Fits(file, pattern)))];
    }

    private static IReadOnlyList<string> ByName(IReadOnlyList<string> files, string config, string split)
    {
        string[] chosen = [.. files.Where(file => config == "" || file.Split('/')[..^1].Contains(config))];
        if (chosen.Length == 0)
            throw new UserErrorException(
                $"it has no configuration {config}; its folders are "
                    + $"{string.Join(", ", files.SelectMany(file => file.Split('/')[..^1]).Distinct())}"
            );
        return BySplit(chosen, split);
    }

    /// <summary>Where no name tells a split, all is for training.</summary>
    private static IReadOnlyList<string> BySplit(IReadOnlyList<string> files, string split)
    {
        string[] Of(string words) => [.. files.Where(file => Names(file, words))];

        if (Of(SplitWords.GetValueOrDefault(split, Regex.Escape(split))) is { Length: > 0 } found)
            return found;
        string[] there = [.. SplitWords.Where(words => Of(words.Value).Length > 0).Select(words => words.Key)];
        return there.Length == 0 && split == "train"
            ? files
            : throw new UserErrorException(
                $"it has no split {split}; {(there.Length == 0 ? "its files name none" : $"there are {string.Join(", ", there)}")}"
            );
    }

    private static bool Names(string file, string words) =>
        Regex.IsMatch(file, $@"(?<![A-Za-z])({words})(?![A-Za-z])", RegexOptions.IgnoreCase);

    /// <summary>Whether all files are named after splits, and there are several.</summary>
    public static bool AreSplits(IReadOnlyList<string> files) =>
        SplitWords.Values.Count(words => files.Any(file => Names(file, words))) > 1
        && files.All(file => SplitWords.Values.Any(words => Names(file, words)));

    /// <summary>Whether a file is about the data, and not part of it.</summary>
    public static bool IsAboutTheData(string path) =>
        path.Split('/').Any(part => part.StartsWith('.'))
        || Path.GetFileNameWithoutExtension(path).ToLowerInvariant()
            is "license"
                or "licence"
                or "requirements"
                or "dataset_infos"
                or "dataset_info"
                or "dataset_dict"
                or "state"
                or "readme"
                or "citation"
                or "notice"
                or "authors"
                or "changelog"
                or "contributing"
                or "code_of_conduct";
}
