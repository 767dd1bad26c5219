using System.Text.RegularExpressions;
using Electra.Data.Corpora;
using Electra.Storage;

namespace Electra.Data.Readers;

/// <summary>How a file holds text.</summary>
internal enum SourceFormat
{
    Text,
    JsonLines,
    Parquet,
}

/// <summary>A file of a corpus.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Name">Its path within the source, which names it wherever the source lies.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Modified">When it was changed last.</param>
internal sealed record SourceFile(string Path, string Name, long Bytes, DateTime Modified)
{
    /// <summary>How it holds text, by its extension.</summary>
    public SourceFormat Format => SourceFiles.FormatOf(Path) ?? SourceFormat.Text;

    /// <summary>Its path as it is shown to the user.</summary>
    public string Shown => ProjectPath.Shown(Path);
}

/// <summary>Finds the files that a source names.</summary>
internal static partial class SourceFiles
{
    private static readonly string[] TextExtensions = [".txt", ".text", ".md"], JsonExtensions = [".jsonl", ".ndjson", ".json"];

    /// <summary>The files of all sources, each once, in the order of the sources and by name within each.</summary>
    /// <exception cref="UserErrorException">A source names nothing that is there.</exception>
    public static IReadOnlyList<SourceFile> Find(IReadOnlyList<string> sources)
    {
        if (sources.Count == 0)
            throw new UserErrorException($"corpus: no source is given. {HowToGiveFiles}");
        return [.. sources.SelectMany(Find).DistinctBy(file => file.Path)];
    }

    /// <summary>How a file holds text; null where its extension is not known.</summary>
    public static SourceFormat? FormatOf(string path)
    {
        var name = CompressionExtension().Replace(path.ToLowerInvariant(), "");
        var extension = Path.GetExtension(name);
        return TextExtensions.Contains(extension) ? SourceFormat.Text
            : JsonExtensions.Contains(extension) ? SourceFormat.JsonLines
            : extension == ".parquet" ? SourceFormat.Parquet
            : null;
    }

    /// <summary>What does where a corpus cannot be had.</summary>
    public const string HowToGiveFiles =
        "Give text of your own: corpus=path/to/file.txt.gz, a folder, or a glob such as corpus='texts/**/*.jsonl'; or corpus=dotnet-docs, the documentation of the installed SDK.";

    private static IEnumerable<SourceFile> Find(string source)
    {
        var path = ProjectPath.Find(source);
        if (File.Exists(path))
            return [Describe(path, Path.GetFileName(path))];
        if (Directory.Exists(path))
            return InFolder(path, file => FormatOf(file) is not null,
                $"corpus: there is no text file in the folder {ProjectPath.Shown(path)} ({string.Join(' ', TextExtensions)} {string.Join(' ', JsonExtensions)} .parquet, or one of them with .gz or .zst)");
        if (source.IndexOfAny(['*', '?']) >= 0)
            return Matching(source);
        throw new UserErrorException($"corpus: there is no file, folder or corpus {source}. {HowToGiveFiles} By name, from the Hugging Face hub: {string.Join(", ", CorpusName.Known)}, hub:org/name.");
    }

    private static IEnumerable<SourceFile> Matching(string glob)
    {
        // The folder before the first wildcard is where to look.
        var fixedPart = glob[..(glob[..glob.IndexOfAny(['*', '?'])].LastIndexOf('/') + 1)];
        var folder = ProjectPath.Find(fixedPart == "" ? "." : fixedPart);
        var pattern = Glob.ToRegex(glob[fixedPart.Length..]);
        var nothing = $"corpus: no file matches {glob}";
        return Directory.Exists(folder) ? InFolder(folder, file => pattern.IsMatch(file), nothing) : throw new UserErrorException(nothing);
    }

    private static SourceFile[] InFolder(string folder, Func<string, bool> matches, string nothing)
    {
        SourceFile[] files = [..
            from path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            let name = Path.GetRelativePath(folder, path).Replace('\\', '/')
            where matches(name) && !name.Split('/').Any(part => part.StartsWith('.'))
            select Describe(path, name)];
        return files.Length > 0 ? [.. files.OrderBy(file => file.Name, StringComparer.Ordinal)] : throw new UserErrorException(nothing);
    }

    private static SourceFile Describe(string path, string name)
    {
        var file = new FileInfo(path);
        return new SourceFile(file.FullName, name, file.Length, file.LastWriteTimeUtc);
    }

    [GeneratedRegex(@"\.(gz|zst)$")]
    private static partial Regex CompressionExtension();
}
