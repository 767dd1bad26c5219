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
