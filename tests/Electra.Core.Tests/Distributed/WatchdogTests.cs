using Electra.Distributed;

namespace Electra.Tests.Distributed;

public class WatchdogTests
{
    [Fact]
    public async Task A_call_that_takes_too_long_is_told_of_by_rank_and_name()
    {
        var told = new TaskCompletionSource<string>();
        using var dog = new Watchdog(TimeSpan.FromSeconds(0.2), "rank 1 of 4 on node7", told.SetResult);
        using var _ = dog.During("all-reduce");
        var said = await told.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.StartsWith("error: rank 1 of 4 on node7 has waited 0 seconds for the others (all-reduce)", said);
    }

    [Fact]
    public async Task Calls_that_end_are_not_told_of()
    {
        int told = 0;
        var clock = new SetClock { Now = TimeSpan.FromSeconds(1) };
        using var dog = new Watchdog(TimeSpan.FromSeconds(0.5), "rank 0 of 2", _ => told++, clock);
        for (int i = 0; i < 10; i++)
        {
            using (dog.During("broadcast"))
            {
                clock.Now += TimeSpan.FromSeconds(0.4);
                await Task.Delay(100, TestContext.Current.CancellationToken); // a look or two
            }
            clock.Now += TimeSpan.FromSeconds(1);
        }
        Assert.Equal(0, told);
    }
}
