namespace Electra.Corpora;

/// <summary>What separates documents in a text file.</summary>
public enum DocumentBoundary
{
    /// <summary>A blank line.</summary>
    BlankLine,

    /// <summary>Nothing: each file is one document.</summary>
    File,
}

/// <summary>What is done to documents before they are cut into examples.</summary>
public enum Cleaning
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>What electra_pytorch does to Wikipedia: lines shorter than 80 characters are dropped, and empty parentheses removed.</summary>
    Wikipedia,
}

/// <summary>Where text comes from.</summary>
public sealed record CorpusOptions
{
    /// <summary>
    /// Files, folders and globs (<c>texts/**/*.txt.gz</c>) of text, JSON lines and Parquet, each also .gz or .zst; or a corpus by name:
    /// <c>dotnet-docs</c>.
    /// </summary>
    public IReadOnlyList<string> Source { get; init; } = [];

    /// <summary>What separates documents in text files.</summary>
    public DocumentBoundary Documents { get; init; }

    /// <summary>The field of JSON lines, and the column of Parquet files, that holds the text.</summary>
    public string TextField { get; init; } = "text";

    /// <summary>What is done to documents before they are cut into examples.</summary>
    public Cleaning Cleaning { get; init; }

    /// <summary>Names the folder of what is prepared from the corpus; empty: after the source.</summary>
    public string Name { get; init; } = "";

    /// <summary>A lone text is the source.</summary>
    public static CorpusOptions Parse(string text) => new() { Source = [text] };

    /// <summary>The name, or one made of the first source.</summary>
    internal string ShortName
    {
        get
        {
            var name = Name != "" ? Name : System.IO.Path.GetFileName(Source.FirstOrDefault("text").TrimEnd('/', '\\'));
            name = new string([.. name.TakeWhile(c => c != '.' || Name != "").Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')]).Trim('-');
            return name.Length == 0 ? "text" : name;
        }
    }
}
