using System.Collections.Concurrent;
using Electra.Native;

namespace Electra.Running;

/// <summary>One of many runs, each in a folder of its own.</summary>
/// <param name="Name">Its name in the log.</param>
/// <param name="Folder">The full path of its folder.</param>
/// <param name="Updates">Updates of the whole run.</param>
/// <param name="IsFinished">
/// Whether it need not be made; a <see cref="UserErrorException"/> where the folder holds another experiment's run.
/// </param>
/// <param name="Make">Makes it, or goes on with it, in a folder that no other process uses.</param>
internal sealed record QueuedRun(string Name, string Folder, long Updates, Func<bool> IsFinished, Action<QueueProgress> Make);

/// <summary>How far a run of a queue is: told by the run.</summary>
internal sealed class QueueProgress(RunQueue queue, QueuedRun run, CancellationToken stopping, Action prepared)
{
    private long counted = run.Updates;
    private int isPrepared;

    /// <summary>The full path of the run's folder.</summary>
    public string Folder => run.Folder;

    /// <summary>Cancelled where the run is to save and stop.</summary>
    public CancellationToken Stopping => stopping;

    /// <summary>Told before the first update how many an earlier process made.</summary>
    public void Begin(long done)
    {
        queue.Expect(-done);
        counted -= done;
        Prepared();
    }

    /// <summary>Told of each update.</summary>
    public void Update()
    {
        if (counted > 0)
            counted--;
        else
            queue.Expect(1); // it ends by the clock
        queue.Count();
    }

    /// <summary>The run has ended: what it did not do is expected no longer.</summary>
    internal void End()
    {
        queue.Expect(-counted);
        Prepared();
    }

    private void Prepared()
    {
        if (Interlocked.Exchange(ref isPrepared, 1) == 0)
            prepared();
    }
}

/// <summary>
/// Makes many runs, one after the other or side by side, and shows one line of progress for all. A run that is finished is never made
/// again, a run that another process has is left to it, and one that fails does not keep the others from being made.
/// </summary>
/// <param name="console">Told of progress.</param>
/// <param name="stage">What the runs do: <c>fine-tuning</c>.</param>
/// <param name="workers">Runs at the same time.</param>
/// <param name="stopping">Saves what is in progress, and stops.</param>
internal sealed class RunQueue(RunConsole console, string stage, int workers, CancellationToken stopping)
{
    private readonly CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    private readonly SemaphoreSlim preparing = new(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);
    private readonly ConcurrentQueue<string> failures = [];
    private readonly ConcurrentQueue<QueuedRun> held = [];
    private long expected, done;

    /// <summary>Whether other processes were started together with this one to make the same runs.</summary>
    private bool isShared;

    /// <summary>Called on each worker's own thread before its first run.</summary>
    public Action PrepareWorker { get; init; } = () => { };

    /// <summary>Said where the runs are stopped: how to go on.</summary>
    public string HowToGoOn { get; init; } = "The same command resumes from here.";

    /// <summary>The launcher of the processes that share the runs; null: each process takes what no other has.</summary>
    public Launcher? Launcher { get; init; }

    /// <summary>
    /// Whether runs that other processes have are waited for, and made where those leave them unfinished: because what comes next depends
    /// on all. Rank 0 of a launcher always waits.
    /// </summary>
    public bool AwaitsOthers { get; init; }

    /// <summary>Whether runs that are finished are made over: processes that share them could not tell whose they are.</summary>
    public bool MakesOver { get; init; }

    /// <summary>Makes the runs that are not finished.</summary>
    /// <returns>
    /// Why runs failed, a sentence each, here or in another process of the launcher; those without it are finished, or another process
    /// has them.
    /// </returns>
    /// <exception cref="OperationCanceledException">It was stopped: what was in progress is saved.</exception>
    public IReadOnlyCollection<string> Work(IReadOnlyList<QueuedRun> runs)
    {
        if (MakesOver && Launcher is not null)
            throw new UserErrorException(
                $"resume=never makes finished runs over, and {Launcher.WorldSize} processes share them: none could tell which are made "
                    + "over already. Begin with one process, or under another name"
            );
        (int Index, int Count) share = Launcher is null
            ? Launcher.ArrayTask(Environment.GetEnvironmentVariable)
            : (Launcher.Rank, Launcher.WorldSize);
        isShared = share.Count > 1;
        QueuedRun[] todo = [.. Ordered(runs, share).Where(run => !run.IsFinished())];
        if (todo.Length < runs.Count)
            console.Line(
                $"{runs.Count - todo.Length} of {Plural.Of(runs.Count, "run")} {(runs.Count - todo.Length == 1 ? "is" : "are")} finished "
                    + "already."
            );
        expected = todo.Sum(run => run.Updates);
        var queue = new ConcurrentQueue<QueuedRun>(todo);
        using (stop)
        using (preparing)
            try
            {
                // Threads of their own: each keeps its state in libtorch, the number of its threads among it.
                if (workers == 1)
                    TakeRuns(queue);
                else
                    Task.WaitAll([.. Enumerable.Range(0, workers).Select(_ => OnOwnThread(() => TakeRuns(queue)))]);
                if (AwaitsOthers || Launcher is { Rank: 0 })
                    AwaitOthers();
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                console.EndProgress();
                console.Line($"Stopped as asked; what was in progress is saved. {HowToGoOn}");
                throw;
            }
        return failures;
    }

