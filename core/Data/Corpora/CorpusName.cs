
using Electra.Hub;
using Electra.Storage;

namespace Electra.Data.Corpora;

/// <summary>
/// A corpus on the hub by its name in a configuration: <c>wikipedia</c>, <c>wikipedia:20231101.de</c>, <c>hub:org/name:config@revision</c>.
/// </summary>
/// <param name="Name">The name as it was written, without configuration and revision.</param>
/// <param name="Repository">The data set.</param>
/// <param name="Config">The configuration that was named with it; empty where none was.</param>
internal sealed record CorpusName(string Name, HubRepository Repository, string Config)
{
    /// <summary>Data sets with a name of their own, and what is right for each.</summary>
    private static readonly Dictionary<string, KnownCorpus> ByName = new()
    {
        ["openwebtext"] = new("Skylion007/openwebtext"),
        ["wikipedia"] = new("wikimedia/wikipedia", Config: "20231101.en", Cleaning: Cleaning.Wikipedia),
        // Its rows are sentences, and where a book ends is not said: a thousand of them are some thirty pages.
        ["bookcorpus"] = new("bookcorpus/bookcorpus", RowsPerDocument: 1000),
        ["fineweb-edu"] = new("HuggingFaceFW/fineweb-edu", Config: "sample-10BT"),
    };

    public static IEnumerable<string> Known => ByName.Keys;

    /// <summary>Whether a source is such a name; a file or folder of that name comes first.</summary>
    public static bool IsName(string source) =>
        source.StartsWith(HubFolders.Prefix, StringComparison.Ordinal)
        || (ByName.ContainsKey(source.Split(':', '@')[0]) && !Path.Exists(Paths.Find(source)));

    /// <summary>Reads a name.</summary>
    /// <exception cref="UserErrorException">What follows <c>hub:</c> is not the name of a repository.</exception>
    public static CorpusName Parse(string source)
    {
        var text = source.StartsWith(HubFolders.Prefix, StringComparison.Ordinal) ? source[HubFolders.Prefix.Length..] : source;
        var (rest, revision) = Cut(text, '@', HubRepository.DefaultRevision);
        var (name, config) = Cut(rest, ':', "");
        try
        {
            return new CorpusName(
                name,
                new HubRepository(HubKind.Dataset, ByName.GetValueOrDefault(name)?.Repository ?? name, revision),
                config
            );
        }
        catch (HubException e)
        {
            throw new UserErrorException($"corpus: {e.Message}", e);
        }
    }

    /// <summary>The options with what is right for this corpus in the place of what was not given.</summary>
    public CorpusOptions Complete(CorpusOptions options)
    {
        var known = ByName.GetValueOrDefault(Name) ?? new KnownCorpus(Name);
        return options with
        {
            Config = options.Config != "" ? options.Config : Config != "" ? Config : known.Config,
            Cleaning = options.Cleaning != Cleaning.Auto ? options.Cleaning : known.Cleaning,
            RowsPerDocument = options.RowsPerDocument > 0 ? options.RowsPerDocument : known.RowsPerDocument,
            Name = options.Name != "" ? options.Name : Name[(Name.LastIndexOf('/') + 1)..],
        };
    }

    private static (string Before, string After) Cut(string text, char separator, string otherwise) =>
        text.IndexOf(separator) is >= 0 and var at ? (text[..at], text[(at + 1)..]) : (text, otherwise);

    private sealed record KnownCorpus(string Repository, string Config = "", Cleaning Cleaning = Cleaning.None, int RowsPerDocument = 1);
}
