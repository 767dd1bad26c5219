using Electra.Training;

namespace Electra.Tests.Training;

public sealed class PrefetcherTests
{
    [Fact]
    public void One_is_made_ahead_on_another_thread_and_none_after_the_end()
    {
        using var made = new BlockingTracker();
        using (var ahead = new Prefetcher<long>(made.Make, end: 3))
        {
            Assert.Equal(0, ahead.Take(0));
            made.WaitFor(2);
            Assert.Equal([0, 1], made.Updates);
            Assert.NotEqual(made.Threads[0], made.Threads[1]);
            Assert.Equal(1, ahead.Take(1));
            Assert.Equal(2, ahead.Take(2));
        }
        Assert.Equal([0, 1, 2], made.Updates);
    }

    [Fact]
    public void What_goes_wrong_is_told_where_it_is_taken_and_not_before()
    {
        using var ahead = new Prefetcher<long>(k => k == 1 ? throw new UserErrorException("example 7 is damaged") : k, end: 9);
        Assert.Equal(0, ahead.Take(0));
        var error = Assert.Throws<UserErrorException>(() => ahead.Take(1));
        Assert.Equal("example 7 is damaged", error.Message);
    }

    [Fact]
    public void What_is_being_made_when_a_run_ends_is_waited_for_and_its_error_is_of_no_interest()
    {
        using var begun = new ManualResetEventSlim();
        bool isOver = false;
        var ahead = new Prefetcher<long>(
            k =>
            {
                if (k == 0)
                    return k;
                begun.Set();
                Thread.Sleep(20);
                isOver = true;
                throw new InvalidOperationException("nobody takes this");
            },
            end: 9
        );
        ahead.Take(0);
        begun.Wait(TestContext.Current.CancellationToken);
        ahead.Dispose();
        Assert.True(isOver);
    }

    [Fact]
    public void A_run_that_goes_on_elsewhere_takes_what_it_asks_for()
    {
        using var ahead = new Prefetcher<long>(k => 10 * k, end: 9);
        Assert.Equal([50, 60, 20], new long[] { 5, 6, 2 }.Select(ahead.Take));
    }

    private sealed class BlockingTracker : IDisposable
    {
        private readonly SemaphoreSlim done = new(0);
        private int awaited;

        public List<long> Updates { get; } = [];

        public List<int> Threads { get; } = [];

        public long Make(long k)
        {
            Updates.Add(k);
            Threads.Add(Environment.CurrentManagedThreadId);
            done.Release();
            return k;
        }

        /// <summary>Waits until so many are made.</summary>
        public void WaitFor(int count)
        {
            for (; awaited < count; awaited++)
                done.Wait(TestContext.Current.CancellationToken);
        }

        public void Dispose() => done.Dispose();
    }
}
