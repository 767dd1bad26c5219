using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

public sealed class TensorFunctionsTests
{
    /// <summary>The numbers of an update are scalars of libtorch that .NET alone holds: freed too early, they are others.</summary>
    [Fact]
    public void Numbers_reach_libtorch_whatever_the_garbage_collector_does()
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
        using var _ = no_grad();
        using Tensor value = ones(16), gradient = ones(16), mean = zeros(16), square = zeros(16), step = ones(1);
        using Tensor scale = ones(1), skip = zeros(1);
        try
        {
            for (int i = 0; i < 5_000; i++)
            {
                value.fill_(1);
                mean.zero_();
                square.zero_();
                TensorFunctions.FusedAdamW([value], [gradient], [mean], [square], [step], 0.25, 0.9, 0.999, 0, 1e-6, scale, skip);
                float result = value.data<float>()[0];
                Assert.True(Math.Abs(result - 0.75) < 1e-5, $"update {i}: {result}"); // the first step's size is the rate
            }
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }
    }
}
