using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

/// <summary>Every random draw is a function of its key: of nothing that was drawn before, and not of the cut of the batch.</summary>
public class DrawsByKeyTests
{
    private static readonly Compute TwoThreads = Compute.Reference with { Threads = 2 };

    /// <summary>Each sampler; that which CUDA draws in another way, in that way too.</summary>
    public static TheoryData<SamplingMethod, double, bool> Samplers => new()
    {
        { SamplingMethod.Gumbel, 0, false },
        { SamplingMethod.Gumbel, 0, true },
        { SamplingMethod.Gumbel, 1e-9, false },
        { SamplingMethod.Gumbel, 1e-9, true },
        { SamplingMethod.HalfGumbel, 0, false },
        { SamplingMethod.Multinomial, 0, false },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Samples_follow_the_keys_whatever_was_drawn_before_and_however_rows_are_grouped(
        SamplingMethod sampling,
        double epsilon,
        bool asOnCuda
    )
    {
        const int Rows = 40, Vocabulary = 500;
        var options = new ObjectiveOptions { Sampling = sampling, GumbelEpsilon = epsilon };
        manual_seed(1).Dispose();
        using var logits = randn(Rows, Vocabulary);
        using var targets = zeros(Rows, dtype: int64);
        RandomKey[] keys = [.. Enumerable.Range(0, Rows).Select(row => RandomKey.FromSeed(7)[row])];
        long[] Draw(int first, int count, Compute compute) =>
            [
                .. Sampling
                    .Draw(
                        logits.narrow(0, first, count),
                        targets.narrow(0, first, count),
                        options,
                        keys[first..(first + count)],
                        compute with { TakesStepsOfCuda = asOnCuda }
                    )
                    .data<long>(),
            ];

        long[] whole = Draw(0, Rows, TwoThreads);
        rand(1000).Dispose(); // what libtorch draws in between changes nothing
        Assert.Equal(whole, Draw(0, Rows, Compute.Reference));
        long[] parts = [.. Draw(0, 1, TwoThreads), .. Draw(1, 25, TwoThreads), .. Draw(26, 14, TwoThreads)];
        Assert.Equal(whole, parts);
        Assert.True(whole.Distinct().Count() > Rows / 2, "keys name different draws");
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Every_sampler_draws_from_the_softmax(SamplingMethod sampling, double epsilon, bool asOnCuda)
    {
        const int Rows = 40_000;
        using var logits = tensor(new[] { 2f, 1f, 0f, -1f, 0.5f, -3f, 1.5f, 0.2f, -0.7f });
        using var expected = nn.functional.softmax(logits, 0);
        using var rows = logits.expand(Rows, -1).contiguous();
        RandomKey[] keys = [.. Enumerable.Range(0, Rows).Select(row => RandomKey.FromSeed(9)[row])];
        using var drawn = Sampling.Draw(
            rows,
            zeros(Rows, dtype: int64),
            new ObjectiveOptions { Sampling = sampling, GumbelEpsilon = epsilon },
            keys,
            TwoThreads with { TakesStepsOfCuda = asOnCuda }
        );
        using var frequency = drawn.bincount(null, 9).to(float32) / Rows;
        Assert.True((frequency - expected).abs().max().item<float>() < 0.01, string.Join(" ", frequency.data<float>()));
    }

    /// <summary>By sums of floats, or of whole numbers where libtorch is to be deterministic; from draws that came with the keys, or
    /// not.</summary>
    [Fact]
    public void On_CUDA_one_number_draws_a_token()
    {
        const int Rows = 300;
        manual_seed(1).Dispose();
        using var logits = randn(Rows, 50) * 3;
        using var targets = zeros(Rows, dtype: int64);
        RandomKey[] keys = [.. Enumerable.Range(0, Rows).Select(row => RandomKey.FromSeed(9)[row])];
        var compute = TwoThreads with { TakesStepsOfCuda = true };
        using var uniform = DeviceRandom.Uniform(keys, 1, compute);
        using var expected = CategoricalSampling.Multinomial(logits, uniform.squeeze(1));
        using var exact = CategoricalSampling.Multinomial(logits, uniform.squeeze(1), isExact: true);
        Assert.Equal(expected.data<long>(), exact.data<long>());
        using var draws = tensor(keys.Select(DeviceRandom.FirstDraw).ToArray());
        foreach (var sampling in Enum.GetValues<SamplingMethod>())
            foreach (IReadOnlyList<RandomKey> named in new IReadOnlyList<RandomKey>[] { keys, new StagedKeys(keys, draws) })
            {
                using var drawn = Sampling.Draw(logits, targets, new ObjectiveOptions { Sampling = sampling }, named, compute);
                Assert.Equal(expected.data<long>(), drawn.data<long>());
            }
    }

    [Fact]
    public void Uniform_numbers_of_a_device_are_those_of_splitmix64()
    {
        RandomKey[] keys = [RandomKey.FromSeed(1), RandomKey.FromSeed(2)[5]];
        using var drawn = DeviceRandom.Uniform(keys, 1000, Compute.Reference);
        float[] expected =
        [
            .. keys.SelectMany(key =>
                Enumerable
                    .Range(1, 1000)
                    .Select(column =>
                        Math.Min(
                            ((SplitMix.Mix(unchecked(key.Value + ((ulong)column * SplitMix.Golden))) >> 40) + 0.5f) / (1 << 24),
                            1 - (1f / (1 << 24))
                        )
                    )
            ),
        ];
        Assert.Equal(expected, drawn.data<float>());
        Assert.Equal(0.5, drawn.mean().item<float>(), 0.03);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Dropout_follows_the_row_in_the_whole_batch_and_not_the_padding(ScalarType type)
    {
        const int Sequences = 6, Heads = 2, Width = 24, Length = 40;
        var key = RandomKey.FromSeed(3);
        // [sequences, length, width] as embeddings, [sequences · length, width] as hidden states, and attention weights.
        Tensor[] Masks(int first, int count, int length)
        {
            var dropout = new Dropout(key, TwoThreads, count, first);
            using var embeddings = ones([count, length, Width], dtype: type);
            using var hidden = ones([count * length, Width], dtype: type);
            using var weights = ones([count, Heads, length, length], dtype: type);
            return [dropout.Apply(embeddings, 0.3), dropout.Apply(weights, 0.3), dropout.Apply(hidden, 0.3).view(count, length, Width)];
        }
        var whole = Masks(0, Sequences, Length);
        foreach (var (first, count, length) in new[] { (0, 1, 40), (1, 3, 16), (4, 2, 9) })
        {
            var part = Masks(first, count, length);
            AssertSame(whole[0].narrow(0, first, count).narrow(1, 0, length), part[0]);
            AssertSame(whole[1].narrow(0, first, count).narrow(2, 0, length).narrow(3, 0, length), part[1]);
            AssertSame(whole[2].narrow(0, first, count).narrow(1, 0, length), part[2]);
        }
        Assert.NotEqual(0, (whole[0][0] - whole[0][1]).abs().sum().to(float32).item<float>());
        Assert.NotEqual(0, (whole[0] - whole[2]).abs().sum().to(float32).item<float>());

        static void AssertSame(Tensor expected, Tensor actual) =>
            Assert.Equal(0, (expected - actual).abs().sum().to(float32).item<float>());
    }
}
