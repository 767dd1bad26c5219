using Electra.Storage;

namespace Electra.Data.Examples;

/// <summary>Examples ready to be read.</summary>
/// <param name="Train">The examples to train on.</param>
/// <param name="HeldOut">The examples kept for evaluation; there may be none.</param>
/// <param name="Summary">What the documents gave.</param>
internal sealed record PreparedExamples(ExampleStore Train, ExampleStore HeldOut, ExampleSummary Summary) : IDisposable
{
    /// <summary>Closes both stores.</summary>
    public void Dispose()
    {
        Train.Dispose();
        HeldOut.Dispose();
    }
}

/// <summary>The sizes that the work of a preparation is done in.</summary>
/// <param name="SegmentCharacters">A segment ends with the document that brings it to this many. Another size gives other examples.</param>
/// <param name="SegmentsPerEntry">Segments from one entry in the journal to the next: what an interruption costs at most, some seconds of
/// work.</param>
internal sealed record PreparationGrain(int SegmentCharacters = 1 << 20, int SegmentsPerEntry = 64);

/// <summary>
/// Documents to examples on disk. The stream of documents is cut into segments of about a million characters, each with its own
/// builders and random numbers, so that the examples are the same, bit by bit, whatever the number of workers and however often the
/// work was interrupted; and memory holds a few segments at a time, whatever the size of the corpus.
/// </summary>
internal static class ExamplePreparation
{
    // Another way of making examples (another size of segments, too) from the same documents and settings needs another name.
    internal const string Method = "electra-preparation-3";

    private const string Train = "train";
    private const string HeldOut = "held_out";

