using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Data.Corpora;

/// <summary>The files that the sources of a corpus name.</summary>
/// <param name="Files">Those that are read, in order.</param>
/// <param name="LeftOut">Those that a folder holds beside them.</param>
internal sealed record CorpusFiles(IReadOnlyList<SourceFile> Files, IReadOnlyList<string> LeftOut)
{
    /// <summary>How to name a corpus: for the messages where there is none.</summary>
    public const string HowToGiveFiles =
        "Give text of your own: corpus=path/to/file.txt.gz, a folder, or a glob such as corpus='texts/**/*.jsonl'; "
            + "or corpus=dotnet-docs, the documentation of the installed SDK.";

    private static readonly string[] TableExtensions = [".csv", ".tsv", ".xlsx", ".xls", ".arrow", ".feather"];

    /// <summary>The files of all sources, each once, in the order of the sources and by name within each.</summary>
    /// <exception cref="UserErrorException">A source names nothing that is there, or what cannot be read.</exception>
    public static CorpusFiles Find(CorpusOptions options)
    {
        if (options.Source.Count == 0)
            throw new UserErrorException($"corpus: no source is given. {HowToGiveFiles}");
        CorpusFiles[] found = [.. options.Source.Select(source => Find(source, options))];
        return new CorpusFiles(
            [.. found.SelectMany(files => files.Files).DistinctBy(file => file.Path)],
            [.. found.SelectMany(files => files.LeftOut)]
        );
    }

    /// <summary>Which files are read, and which are not; empty for one file that was named itself.</summary>
    public string Describe() => Files.Count == 1 && LeftOut.Count == 0 ? ""
        : $"{Listed([.. Files.Select(file => file.Name)])}{(LeftOut.Count > 0 ? $"; not read: {Listed(LeftOut)}" : "")}";

    private static string Listed(IReadOnlyList<string> names)
    {
        const int Shown = 3;
        return names.Count <= Shown + 1
            ? string.Join(", ", names)
            : $"{string.Join(", ", names.Take(Shown))} and {names.Count - Shown:N0} more";
    }

    private static CorpusFiles Find(string source, CorpusOptions options)
    {
        var path = Paths.Find(source);
        if (Directory.Exists(path))
            return InFolder(path, options);
        if (FileStatus.Of(path).Kind != FileKind.Missing)
            return new CorpusFiles([Described(path, Path.GetFileName(path))], []);
        if (Glob.IsPattern(source))
            return new CorpusFiles([.. Glob.Alternatives(source).SelectMany(pattern => Matching(pattern, source))], []);
        if (path.Contains('\uFFFD'))
            InputFile.Check(path);
        throw new UserErrorException(
            $"corpus: there is no file, folder or corpus {source}. {HowToGiveFiles} By name, from the Hugging Face hub: "
                + $"{string.Join(", ", CorpusName.Known)}, hub:org/name."
        );
    }

    private static IReadOnlyList<SourceFile> Matching(string pattern, string source)
    {
        var nothing = $"corpus: no file matches {pattern}{(pattern == source ? "" : $" (of {source})")}";
        // The folder before the first wildcard is where to look.
        int wildcard = pattern.IndexOfAny(['*', '?', '[', '\\']);
        var folderPart = pattern[..(pattern.LastIndexOf('/', wildcard < 0 ? pattern.Length - 1 : wildcard) + 1)];
        var folder = Paths.Find(folderPart == "" ? "." : folderPart);
        if (!Directory.Exists(folder))
            throw new UserErrorException(nothing);
        var (rest, isAnyDepth) = (pattern[folderPart.Length..], pattern.Contains("**"));
        var fits = Glob.ToRegex(rest);
        bool hidden = rest.StartsWith('.') || rest.Contains("/.");
        SourceFile[] files =
        [
            .. Names(folder, hidden, isAnyDepth ? int.MaxValue : rest.Count(c => c == '/'))
                .Where(name => fits.IsMatch(name))
                .Select(name => Described(Path.Combine(folder, name), name)),
        ];
        if (files.Length > 0)
            return files;
        bool isFolder = FolderFiles.FoldersIn(folder).Any(inner => fits.IsMatch(Path.GetFileName(inner)));
        throw new UserErrorException(nothing + (isFolder ? $"; it matches folders, whose files are {pattern.TrimEnd('/')}/**" : ""));
    }

    private static CorpusFiles InFolder(string folder, CorpusOptions options)
    {
        string[] names = [.. Names(folder, hidden: false, int.MaxValue)];
        string[] texts = [.. names.Where(name => SourceFile.FormatOf(name) is not null && !DatasetFiles.IsAboutTheData(name))];
        var read = DatasetFolder.Is(folder, texts) ? DatasetFolder.Select(folder, texts, options) : texts;
        if (read.Count == 0)
            throw new UserErrorException(
                $"corpus: there is no text file in the folder {Paths.Shown(folder)} "
                    + $"({SourceFile.Extensions}){(names.Length > 0 ? $"; it holds {Listed(names)}" : "")}"
            );
        return new CorpusFiles([.. read.Select(name => Described(Path.Combine(folder, name), name))], [.. names.Except(read)]);
    }

    /// <summary>The files below a folder, by their paths in it.</summary>
    private static IEnumerable<string> Names(string folder, bool hidden, int depth) =>
        FolderFiles
            .Under(folder, hidden, depth)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal);

    private static SourceFile Described(string path, string name) =>
        TableExtensions.Contains(SourceFile.ExtensionOf(path))
            ? throw new UserErrorException(
                $"corpus: {Paths.Shown(path)} is a table, and a corpus is text, JSON lines or Parquet. "
                    + $"Write its text column to a text file with a blank line after each text, or as JSON lines ({{\"text\": …}})"
            )
            : SourceFile.Of(path, name);
}
