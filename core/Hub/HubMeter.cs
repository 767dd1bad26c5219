namespace Electra.Hub;

/// <summary>Adds up what several downloads receive.</summary>
internal sealed class HubMeter(string stage, long total, IProgress<ProgressReport>? progress)
{
    private long received;

    /// <summary>What a download of a file tells how many of its bytes are there.</summary>
    public Action<long> Of(HubFile file)
    {
        long last = 0;
        return now =>
        {
            long all = Interlocked.Add(ref received, now - last);
            last = now;
            progress?.Report(new ProgressReport(stage, Math.Min(all, total) / 1e6, total / 1e6, "MB"));
        };
    }
}