    /// <summary>A process's own share first, then those of the others, from their end.</summary>
    internal static IEnumerable<QueuedRun> Ordered(IReadOnlyList<QueuedRun> runs, (int Index, int Count) share)
    {
        var own = runs.Index().ToLookup(run => run.Index % share.Count == share.Index, run => run.Item);
        return own[true].Concat(own[false].Reverse());
    }

    /// <summary>
    /// Ends with an error that names each run that failed; with nothing where none did, or where rank 0 of a launcher says it for this
    /// process: an exit code of another rank would end all.
    /// </summary>
    /// <param name="failures">What <see cref="Work"/> returned.</param>
    /// <param name="launcher">The launcher of the processes that share the runs, if there is one.</param>
    /// <exception cref="UserErrorException">A run failed.</exception>
    public static void Require(IReadOnlyCollection<string> failures, Launcher? launcher)
    {
        if (failures.Count > 0 && launcher is not { Rank: > 0 })
            throw new UserErrorException(
                failures.Count == 1
                    ? $"a run is not finished: {failures.First()}"
                    : $"{failures.Count} runs are not finished:\n{string.Join('\n', failures.Select(failure => $"  {failure}"))}"
            );
    }

    /// <summary>More, or fewer, updates are to be made than was thought.</summary>
    internal void Expect(long updates) => Interlocked.Add(ref expected, updates);

    /// <summary>One update more is made.</summary>
    internal void Count() =>
        console.Report(new ProgressReport(stage, Interlocked.Increment(ref done), Interlocked.Read(ref expected), "updates"));

    private static Task OnOwnThread(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void TakeRuns(ConcurrentQueue<QueuedRun> queue)
    {
        PrepareWorker();
        while (queue.TryDequeue(out var run))
            if (TryMake(run, isLast: queue.IsEmpty) is { } holder)
            {
                held.Enqueue(run);
                if (Launcher is null)
                    console.Line($"{run.Name,-10}  is being made by {holder}");
            }
    }

    /// <summary>Waits for the runs that other processes have, and makes those that they leave unfinished.</summary>
    private void AwaitOthers()
    {
        if (Launcher is null && !held.IsEmpty)
            console.Line("What comes next depends on runs that another process makes: waiting for them.");
        foreach (var run in held)
            for (; ; )
            {
                Expect(run.Updates); // no longer expected since it was found held
                if (TryMake(run, isLast: true) is null)
                    break;
                if (stop.Token.WaitHandle.WaitOne(Pause))
                    stop.Token.ThrowIfCancellationRequested();
            }
    }

    /// <summary>Makes a run.</summary>
    /// <returns>The other process that has it, in words; null: none has.</returns>
    private string? TryMake(QueuedRun run, bool isLast)
    {
        try
        {
            return Make(run);
        }
        catch (UserErrorException e)
        {
            failures.Enqueue(e.Message);
            if (!isLast || Launcher is { Rank: > 0 })
                console.RunWarning($"{e.Message} The other runs go on.");
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            stop.Cancel();
            throw;
        }
    }

    private string? Make(QueuedRun run)
    {
        stop.Token.ThrowIfCancellationRequested();
        // One after the other until their first update: the first makes the files that the others read too.
        preparing.Wait(stop.Token);
        var progress = new QueueProgress(this, run, stop.Token, () => preparing.Release());
        try
        {
            using var runLock = RunLock.TryTake(run.Folder, out var holder);
            if (runLock is null)
                return holder;
            // Another process may have finished it in the meantime, or failed.
            if (run.IsFinished())
                return null;
            if (isShared && FailedRun.In(run.Folder) is { } why)
            {
                failures.Enqueue(why);
                return null;
            }
            FailedRun.Forget(run.Folder);
            try
            {
                run.Make(progress);
            }
            catch (UserErrorException e) when (isShared)
            {
                FailedRun.Leave(run.Folder, e.Message);
                throw;
            }
            return null;
        }
        finally
        {
            progress.End();
        }
    }
}
