using System.ComponentModel.DataAnnotations;

namespace Electra.Data.Corpora;

/// <summary>What separates documents in a text file.</summary>
public enum DocumentBoundary
{
    /// <summary>A blank line.</summary>
    BlankLine,

    /// <summary>Nothing: each file is one document.</summary>
    File,

    /// <summary>The end of a line: each line is one document.</summary>
    Line,
}

/// <summary>What is done to documents before they are cut into examples.</summary>
public enum Cleaning
{
    /// <summary>What the corpus asks for: <see cref="Wikipedia"/> for <c>wikipedia</c>, nothing for any other.</summary>
    Auto,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>
    /// What electra_pytorch does to Wikipedia alone: lines shorter than 80 characters are dropped.
    /// </summary>
    Wikipedia,
}

/// <summary>When a mix of corpora by weight ends.</summary>
public enum MixEnd
{
    /// <summary>With the first corpus that has no more text: nothing is read twice.</summary>
    Shortest,

    /// <summary>When every corpus was read to its end: shorter ones begin again until then.</summary>
    Longest,
}

/// <summary>Where text comes from. A text alone is the source, and so is a list of texts; a list with mappings is a mix.</summary>
[ListForm(texts: "source", mappings: "mix")]
public sealed record CorpusOptions
{
    /// <summary>
    /// Files, folders and globs (<c>texts/**/*.txt.gz</c>) of text, JSON lines and Parquet, each also .gz or .zst; or a corpus by name:
    /// <c>dotnet-docs</c>, and from the Hugging Face hub <c>openwebtext</c>, <c>wikipedia</c>, <c>bookcorpus</c>, <c>fineweb-edu</c> or any
    /// <c>hub:org/name</c>. A name may end in <c>:config</c> and <c>@revision</c>: <c>wikipedia:20231101.de</c>.
    /// </summary>
    public IReadOnlyList<string> Source { get; init; } = [];

    /// <summary>The configuration (subset) of a data set on the hub; empty: its default.</summary>
    public string Config { get; init; } = "";

    /// <summary>The split of a data set on the hub.</summary>
    [Required]
    public string Split { get; init; } = "train";

    /// <summary>What separates documents in text files.</summary>
    public DocumentBoundary Documents { get; init; }

    /// <summary>The field of JSON lines, and the column of Parquet files, that holds the text.</summary>
    [Required]
    public string TextField { get; init; } = "text";

    /// <summary>
    /// Rows of JSON lines and Parquet files that are one document, joined as its lines; 0: what the corpus asks for, else 1.
    /// </summary>
    [Range(0, 1_000_000)]
    public int RowsPerDocument { get; init; }

    /// <summary>What is done to documents before they are cut into examples.</summary>
    public Cleaning Cleaning { get; init; }

    /// <summary>Whether downloaded files stay in the cache; otherwise each is removed once its examples are on the disk.</summary>
    public bool KeepDownloads { get; init; } = true;

    /// <summary>Names the folder of what is prepared from the corpus; empty: after the source.</summary>
    public string Name { get; init; } = "";

    /// <summary>
    /// Several corpora in the place of a source, each with options of its own: <c>[{source: wikipedia, weight: 0.7}, {source: bookcorpus,
    /// weight: 0.3}]</c>.
    /// </summary>
    public IReadOnlyList<CorpusOptions> Mix { get; init; } = [];

    /// <summary>
    /// This corpus's share of the characters of a mix, in relation to the others' weights. 0 for all of them: each is read once, one
    /// after the other.
    /// </summary>
    [Range(0.0, 1e9)]
    public double Weight { get; init; }

    /// <summary>When a mix by weight ends.</summary>
    public MixEnd MixEnd { get; init; }

    /// <summary>A lone text is the source.</summary>
    public static CorpusOptions Parse(string text) => new() { Source = [text] };

    /// <summary>The name, or one made of the first source.</summary>
    internal string ShortName
    {
        get
        {
            var source = Source.Count > 0 ? Source[0] : string.Join('-', Mix.Select(part => part.ShortName));
            var name = Name != "" ? Name : System.IO.Path.GetFileName(source.TrimEnd('/', '\\'));
            name = new string([
                .. name.TakeWhile(c => c != '.' || Name != "").Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'),
            ]).Trim('-');
            return name.Length == 0 ? "text" : name;
        }
    }
}
