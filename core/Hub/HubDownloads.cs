
namespace Electra.Hub;

/// <summary>Files one after the other, in their order, while the next ones are downloaded already.</summary>
internal sealed class HubDownloads : IDisposable
{
    private static readonly TimeSpan SilentWait = TimeSpan.FromMilliseconds(200);

    private readonly HubSnapshot snapshot;
    private readonly Queue<HubFile> waiting;
    private readonly Queue<(HubFile File, Task<string> Path)> running = [];
    private readonly int ahead;
    private readonly bool isTemporary;
    private readonly IProgress<ProgressReport>? progress;
    private readonly CancellationTokenSource stop;
    private readonly HubMeter meter;
    private readonly ReportsWhileWaiting reports;

    /// <param name="snapshot">Where the files are from.</param>
    /// <param name="files">The files, in the order in which they are wanted.</param>
    /// <param name="ahead">How many are downloaded at once, the wanted one among them.</param>
    /// <param name="isTemporary">Whether they may be dropped when they were used.</param>
    /// <param name="progress">Told of the megabytes that came, while a file is waited for.</param>
    /// <param name="cancellation">Stops everything.</param>
    /// <exception cref="HubException">Files are missing and there is no network to be used, or the disk has too little room.</exception>
    public HubDownloads(
        HubSnapshot snapshot,
        IReadOnlyList<HubFile> files,
        int ahead,
        bool isTemporary,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        (this.snapshot, waiting, this.ahead, this.isTemporary, this.progress) = (snapshot, new(files), ahead, isTemporary, progress);
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        HubFile[] missing = [.. files.Where(file => !snapshot.Has(file))];
        snapshot.CheckOnline(missing);
        // Of files that are dropped, only those that are ahead lie on the disk at once, and the one in use.
        snapshot.CheckDisk(isTemporary ? [.. missing.OrderByDescending(file => file.Size).Take(ahead + 1)] : missing);
        reports = new ReportsWhileWaiting(progress);
        meter = new HubMeter($"downloading {snapshot.Repository.Id}", missing.Sum(file => file.Size), reports);
    }

    /// <summary>The next file and its path, when it is here; null after the last one.</summary>
    /// <exception cref="HubException">It cannot be downloaded.</exception>
    public (HubFile File, string Path)? Next()
    {
        while (running.Count < ahead && waiting.TryDequeue(out var file))
        {
            var received = snapshot.Has(file) ? null : meter.Of(file);
            running.Enqueue((file, Task.Run(() => snapshot.DownloadAsync(file, received, progress, isTemporary, stop.Token))));
        }
        if (!running.TryDequeue(out var next))
            return null;
        if (Task.WaitAny([next.Path], SilentWait) < 0)
        {
            reports.IsWaiting = true;
            ((Task)next.Path).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            reports.IsWaiting = false;
        }
        return (next.File, next.Path.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        stop.Cancel();
        ((Task)Task.WhenAll(running.Select(download => download.Path)))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)
            .GetAwaiter()
            .GetResult();
        stop.Dispose();
    }

    /// <summary>While files come faster than they are used, their use is what is worth telling.</summary>
    private sealed class ReportsWhileWaiting(IProgress<ProgressReport>? progress) : IProgress<ProgressReport>
    {
        public volatile bool IsWaiting;

        public void Report(ProgressReport value)
        {
            if (IsWaiting)
                progress?.Report(value);
        }
    }
}
