
using Electra.Data.Readers;
using Electra.Hub;

namespace Electra.Data.Corpora;

/// <summary>
/// A named sequence of documents that can be read again and again. A document is a text whose lines are its sentences or paragraphs:
/// the ELECTRA example builder works line by line.
/// </summary>
public sealed class Corpus
{
    private const int ReportedCharacters = 1 << 20;
    private readonly Func<CorpusReading, IEnumerable<string>> read;

    internal Corpus(string name, string description, long? bytes, Func<CorpusReading, IEnumerable<string>> read)
    {
        (Name, Bytes, this.read) = (name, bytes, read);
        Description = description;
        Fingerprint = Electra.Storage.Fingerprint.Of(description);
    }

    /// <summary>A short name, fit for a folder.</summary>
    public string Name { get; }

    /// <summary>Changes when the documents may have changed: when a file or an option does.</summary>
    public string Fingerprint { get; }

    /// <summary><c>name-fingerprint</c>: names the folder of what is prepared from the corpus.</summary>
    public string Id => $"{Name}-{Fingerprint}";

    /// <summary>The size of the source as it is stored, or an estimate of what is read of it; null where that is not known.</summary>
    internal long? Bytes { get; }

    /// <summary>Whether downloads are removed once they are used.</summary>
    internal bool DropsDownloads { get; init; }

    /// <summary>Bytes that are still to be downloaded.</summary>
    internal Func<long> BytesToDownload { get; init; } = () => 0;

    /// <summary>Whether documents come file by file, so that a file can be passed over without changing what follows.</summary>
    internal bool IsInOrderOfFiles { get; init; } = true;

    internal string Description { get; }

    /// <summary>Rows that the last reading passed over, as their text is null, empty or missing.</summary>
    internal long RowsWithoutText { get; private set; }

    /// <summary>Whether the kit itself cuts the text into lines: what is lost of a long one is then no mistake of the user's.</summary>
    internal bool MakesLines { get; init; }

    /// <summary>Which files are read and which are not, in words; empty where the source says it.</summary>
    internal string Files { get; init; } = "";

    /// <summary>Opens a corpus. Of one on the hub, the list of its files is fetched now, and the files when they are read.</summary>
    /// <param name="options">Where the text is.</param>
    /// <exception cref="UserErrorException">A source is missing, matches nothing, is not known, or cannot be reached.</exception>
    public static Corpus Open(CorpusOptions options) => Open(options, hub: null);

    /// <summary>Opens a corpus. Without a hub, names are looked for where the environment says.</summary>
    internal static Corpus Open(CorpusOptions options, HubClient? hub)
    {
        if (options.Mix.Count > 0)
            return CorpusMix.Open(options, hub);
        if (options.Source.Count > 1 && options.Source.Any(source => source == DotnetDocs.Name || CorpusName.IsName(source)))
            return CorpusMix.Concatenated(
                options.ShortName,
                [.. options.Source.Select(source => Open(options with { Source = [source], Name = "" }, hub))]
            );
        if (options.Source is [DotnetDocs.Name])
            return Cleaned(DotnetDocs.Open(), options.Cleaning);
        if (options.Source is [var name] && CorpusName.IsName(name))
        {
            var named = CorpusName.Parse(name).Complete(options);
            return Cleaned(HubCorpus.Open(CorpusName.Parse(name), named, hub), named.Cleaning);
        }
        return Cleaned(FromFiles(CorpusFiles.Find(options), options), options.Cleaning);
    }

    /// <summary>A corpus of a script's own making.</summary>
    /// <param name="name">A short name, fit for a folder.</param>
    /// <param name="version">Change it when the documents change: what was prepared under another version is not used again.</param>
    /// <param name="documents">Gives the same documents, in the same order, at every call.</param>
    public static Corpus From(string name, string version, Func<IEnumerable<string>> documents) =>
        new(name, $"{name} {version}", null, _ => documents());

    /// <summary>The documents, in an order that never changes.</summary>
    /// <param name="progress">Told of the megabytes read, as they are stored, and of downloads that are waited for.</param>
    /// <param name="cancellation">Stops reading and downloading.</param>
    /// <param name="stage">What the documents are read for.</param>
    /// <exception cref="UserErrorException">A file is damaged or cannot be downloaded, or there is no document at all.</exception>
    public IEnumerable<string> Documents(
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default,
        string stage = "reading text"
    ) => Documents(new CorpusReading { Progress = progress, Cancellation = cancellation }, stage);

    /// <summary>The documents, by a reading that passes over files or is told of their ends.</summary>
    internal IEnumerable<string> Documents(CorpusReading reading, string stage)
    {
        var progress = reading.Progress;
        long characters = 0, reported = 0;
        bool any = false;
        RowsWithoutText = 0;
        reading = reading with { PassedOverRow = () => RowsWithoutText++ };
        var measured = Bytes is not { } bytes ? reading
            : reading with { At = at => progress?.Report(new ProgressReport(stage, Math.Min(at, bytes) / 1e6, bytes / 1e6, "MB")) };
        foreach (var document in read(measured))
        {
            any = true;
            yield return document;
            characters += document.Length;
            if (Bytes is null && characters - reported >= ReportedCharacters)
                progress?.Report(new ProgressReport(stage, (reported = characters) / 1e6, null, "million characters"));
        }
        if (!any && !reading.PassedOver)
            throw new UserErrorException($"the corpus {Name} has no text in it");
    }

    /// <summary>The corpus with a change to each document.</summary>
    /// <param name="step">Names the change: what was prepared without it is not used again.</param>
    /// <param name="change">Changes a document; null drops it.</param>
    public Corpus Select(string step, Func<string, string?> change) =>
        new(
            Name,
            $"{Description}\n{step}",
            Bytes,
            reading => read(reading).Select(change).OfType<string>().Where(document => document.Length > 0)
        )
        {
            Files = Files,
            DropsDownloads = DropsDownloads,
            BytesToDownload = BytesToDownload,
            IsInOrderOfFiles = IsInOrderOfFiles,
            MakesLines = MakesLines,
        };

    /// <summary>The documents as they are, for a corpus that is a part of another.</summary>
    internal IEnumerable<string> Read(CorpusReading reading) => read(reading);

    private static Corpus FromFiles(CorpusFiles found, CorpusOptions options)
    {
        var files = found.Files;
        var description = string.Join(
            '\n',
            files
                .Select(file => $"{file.Name} {file.Bytes} {file.Modified:O}")
                .Append($"{options.Documents} {options.TextField}{(options.RowsPerDocument > 1 ? $" {options.RowsPerDocument} rows" : "")}")
        );
        return new Corpus(options.ShortName, description, files.Sum(file => file.Bytes), reading => ReadFiles(files, options, reading))
        {
            Files = found.Describe(),
        };
    }

    private static IEnumerable<string> ReadFiles(IReadOnlyList<SourceFile> files, CorpusOptions options, CorpusReading reading)
    {
        long before = 0;
        foreach (var file in files)
        {
            foreach (
                var document in FileDocuments.Read(file, options, new ReadPosition(at => reading.At(before + at)), reading.PassedOverRow)
            )
                yield return document;
            reading.At(before += file.Bytes);
        }
    }

    private static Corpus Cleaned(Corpus corpus, Cleaning cleaning) =>
        cleaning == Cleaning.Wikipedia ? corpus.Select("wikipedia", WikipediaCleaning.Clean) : corpus;
}
