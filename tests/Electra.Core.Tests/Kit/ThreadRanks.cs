using Electra.Distributed;
using static TorchSharp.torch;

namespace Electra.Tests.Kit;

/// <summary>Ranks that are threads of this process: what ranks compute, without a launcher.</summary>
internal sealed class ThreadRanks : ICommunicator
{
    /// <summary>A rank that lets the others wait for so long hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Meeting meeting;

    private sealed class Meeting(int size) : IDisposable
    {
        public Tensor[] Tensors { get; } = new Tensor[size];
        private readonly Barrier barrier = new(size);
        private readonly CancellationTokenSource failed = new();

        public void Wait()
        {
            if (!barrier.SignalAndWait(Patience, failed.Token))
                throw new TimeoutException("a rank did not come");
        }

        public void Fail() => failed.Cancel();

        public void Dispose()
        {
            barrier.Dispose();
            failed.Dispose();
        }
    }

    private ThreadRanks(int rank, int size, Meeting meeting) => (Rank, WorldSize, this.meeting) = (rank, size, meeting);

    public int Rank { get; }

    public int WorldSize { get; }

    public string Description => "threads";

    /// <summary>Does something on so many ranks.</summary>
    /// <returns>What each gives.</returns>
    public static T[] Run<T>(int size, Func<ICommunicator, T> work)
    {
        using var meeting = new Meeting(size);
        var results = new T[size];
        var tasks = Enumerable
            .Range(0, size)
            .Select(rank =>
                Task.Factory.StartNew(
                    () =>
                    {
                        try
                        {
                            results[rank] = work(new ThreadRanks(rank, size, meeting));
                        }
                        catch
                        {
                            meeting.Fail();
                            throw;
                        }
                    },
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default
                )
            );
        try
        {
            Task.WaitAll([.. tasks]);
        }
        catch (AggregateException e)
        {
            throw e.Flatten().InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException, e);
        }
        return results;
    }

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum)
    {
        using var sent = tensor.clone();
        meeting.Tensors[Rank] = sent;
        meeting.Wait();
        using var all = stack(meeting.Tensors);
        using var reduced = reduction == Reduction.Sum ? all.sum([0]) : all.amax([0]);
        meeting.Wait();
        tensor.copy_(reduced);
    }

    public void Broadcast(Tensor tensor, int root = 0)
    {
        meeting.Tensors[Rank] = tensor;
        meeting.Wait();
        if (Rank != root)
            tensor.copy_(meeting.Tensors[root]);
        meeting.Wait();
    }

    public void AwaitAll(Action? waiting = null) => meeting.Wait();

    public bool? EndsAlike(string reason) => null;

    public void Abort(int exitCode) { }

    public void Dispose() { }
}
