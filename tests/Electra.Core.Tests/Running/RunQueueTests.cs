using Electra.Running;

namespace Electra.Tests.Running;

public sealed class RunQueueTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly StringWriter output = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_that_another_has_is_left_to_it()
    {
        using var other = RunLock.Take(folder.File("b"));
        Assert.Equal(["a"], await Made(awaitsOthers: false));
        Assert.Contains("b           is being made by process", output.ToString());
    }

    [Fact]
    public async Task A_run_that_another_leaves_unfinished_is_made_where_all_are_waited_for()
    {
        var other = RunLock.Take(folder.File("b"));
        var made = Made(awaitsOthers: true);
        await Task.Delay(1000, TestContext.Current.CancellationToken); // several looks
        Assert.False(made.IsCompleted);
        other.Dispose();
        Assert.Equal(["a", "b"], await made);
        Assert.Contains("waiting for them", output.ToString());
        Assert.Contains("training: 4 updates", output.ToString());
    }

    [Fact]
    public async Task A_run_that_another_finishes_is_not_made_again()
    {
        var other = RunLock.Take(folder.File("b"));
        var made = Made(awaitsOthers: true);
        await Task.Delay(500, TestContext.Current.CancellationToken);
        File.WriteAllText(folder.File("b/done"), "");
        other.Dispose();
        Assert.Equal(["a"], await made);
    }

    [Fact]
    public void A_run_that_fails_in_one_of_several_processes_is_not_tried_again_by_the_others()
    {
        int tries = 0;
        IReadOnlyCollection<string> Work(int rank)
        {
            var queue = new RunQueue(new RunConsole(output, terminal: null), "training", workers: 1, CancellationToken.None)
            {
                Launcher = new("mpirun", rank, 2, rank, 2, HasMpi: true),
            };
            return queue.Work([
                new QueuedRun(
                    "a",
                    folder.File("a"),
                    Updates: 1,
                    () => false,
                    _ =>
                    {
                        tries++;
                        throw new UserErrorException("a: training diverged");
                    }
                ),
            ]);
        }

        Assert.Equal(["a: training diverged"], Work(rank: 1)); // it says so itself, and rank 0 once more at the end
        Assert.Contains("warning: a: training diverged The other runs go on.", output.ToString());
        Assert.Equal(["a: training diverged"], Work(rank: 0));
        Assert.Equal(1, tries);
        RunQueue.Require(["a: training diverged"], new("mpirun", 1, 2, 1, 2, HasMpi: true)); // an exit code would end all
        Assert.Throws<UserErrorException>(() => RunQueue.Require(["a: training diverged"], new("mpirun", 0, 2, 0, 2, HasMpi: true)));
    }

    [Theory]
    [InlineData("job 1", 0, "job 1", true)]
    [InlineData("job 1", 0, "job 2", false)]
    [InlineData(null, 10, null, true)]
    [InlineData(null, -10, null, false)] // before this process began
    public void A_failure_counts_in_the_job_that_it_was_in(string? failedIn, int secondsAfterStart, string? job, bool counts)
    {
        var began = new DateTime(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);
        Assert.Equal(counts, new FailedRun("diverged", failedIn, began.AddSeconds(secondsAfterStart)).IsOf(job, began));
    }

    /// <summary>The names of those of two runs that the queue makes.</summary>
    private Task<List<string>> Made(bool awaitsOthers) =>
        Task.Run(() =>
        {
            var made = new List<string>();
            var console = new RunConsole(output, terminal: null);
            var queue = new RunQueue(console, "training", workers: 1, CancellationToken.None) { AwaitsOthers = awaitsOthers };
            var failures = queue.Work([
                .. new[] { "a", "b" }.Select(name => new QueuedRun(
                    name,
                    folder.File(name),
                    Updates: 2,
                    () => File.Exists(folder.File($"{name}/done")),
                    progress =>
                    {
                        made.Add(name);
                        progress.Begin(0);
                        progress.Update();
                        progress.Update();
                    }
                )),
            ]);
            console.EndProgress();
            Assert.Empty(failures);
            return made;
        });
}
