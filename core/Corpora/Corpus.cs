
namespace Electra.Corpora;

/// <summary>
/// A named sequence of documents that can be read again and again. A document is a text whose lines are its sentences or paragraphs:
/// the ELECTRA example builder works line by line.
/// </summary>
public sealed class Corpus
{
    private readonly Func<IProgress<ProgressReport>?, IEnumerable<string>> read;

    private Corpus(string name, string description, long? bytes, Func<IProgress<ProgressReport>?, IEnumerable<string>> read)
    {
        (Name, Bytes, this.read) = (name, bytes, read);
        Description = description;
        Fingerprint = Electra.Files.Fingerprint.Of(description);
    }

    /// <summary>A short name, fit for a folder.</summary>
    public string Name { get; }

    /// <summary>Changes when the documents may have changed: when a file or an option does.</summary>
    public string Fingerprint { get; }

    /// <summary><c>name-fingerprint</c>: names the folder of what is prepared from the corpus.</summary>
    public string Id => $"{Name}-{Fingerprint}";

    /// <summary>The size of the source as it is stored; null where that is not known.</summary>
    public long? Bytes { get; }

    private string Description { get; }

    /// <summary>Opens a corpus.</summary>
    /// <exception cref="UserErrorException">A source is missing, matches nothing, or is not known.</exception>
    public static Corpus Open(CorpusOptions options)
    {
        var corpus = options.Source is [DotnetDocs.Name]
            ? DotnetDocs.Open()
            : FromFiles(SourceFiles.Find(options.Source), options);
        return options.Cleaning == Cleaning.Wikipedia ? corpus.Select("wikipedia", WikipediaCleaning.Clean) : corpus;
    }

    /// <summary>A corpus of a script's own making.</summary>
    /// <param name="name">A short name, fit for a folder.</param>
    /// <param name="version">Change it when the documents change: what was prepared under another version is not used again.</param>
    /// <param name="documents">Gives the same documents, in the same order, at every call.</param>
    public static Corpus From(string name, string version, Func<IEnumerable<string>> documents) =>
        new(name, $"{name} {version}", null, _ => documents());

    /// <summary>The documents, in an order that never changes.</summary>
    /// <param name="progress">Told of the megabytes read, as they are stored.</param>
    /// <exception cref="UserErrorException">A file is damaged, or there is no document at all.</exception>
    public IEnumerable<string> Documents(IProgress<ProgressReport>? progress = null)
    {
        bool any = false;
        foreach (var document in read(progress))
        {
            any = true;
            yield return document;
        }
        if (!any)
            throw new UserErrorException($"the corpus {Name} has no text in it");
    }

    /// <summary>The corpus with a change to each document.</summary>
    /// <param name="step">Names the change: what was prepared without it is not used again.</param>
    /// <param name="change">Changes a document; null drops it.</param>
    public Corpus Select(string step, Func<string, string?> change) =>
        new(Name, $"{Description}\n{step}", Bytes, progress => read(progress).Select(change).OfType<string>().Where(document => document.Length > 0));

    internal static Corpus FromFiles(IReadOnlyList<SourceFile> files, CorpusOptions options)
    {
        var description = string.Join('\n', files.Select(file => $"{file.Name} {file.Bytes} {file.Modified:O}")
            .Append($"{options.Documents} {options.TextField}"));
        long bytes = files.Sum(file => file.Bytes);
        return new Corpus(options.ShortName, description, bytes, progress => ReadFiles(files, options, bytes, progress));
    }

    internal static Corpus FromDocuments(string name, string description, long bytes, Func<IProgress<ProgressReport>?, IEnumerable<string>> read) =>
        new(name, description, bytes, read);

    private static IEnumerable<string> ReadFiles(IReadOnlyList<SourceFile> files, CorpusOptions options, long bytes, IProgress<ProgressReport>? progress)
    {
        long before = 0;
        foreach (var file in files)
        {
            var position = new ReadPosition(read => progress?.Report(new ProgressReport("reading text", (before + read) / 1e6, bytes / 1e6, "MB")));
            var documents = file.Format switch
            {
                SourceFormat.JsonLines => JsonLinesDocuments.Read(file, options.TextField, position),
                SourceFormat.Parquet => ParquetDocuments.Read(file, options.TextField, position),
                _ => TextDocuments.Read(file, options.Documents, position),
            };
            foreach (var document in documents)
                yield return document;
            before += file.Bytes;
            position.Report(0);
        }
    }
}

/// <summary>Told how many stored bytes of a file have been read.</summary>
internal sealed class ReadPosition(Action<long> report)
{
    /// <summary>Passes the position on.</summary>
    public void Report(long bytes) => report(bytes);
}
