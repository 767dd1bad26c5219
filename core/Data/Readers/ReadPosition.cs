namespace Electra.Data.Readers;

/// <summary>Told how many stored bytes of a file have been read.</summary>
internal sealed class ReadPosition(Action<long> report)
{
    /// <summary>Passes the position on.</summary>
    public void Report(long bytes) => report(bytes);
}