    /// <summary>
    /// Makes the examples of a corpus in a folder, goes on with those that an interrupted call left there, or opens those that are
    /// whole; waits while another process is at it.
    /// </summary>
    /// <param name="source">Documents and tokenizer.</param>
    /// <param name="settings">How documents become examples.</param>
    /// <param name="folder">Where the examples are kept; made where it does not exist.</param>
    /// <param name="workers">Threads that tokenize, beside the one that reads and writes; 1: that one does all; 0: one per core.</param>
    /// <param name="progress">Told of waiting for another process; how far the work is, the documents tell.</param>
    /// <param name="cancellation">Stops the work; the next call goes on.</param>
    /// <exception cref="UserErrorException">
    /// The folder holds other examples or is damaged, the disk is full, the documents gave no example, or they are not those that an
    /// interrupted call had read.
    /// </exception>
    public static PreparedExamples Prepare(
        ExampleSource source, ExampleSettings settings, string folder, int workers = 0,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        Prepare(source, settings, folder, new PreparationGrain(), workers, progress, cancellation);

    internal static PreparedExamples Prepare(
        ExampleSource source, ExampleSettings settings, string folder, PreparationGrain grain, int workers,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        var identity = Identity(source, settings);
        if (PreparationState.Load(folder, identity) is { Complete: true } whole)
            return Open(folder, whole);

        Directory.CreateDirectory(folder);
        using var alone = FileLock.Wait(
            Path.Combine(folder, "lock"),
            $"waiting for another process that is working in {folder}",
            progress,
            cancellation
        );
        TemporaryName.RemoveLeft(folder);
        var state = PreparationState.Load(folder, identity) ?? new PreparationState { Identity = identity };
        if (!state.Complete)
            state = Build(source, state, folder, grain, workers > 0 ? workers : Environment.ProcessorCount, progress, cancellation);
        return Open(folder, state);
    }

    /// <summary>Whether nothing of the examples is there yet.</summary>
    /// <exception cref="UserErrorException">The folder holds other examples or is damaged.</exception>
    internal static bool IsToBegin(ExampleSource source, ExampleSettings settings, string folder) =>
        PreparationState.Load(folder, Identity(source, settings)) is null;

    private static PreparationIdentity Identity(ExampleSource source, ExampleSettings settings) =>
        new(Method, source.Description, source.Vocabulary, settings);

    private static PreparedExamples Open(string folder, PreparationState state) =>
        new(ExampleStore.Open(folder, Train), ExampleStore.Open(folder, HeldOut), state.Summary);

    /// <summary>Reads and writes on this thread, in order; the workers build the segments in between.</summary>
    private static PreparationState Build(
        ExampleSource source, PreparationState state, string folder, PreparationGrain grain, int workers,
        IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        var settings = state.Identity.Examples;
        using var train = new ExampleStoreWriter(new(folder, Train), source.Vocabulary, settings.MaxLength, state.Summary.Train);
        using var heldOut = new ExampleStoreWriter(new(folder, HeldOut), source.Vocabulary, settings.MaxLength, state.Summary.HeldOut);
        source.Prepared?.Invoke(state.Summary.Documents);
        var segments = source.DocumentsAfter is { } after
            ? CorpusSegment.Cut(
                after(state.Summary.Documents, state.Summary.Characters),
                state.Segments,
                state.Summary.Documents,
                grain.SegmentCharacters
            )
            : CorpusSegment.Cut(source.Documents, state, grain.SegmentCharacters);
        void Save() =>
            DiskSpace.Guard(folder, () =>
            {
                train.Flush();
                heldOut.Flush();
                state.Save(folder);
                source.Prepared?.Invoke(state.Summary.Documents);
            });

        foreach (var examples in InOrder(segments, source, settings, workers, cancellation))
        {
            DiskSpace.Guard(folder, () =>
            {
                train.Append(examples.Train);
                heldOut.Append(examples.HeldOut);
            });
            state = state.With(examples.Segment, train.Counts, heldOut.Counts, examples.Dropped);
            if (state.Segments % grain.SegmentsPerEntry == 0)
                Save();
        }
        RequireExamples(source, state, folder);
        // The last downloads are removed before the state says that all is done: nothing looks for them after that.
        Save();
        DiskSpace.Guard(folder, () =>
        {
            train.Finish();
            heldOut.Finish();
            state = state with { Complete = true };
            state.Save(folder);
        });
        return state;
    }

    /// <exception cref="UserErrorException">There is nothing to train on.</exception>
    private static void RequireExamples(ExampleSource source, PreparationState state, string folder)
    {
        if (state.Summary.Train.Examples > 0)
            return;
        PreparationState.Delete(folder);
        throw new UserErrorException(
            $"The corpus gives no example to train on: {state.Summary.Documents} documents, {state.Summary.Characters} characters "
                + $"({source.Description})."
        );
    }

    /// <summary>The examples of each segment, in order. What is handed out is filled anew once the next is asked for.</summary>
    private static IEnumerable<SegmentExamples> InOrder(
        IEnumerable<CorpusSegment> segments, ExampleSource source, ExampleSettings settings, int workers, CancellationToken cancellation)
    {
        if (workers == 1)
        {
            var examples = new SegmentExamples();
            foreach (var segment in segments)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return examples.Fill(segment, source, settings);
            }
            yield break;
        }
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, workers).ConcurrentScheduler;
        var ahead = new Queue<Task<SegmentExamples>>();
        var free = new Stack<SegmentExamples>();
        try
        {
            foreach (var segment in segments)
            {
                cancellation.ThrowIfCancellationRequested();
                var examples = free.TryPop(out var used) ? used : new();
                ahead.Enqueue(
                    Task.Factory.StartNew(() => examples.Fill(segment, source, settings), cancellation, TaskCreationOptions.None, scheduler)
                );
                // Two for each worker: one in work and one waiting, so that none idles while this thread reads or writes.
                if (ahead.Count < 2 * workers)
                    continue;
                var oldest = ahead.Dequeue().GetAwaiter().GetResult();
                yield return oldest;
                free.Push(oldest);
            }
            while (ahead.TryDequeue(out var oldest))
                yield return oldest.GetAwaiter().GetResult();
        }
        finally
        {
            // The tokenizer belongs to the caller: it is not used any more when this call has ended, however it ends.
            ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
        }
    }
}
