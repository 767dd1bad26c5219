using System.Text.RegularExpressions;
using Electra.Storage;

namespace Electra.Data.Corpora;

/// <summary>
/// A data set of the hub that was downloaded or cloned to a folder: its files are chosen as those of <c>hub:org/name</c> are.
/// </summary>
internal static partial class DatasetFolder
{
    private const string Card = "README.md";
    private static readonly string[] Marks = [".cache/huggingface", "dataset_infos.json", "dataset_dict.json", ".gitattributes"];

    /// <summary>
    /// Whether a folder holds such a data set: by what the hub's tools leave in it, by a card that lists configurations, or by the
    /// names of its files (<c>train-00000-of-00001.parquet</c>; all named after splits).
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="texts">Its files of text, by their paths in it.</param>
    public static bool Is(string folder, IReadOnlyList<string> texts) =>
        texts.Count > 0
        && (Marks.Any(mark => Path.Exists(Path.Combine(folder, mark))) || Configs(folder).Count > 0
            || texts.Any(name => Shard().IsMatch(name)) || DatasetFiles.AreSplits(texts));

    /// <summary>The files of the configuration and the split that are asked for.</summary>
    /// <exception cref="UserErrorException">There is no such configuration or split.</exception>
    public static IReadOnlyList<string> Select(string folder, IReadOnlyList<string> texts, CorpusOptions options)
    {
        try
        {
            return DatasetFiles.Select(DatasetFiles.Readable(texts), Configs(folder), options.Config, options.Split);
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException(
                $"corpus: the data set in {Paths.Shown(folder)} cannot be read as asked: {e.Message}. "
                    + $"To read other files of it, name them: corpus='{Paths.Shown(folder)}/*.txt'",
                e
            );
        }
    }

    private static IReadOnlyList<DatasetConfig> Configs(string folder)
    {
        var card = Path.Combine(folder, Card);
        return FileStatus.Of(card).Kind == FileKind.File ? DatasetCard.Configs(File.ReadAllText(card)) : [];
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.")]
    private static partial Regex Shard();
}
