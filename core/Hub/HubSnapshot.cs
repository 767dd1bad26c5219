using System.IO.Enumeration;
using Electra.Storage;

namespace Electra.Hub;

/// <summary>A repository at a commit: its files, and where they lie on this machine.</summary>
internal sealed class HubSnapshot
{
    private const int ParallelDownloads = 4;

    private readonly HubConnection connection;
    private readonly HubCache cache;

    internal HubSnapshot(HubConnection connection, HubRepository repository, string commit, HubCache cache, IReadOnlyList<HubFile> files)
    {
        (this.connection, Repository, Commit, this.cache) = (connection, repository, commit, cache);
        Files = [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    public HubRepository Repository { get; }

    /// <summary>The commit that its revision is.</summary>
    public string Commit { get; }

    /// <summary>All files of the commit by path, downloaded or not.</summary>
    public IReadOnlyList<HubFile> Files { get; }

    /// <summary>The folder of the files that are downloaded.</summary>
    public string Folder => cache.Snapshot(Commit);

    /// <summary>The files whose path fits one of some patterns; <c>*</c> stands for any characters, <c>/</c> too.</summary>
    public IReadOnlyList<HubFile> Matching(params IEnumerable<string> patterns) =>
        [.. Files.Where(file => patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, file.Path, ignoreCase: false)))];

    /// <summary>Where a file lies, or will lie when it is downloaded.</summary>
    public string PathOf(HubFile file) => cache.Pointer(Commit, file);

    /// <summary>Whether a file is on this machine: a link of the cache whose content is gone is not.</summary>
    public bool Has(HubFile file) => InputFile.Exists(PathOf(file));

    /// <summary>Downloads those files that are not here yet, several at a time.</summary>
    /// <param name="files">Files of this snapshot.</param>
    /// <param name="progress">Told of the megabytes that came.</param>
    /// <param name="cancellation">Stops; what came is kept, and the next call goes on from there.</param>
    /// <returns>The folder that they lie in.</returns>
    /// <exception cref="HubException">The hub is not reachable, refuses, or sends something else than it announced; or the disk has too
    /// little room.</exception>
    public async Task<string> DownloadAsync(
        IReadOnlyList<HubFile> files,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        HubFile[] missing = [.. files.Where(file => !Has(file))];
        CheckOnline(missing);
        CheckDisk(missing);
        var meter = new HubMeter($"downloading {Repository.Id}", missing.Sum(file => file.Size), progress);
        await Parallel.ForEachAsync(
            missing,
            new ParallelOptions { MaxDegreeOfParallelism = ParallelDownloads, CancellationToken = cancellation },
            async (file, stop) => await DownloadAsync(file, meter.Of(file), progress, isTemporary: false, stop)
        );
        return Folder;
    }

    /// <summary>Downloads a file, unless it is here.</summary>
    /// <returns>Its path.</returns>
    internal async Task<string> DownloadAsync(
        HubFile file,
        Action<long>? received,
        IProgress<ProgressReport>? progress,
        bool isTemporary,
        CancellationToken cancellation
    )
    {
        if (!Has(file))
            await new HubDownload(connection, Repository, Commit, cache, file).RunAsync(received, progress, isTemporary, cancellation);
        else if (!isTemporary)
            cache.Keep(file);
        received?.Invoke(file.Size);
        return PathOf(file);
    }

    /// <summary>Removes a file that was downloaded to be used once.</summary>
    internal void Drop(HubFile file)
    {
        // A download of the same content may be about to link to it.
        using var alone = cache.Lock(file, progress: null, CancellationToken.None);
        cache.Drop(Commit, file, isShared: Files.Any(other => other.Hash == file.Hash && other != file && Has(other)));
    }

    /// <exception cref="HubException">Files are missing, and none may be downloaded.</exception>
    internal void CheckOnline(IReadOnlyList<HubFile> missing)
    {
        const int Named = 5;
        if (connection.Settings.IsOffline && missing.Count > 0)
            throw new HubException(
                $"HF_HUB_OFFLINE is set, and {HubErrors.Named(Repository)} is not all in the cache ({cache.Snapshot(Commit)}): "
                    + string.Join(", ", missing.Take(Named).Select(file => file.Path))
                    + (missing.Count > Named ? $" and {missing.Count - Named} more" : "")
                    + " missing."
            );
    }

    /// <exception cref="HubException">The disk has no room for what is still to come of some files.</exception>
    internal void CheckDisk(IReadOnlyList<HubFile> missing)
    {
        long needed = missing.Sum(file =>
            file.Size - (new FileInfo(cache.Incomplete(file)) is { Exists: true } part ? Math.Min(part.Length, file.Size) : 0)
        );
        if (needed == 0)
            return;
        Directory.CreateDirectory(connection.Settings.CacheFolder);
        long free = new DriveInfo(Path.GetFullPath(connection.Settings.CacheFolder)).AvailableFreeSpace;
        if (needed > free)
            throw new HubException(
                $"{HubErrors.Named(Repository)} takes {needed / 1e9:N1} GB more on the disk of {connection.Settings.CacheFolder}, and "
                    + $"{free / 1e9:N1} GB are free. Make room, or set HF_HOME to a folder on another disk."
            );
    }
}
