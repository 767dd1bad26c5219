namespace Electra.Data.Corpora;

/// <summary>One reading of a corpus: whom it tells what, and what stops it.</summary>
internal sealed record CorpusReading
{
    /// <summary>Told how many stored bytes of the corpus have been read.</summary>
    public Action<long> At { get; init; } = _ => { };

    /// <summary>Told of each row that has no text.</summary>
    public Action PassedOverRow { get; init; } = () => { };

    /// <summary>Told of downloads that are waited for.</summary>
    public IProgress<ProgressReport>? Progress { get; init; }

    /// <summary>Stops reading and downloading.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Whether a download (known by its name) need not be read: its documents are not given.</summary>
    public Func<string, bool> PassesOver { get; init; } = _ => false;

    /// <summary>Told, after its last document was taken, that a download has been read to its end, and how to remove it.</summary>
    public Action<string, Action> Ended { get; init; } = (_, _) => { };

    /// <summary>Whether there may be nothing to read because it was read before.</summary>
    public bool PassedOver { get; init; }
}
