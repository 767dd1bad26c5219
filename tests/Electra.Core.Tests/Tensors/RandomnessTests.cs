using System.Runtime.Intrinsics;
using Electra.Tensors;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

public class RandomnessTests
{
    private static RandomKey[] Keys(int count) => [.. Enumerable.Range(0, count).Select(i => RandomKey.FromSeed(3)[i])];

    private static readonly Compute TwoThreads = Compute.Reference with { Threads = 2 };

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Dropout_drops_a_tenth_and_scales_the_rest(ScalarType type)
    {
        using var x = ones([1000, 257], dtype: type);
        using var y = new Dropout(RandomKey.FromSeed(1), TwoThreads, 10).Apply(x, 0.1).to(float32);
        Assert.Equal(0.1, y.eq(0).to(float32).mean().item<float>(), 0.003);
        Assert.Equal(1.0, y.mean().item<float>(), 0.005);
        Assert.Equal(2, y.unique().output.numel());
    }

    [Fact]
    public void Dropout_depends_on_key_and_call_and_not_on_threads()
    {
        using var x = ones(300, 1001);
        Tensor Second(RandomKey key, int threads)
        {
            var dropout = new Dropout(key, Compute.Reference with { Threads = threads }, 3);
            dropout.Apply(x, 0.5).Dispose();
            return dropout.Apply(x, 0.5);
        }
        using var y = Second(RandomKey.FromSeed(1)[4], 1);
        Assert.Equal(0, (y - Second(RandomKey.FromSeed(1)[4], 2)).abs().sum().item<float>());
        Assert.NotEqual(0, (y - Second(RandomKey.FromSeed(1)[5], 1)).abs().sum().item<float>());
        Assert.NotEqual(0, (y - new Dropout(RandomKey.FromSeed(1)[4], TwoThreads, 3).Apply(x, 0.5)).abs().sum().item<float>());
    }

    [Fact]
    public void Gradients_of_dropout_are_dropped_where_values_are()
    {
        using var x = ones([64, 33], requires_grad: true);
        using var y = new Dropout(RandomKey.FromSeed(9), TwoThreads, 4).Apply(x, 0.3);
        y.sum().backward();
        Assert.Equal(0, (x.grad! - y).abs().sum().item<float>());
    }

    [Fact]
    public void The_gumbel_argmax_is_the_originals_for_the_originals_noise()
    {
        var golden = Golden.Tensors("f_gumbel");
        using var drawn = CategoricalSampling.Gumbel(golden["logits"], golden["uniform"]);
        Assert.Equal(golden["sampled"].data<long>().ToArray(), drawn.data<long>().ToArray());
    }

    /// <summary>The sampler computes no noise where a bound of it shows that it cannot decide; nothing may come of that.</summary>
    [Theory]
    [InlineData(0.01)]
    [InlineData(1)]
    [InlineData(8)]
    public void The_gumbel_argmax_is_that_of_all_noise(double scale)
    {
        const int Rows = 60, Classes = 16 * 250 + 5;
        manual_seed(1).Dispose();
        using var logits = randn(Rows, Classes) * scale;
        var key = RandomKey.FromSeed(3);
        var noise = new float[Rows * Classes];
        for (int row = 0; row < Rows; row++)
        {
            var lanes = new RandomLanes(key[row].Value);
            for (int i = 0; i < Classes; i += 16)
            {
                var sixteen = CategoricalSampling.Noise(lanes.Next().AsUInt32() >>> 9);
                for (int lane = 0; lane < 16 && i + lane < Classes; lane++)
                    noise[(row * Classes) + i + lane] = sixteen[lane];
            }
        }
        using var expected = (logits + tensor(noise).view(Rows, Classes)).argmax(1);
        Assert.Equal(
            expected.data<long>().ToArray(),
            CategoricalSampling.Gumbel(logits, [.. Enumerable.Range(0, Rows).Select(row => key[row])], TwoThreads).data<long>().ToArray()
        );
    }

    [Fact]
    public void The_bound_of_the_gumbel_noise_is_one_and_a_near_one()
    {
        var numbers = RandomKey.FromSeed(5).Numbers();
        uint[] ends = [0, 1, 2, 1 << 22, (1 << 23) - 3, (1 << 23) - 2, (1 << 23) - 1];
        foreach (uint draw in ends.Concat(Enumerable.Range(0, 100_000).Select(_ => (uint)numbers.Next(1 << 23))))
        {
            double uniform = (draw + 0.5) / (1 << 23), bound = CategoricalSampling.MostNoise(Vector512.Create(draw))[0];
            Assert.True(bound > -Math.Log(-Math.Log(uniform)) + 5e-4, $"{draw}");
            Assert.True(bound < -Math.Log(1 - uniform) + 0.07, $"{draw}");
        }
    }

    [Fact]
    public void Vectors_of_keys_are_mixed_like_numbers()
    {
        var mixed = SplitMix.Mix(Vector512<ulong>.Indices * 0x123456789ABCDEF);
        for (int lane = 0; lane < 8; lane++)
            Assert.Equal(SplitMix.Mix((ulong)lane * 0x123456789ABCDEF), mixed[lane]);
    }

    [Fact]
    public void Both_samplers_draw_from_the_softmax()
    {
        const int Rows = 40_000;
        using var logits = tensor(
            new[] { 2f, 1f, 0f, -1f, 0.5f, -3f, 1.5f, 0.2f, -0.7f, 0f, 0.3f, 0.9f, -2f, 1f, 0f, 0f, 0.4f, 2.2f, -1f }
        );
        using var expected = nn.functional.softmax(logits, 0);
        using var rows = logits.expand(Rows, -1).contiguous();
        foreach (var drawn in new[]
        {
            CategoricalSampling.Gumbel(rows, Keys(Rows), TwoThreads),
            CategoricalSampling.Multinomial(rows, tensor(Enumerable.Range(0, Rows).Select(i => (i + 0.5f) / Rows).ToArray())),
        })
        {
            using var frequency = drawn.bincount(null, 19).to(float32) / Rows;
            Assert.True((frequency - expected).abs().max().item<float>() < 0.01, string.Join(" ", frequency.data<float>()));
        }
    }

    [Fact]
    public void A_certain_class_is_always_drawn_even_the_last_of_an_odd_number()
    {
        using var logits = full([50, 35], -1e9f);
        logits[TensorIndex.Colon, 34] = 0;
        Assert.All(
            CategoricalSampling.Gumbel(logits, Keys(50), Compute.Reference).data<long>().ToArray(),
            drawn => Assert.Equal(34, drawn)
        );
        Assert.All(CategoricalSampling.Multinomial(logits, rand(50)).data<long>().ToArray(), drawn => Assert.Equal(34, drawn));
    }

    [Fact]
    public void Integers_are_uniform_and_keys_do_not_repeat_each_other()
    {
        var numbers = RandomKey.FromSeed(11).Numbers();
        var counts = new int[7];
        for (int i = 0; i < 70_000; i++)
            counts[numbers.Next(7)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
        Assert.Equal(
            3000,
            Enumerable
                .Range(0, 1000)
                .SelectMany(i => new[] { RandomKey.FromSeed(i), RandomKey.FromSeed(i)[1], RandomKey.FromSeed(0)[i] })
                .Append(RandomKey.FromSeed(0)[1][1])
                .Select(k => k.Value)
                .Distinct()
                .Count()
        );
    }
}
