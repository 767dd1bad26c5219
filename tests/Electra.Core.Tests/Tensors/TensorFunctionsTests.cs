using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

/// <summary>Numbers that are given to libtorch are scalars that .NET alone holds: freed too early, they are others.</summary>
public sealed class TensorFunctionsTests
{
    [Fact]
    public void Numbers_of_an_update_live_until_libtorch_has_read_them()
    {
        using var _ = no_grad();
        using Tensor value = ones(16), gradient = ones(16), mean = zeros(16), square = zeros(16), step = ones(1);
        using Tensor scale = ones(1), skip = zeros(1);
        WhileGarbageIsCollected(5_000, i =>
        {
            value.fill_(1);
            mean.zero_();
            square.zero_();
            TensorFunctions.FusedAdamW([value], [gradient], [mean], [square], [step], 0.25, 0.9, 0.999, 0, 1e-6, scale, skip);
            float result = value.data<float>()[0];
            Assert.True(Math.Abs(result - 0.75) < 1e-5, $"update {i}: {result}"); // the first step's size is the rate
        });
    }

    [Fact]
    public void Numbers_of_operators_live_until_libtorch_has_read_them()
    {
        using var _ = no_grad();
        using var x = ones(16);
        WhileGarbageIsCollected(200_000, i =>
        {
            using Tensor sum = x.add(0.25), product = sum * 4, difference = product.sub_(x);
            float result = difference.data<float>()[0];
            Assert.True(result == 4, $"round {i}: {result}");
        });
    }

    private static void WhileGarbageIsCollected(int times, Action<int> work)
    {
        bool done = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            for (int i = 0; i < times; i++)
                work(i);
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }
    }
}
