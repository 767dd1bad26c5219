
using Electra.Data.Readers;
using Electra.Hub;

namespace Electra.Data.Corpora;

/// <summary>A data set on the hub as a corpus: its files are found when it is opened, and downloaded as they are read.</summary>
internal static class HubCorpus
{
    /// <summary>Hugging Face's own conversion of data sets that come in other forms.</summary>
    private const string ParquetRevision = "refs/convert/parquet";

    /// <summary>Downloads that run ahead of the reading.</summary>
    private const int Ahead = 4;

    /// <exception cref="UserErrorException">The data set cannot be opened, or has no such configuration, split or text.</exception>
    public static Corpus Open(CorpusName name, CorpusOptions options, HubClient? hub)
    {
        try
        {
            // Not on the caller's context: nothing here may wait for it.
            return Task.Run(() => OpenAsync(name, options, hub ?? new HubClient())).GetAwaiter().GetResult();
        }
        catch (HubException e)
        {
            throw new UserErrorException($"corpus: {e.Message} {CorpusFiles.HowToGiveFiles}", e);
        }
    }

    private static async Task<Corpus> OpenAsync(CorpusName name, CorpusOptions options, HubClient hub)
    {
        var snapshot = await hub.OpenAsync(name.Repository);
        var readable = Readable(snapshot);
        if (readable.Count == 0 && name.Repository.Revision == HubRepository.DefaultRevision)
        {
            // A data set that is a program: the hub itself has run it.
            snapshot = await hub.OpenAsync(new HubRepository(HubKind.Dataset, name.Repository.Id, ParquetRevision));
            readable = Readable(snapshot);
        }
        if (readable.Count == 0)
            throw new UserErrorException($"corpus: the dataset {name.Repository} has no Parquet, JSON lines or text files");
        HubFile[] files;
        try
        {
            var chosen = DatasetFiles.Select(readable, await Configs(snapshot), options.Config, options.Split).ToHashSet();
            files = [.. snapshot.Files.Where(file => chosen.Contains(file.Path))];
        }
        catch (UserErrorException e) when (e is not HubException)
        {
            throw new UserErrorException($"corpus: the dataset {name.Repository} cannot be read as asked: {e.Message}", e);
        }
        if (files.Length == 0)
            throw new UserErrorException($"corpus: the dataset {name.Repository} lists no files for its split {options.Split}");

        // What is read, and not where it comes from: a new README makes no other corpus.
        var description = string.Join('\n', files.Select(file => $"{file.Path} {file.Hash}")
            .Prepend($"{name.Repository.Id}").Append($"{options.Documents} {options.TextField} {options.RowsPerDocument} rows"));
        return new Corpus(options.ShortName, description, files.Sum(file => file.Size), reading => Read(snapshot, files, options, reading))
        {
            DropsDownloads = !options.KeepDownloads,
            BytesToDownload = () => files.Where(file => !snapshot.Has(file)).Sum(file => file.Size),
        };
    }

    private static IReadOnlyList<string> Readable(HubSnapshot snapshot) =>
        DatasetFiles.Readable([.. snapshot.Files.Select(file => file.Path)]);

    private static async Task<IReadOnlyList<DatasetConfig>> Configs(HubSnapshot snapshot)
    {
        var card = snapshot.Matching("README.md");
        if (card.Count == 0)
            return [];
        await snapshot.DownloadAsync(card);
        return DatasetCard.Configs(await File.ReadAllTextAsync(snapshot.PathOf(card[0])));
    }

    private static IEnumerable<string> Read(
        HubSnapshot snapshot,
        IReadOnlyList<HubFile> files,
        CorpusOptions options,
        CorpusReading reading
    )
    {
        HubFile[] wanted = [.. files.Where(file => !reading.PassesOver(file.Path))];
        foreach (var file in files.Except(wanted))
            snapshot.Drop(file);
        long before = files.Except(wanted).Sum(file => file.Size);
        foreach (var (file, path) in Downloads(snapshot, wanted, options, reading))
        {
            var source = new SourceFile(path, file.Path, file.Size, default);
            foreach (
                var document in FileDocuments.Read(source, options, new ReadPosition(at => reading.At(before + at)), reading.PassedOverRow)
            )
                yield return document;
            reading.At(before += file.Size);
            reading.Ended(file.Path, () => snapshot.Drop(file));
        }
    }

    private static IEnumerable<(HubFile File, string Path)> Downloads(
        HubSnapshot snapshot,
        IReadOnlyList<HubFile> files,
        CorpusOptions options,
        CorpusReading reading
    )
    {
        using var downloads = new HubDownloads(snapshot, files, Ahead, !options.KeepDownloads, reading.Progress, reading.Cancellation);
        while (true)
        {
            (HubFile, string)? next;
            try
            {
                next = downloads.Next();
            }
            catch (HubException e)
            {
                throw new UserErrorException(
                    $"corpus: {e.Message}{(e is HubUnreachableException ? " What was downloaded is kept." : "")}",
                    e
                );
            }
            if (next is not { } file)
                yield break;
            yield return file;
        }
    }
}
