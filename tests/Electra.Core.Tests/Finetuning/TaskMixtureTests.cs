using Electra.Finetuning;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>Which task each update of a run of several tasks learns.</summary>
public sealed class TaskMixtureTests
{
    [Theory]
    [InlineData(1, 90, 10)]
    [InlineData(0, 50, 50)]
    [InlineData(0.5, 75, 25)]
    public void A_task_has_the_updates_of_its_rows_to_the_power_of_the_mixing(double mixing, int first, int second)
    {
        var mixture = new TaskMixture([90, 10], mixing, RandomKey.FromSeed(1));
        Assert.Equal((first, second, first + second), (mixture.Of(0), mixture.Of(1), mixture.EpochUpdates));
    }

    [Fact]
    public void Every_epoch_has_each_tasks_batches_in_turn_in_an_order_of_its_own()
    {
        var mixture = new TaskMixture([9, 3, 1], 1, RandomKey.FromSeed(1));
        var updates = Enumerable.Range(0, 2 * 13).Select(k => mixture[k]).ToList();
        foreach (var (task, share) in new[] { (0, 9), (1, 3), (2, 1) })
        {
            Assert.Equal(
                Enumerable.Range(0, 2 * share).Select(Convert.ToInt64),
                updates.Where(one => one.Task == task).Select(one => one.Batch)
            );
            Assert.Equal(share, updates.Take(13).Count(one => one.Task == task));
        }
        Assert.NotEqual(updates.Take(13).Select(one => one.Task), updates.Skip(13).Select(one => one.Task));
    }

    [Fact]
    public void An_update_is_the_same_wherever_a_run_begins_and_another_with_another_seed()
    {
        var whole = new TaskMixture([20, 20], 1, RandomKey.FromSeed(1));
        _ = whole[0];
        Assert.Equal(new TaskMixture([20, 20], 1, RandomKey.FromSeed(1))[57], whole[57]);
        var other = new TaskMixture([20, 20], 1, RandomKey.FromSeed(2));
        Assert.NotEqual(Enumerable.Range(0, 40).Select(k => whole[k].Task), Enumerable.Range(0, 40).Select(k => other[k].Task));
    }

    [Fact]
    public void The_smallest_task_has_an_update_an_epoch() =>
        Assert.Equal(1, new TaskMixture([1000, 1], 1, RandomKey.FromSeed(1)).Of(1));
}
