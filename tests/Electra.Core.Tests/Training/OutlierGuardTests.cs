using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Training;

public class OutlierGuardTests
{
    [Fact]
    public void What_lies_sigmas_above_the_latest_updates_is_told_and_nothing_else()
    {
        using var guard = new OutlierGuard(6, Compute.Reference);
        using var scope = NewDisposeScope();
        bool Is(long k, double loss, double norm) => guard.IsOutlier(k, tensor((float)loss), tensor((float)norm)).item<bool>();
        var random = new Random(3);
        double Near(double value) => value + random.NextDouble() - 0.5;

        Assert.False(Is(0, 1000, 1000));
        for (var k = 1; k < 200; k++)
            Assert.False(Is(k, Near(10), Near(2)), $"update {k}");
        Assert.True(Is(200, 20, 2));
        Assert.True(Is(201, 10, 9));
        Assert.False(Is(202, double.NaN, 2));
        Assert.False(Is(203, 0, 0));
        Assert.True(guard.Recent.isfinite().all().item<bool>());
    }

    /// <summary>A branch of a run that kept no window begins one, however many updates were before.</summary>
    [Fact]
    public void One_that_begins_anew_fills_its_window_before_it_tells()
    {
        using var guard = new OutlierGuard(3, Compute.Reference);
        using var scope = NewDisposeScope();
        guard.Restart();
        for (var k = 1000; k < 1128; k++)
            Assert.False(guard.IsOutlier(k, tensor(10f + (k % 3)), tensor(2f)).item<bool>(), $"update {k}");
        Assert.True(guard.IsOutlier(1128, tensor(20f), tensor(2f)).item<bool>());
    }

    [Fact]
    public void Its_window_is_all_it_remembers()
    {
        using var first = new OutlierGuard(3, Compute.Reference);
        using var second = new OutlierGuard(3, Compute.Reference);
        using var scope = NewDisposeScope();
        for (var k = 0; k < 150; k++)
            first.IsOutlier(k, tensor(k % 7f), tensor(k % 5f));
        second.Recent.copy_(first.Recent);
        foreach (var (k, loss) in new[] { (150, 9f), (151, 3f), (152, 30f) })
            Assert.Equal(
                first.IsOutlier(k, tensor(loss), tensor(1f)).item<bool>(),
                second.IsOutlier(k, tensor(loss), tensor(1f)).item<bool>()
            );
    }
}
