using System.Runtime.InteropServices;
using Electra.Bench;
using Electra.Data;
using Electra.Finetuning;
using Electra.Model;
using Electra.Native;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Training;

/// <summary>What an update takes of a GPU's memory, and what is said where it is too much.</summary>
public sealed class TrainingMemoryTests
{
    private const int Examples = 16, Length = 64, Vocabulary = 4000;

    /// <summary>
    /// libtorch's dropout keeps a mask of other bytes on the CPU, and its attention another state: both are off here.
    /// </summary>
    private static readonly ElectraConfig Shape = ElectraConfig.Small with
    {
        VocabularySize = Vocabulary,
        Layers = 4,
        HiddenDropout = 0,
        AttentionDropout = 0,
    };

    private static readonly CudaDevice Small = new("a small GPU", 8_000_000_000, new Version(8, 0));

    [Theory]
    [InlineData(Precision.Float32, false, GeneratorKind.Masked)]
    [InlineData(Precision.Float32, true, GeneratorKind.Masked)]
    [InlineData(Precision.Bfloat16, false, GeneratorKind.Masked)]
    [InlineData(Precision.Bfloat16, true, GeneratorKind.Masked)]
    [InlineData(Precision.Float32, false, GeneratorKind.Shared)]
    public void The_estimate_is_what_tensors_take_in_the_steps_of_CUDA(Precision precision, bool recomputes, GeneratorKind kind)
    {
        Assert.SkipUnless(MemoryMeter.IsThere, "libtorch's allocator is asked on Linux on x64");
        var compute = Compute.Reference with { Precision = precision, TakesStepsOfCuda = true };
        var shape = Shape with { Generator = new() { Kind = kind }, GeneratorDivisor = kind == GeneratorKind.Shared ? 1 : 4 };
        using var pair = ElectraPair.Create(shape, 1, compute);
        pair.Store.Recomputes = recomputes;
        var objective = new ObjectiveOptions { Masking = new() { Style = MaskingStyle.FixedShare } };
        var tokens = new MaskingTokens(Vocabulary, 4, [.. Enumerable.Range(0, Vocabulary).Select(id => id <= 4)]);
        var method = ElectraMethod.From(objective, tokens, compute);
        var config = new PretrainConfig { Model = shape, Objective = objective };
        config = config with
        {
            Examples = config.Examples with { MaxLength = Length },
            Training = config.Training with { BatchSize = Examples, Recompute = recomputes },
        };
        var estimate = PretrainMemory.Of(config, Vocabulary, pair.Store);

        long measured = Measured(pair.Store, () => method.Passes(pair, [Text()], RandomKey.FromSeed(2))[0]()[0]);

        Assert.InRange(estimate.OfPass / measured, 0.9, 1.2);
    }

    [Theory]
    [InlineData(Precision.Float32, false)]
    [InlineData(Precision.Bfloat16, true)]
    public void The_estimate_of_finetuning_too(Precision precision, bool recomputes)
    {
        Assert.SkipUnless(MemoryMeter.IsThere, "libtorch's allocator is asked on Linux on x64");
        var compute = Compute.Reference with { Precision = precision, TakesStepsOfCuda = true };
        using var model = ElectraClassifier.Create(Shape.WithoutGenerator, 2, 0.1, 1, compute);
        model.Store.Recomputes = recomputes;
        var estimate = new TrainingMemory
        {
            Parameters = model.Store.ParameterCount,
            Judging = [model.Config],
            Examples = Examples,
            Length = Length,
            Precision = precision,
            Recomputes = recomputes,
        };
        var dropout = new Dropout(RandomKey.FromSeed(1), compute, Examples);

        long measured = Measured(model.Store, () => FinetuneMethod.Logits(model, Text(), dropout).square().sum());

        Assert.InRange(estimate.OfPass / measured, 0.9, 1.2);
    }

    [Fact]
    public void What_should_not_fit_is_told_before_with_what_should()
    {
        var memory = OfSmall(examples: 1024, length: 512);
        var warnings = new List<string>();

        Assert.Equal(7, memory.Watch(Small, warnings.Add, () => 7));

        var warning = Assert.Single(warnings);
        int most = memory.Largest(Small.Memory, 1024);
        Assert.InRange(most, 2, 1023);
        Assert.StartsWith("1024 × 512 tokens at once should take ", warning);
        Assert.Contains("by an estimate, and a small GPU has 8 GB. This should fit, and the result stays the same ", warning);
        Assert.Contains(" but for what dropout draws: ", warning);
        Assert.Contains($"training.micro_batch_size={most}, or training.micro_batch_size=", warning);
        Assert.EndsWith(" with training.recompute=true.", warning);
        Assert.True((memory with { Examples = most }).Bytes <= Small.Memory);
        Assert.True((memory with { Examples = most + 1 }).Bytes > Small.Memory);
    }

    [Fact]
    public void Recomputing_alone_is_advised_where_it_is_enough()
    {
        var memory = OfSmall(examples: 128, length: 512);
        var warnings = new List<string>();
        memory.Watch(Small, warnings.Add, () => 0);
        Assert.EndsWith(", or training.recompute=true.", Assert.Single(warnings));
        Assert.DoesNotContain("training.recompute", Told(memory with { Recomputes = true, Examples = 4096 }));
    }

    [Fact]
    public void What_fits_is_not_told_of_and_what_never_fits_is()
    {
        OfSmall(examples: 8, length: 128).Watch(Small, text => Assert.Fail(text), () => 0);
        OfSmall(examples: 4096, length: 512).Watch(null, text => Assert.Fail(text), () => 0); // not on a GPU
        Assert.Contains("Not even one example should fit", Told(OfSmall(examples: 8, length: 128) with { Parameters = 1_000_000_000 }));
    }

    /// <summary>On a GPU that is large enough, on one that is not, and on one without bfloat16.</summary>
    [Fact]
    public void The_doctor_tells_what_pretraining_should_take_of_each_device()
    {
        var told = Doctor.PretrainingOn(Small);
        Assert.Matches(@"^size: small, bfloat16: 128 × 128 tokens at once should take \d\.\d GB by an estimate, and a.* has 8 GB\.$", told);
        told = Doctor.PretrainingOn(Small with { Memory = 3_000_000_000, Capability = new Version(7, 5) });
        Assert.StartsWith("size: small, float32: 128 × 128 tokens at once should take ", told);
        Assert.Contains("and a small GPU has 3 GB. This should fit, ", told);
        Assert.Contains("training.micro_batch_size=", told);
    }

    /// <summary>Where the estimate is too low, or others use the GPU, half of what was tried is the most that is advised.</summary>
    [Theory]
    [InlineData(1024, 512, "training.micro_batch_size=")]
    [InlineData(64, 128, "training.micro_batch_size=32, or training.recompute=true.")]
    public void Where_memory_runs_out_the_error_says_what_should_fit(int examples, int length, string advice)
    {
        var memory = OfSmall(examples, length);
        var error = Assert.Throws<UserErrorException>(() => memory.Watch(Small, _ => { }, RunOut));
        Assert.StartsWith("the GPU has not enough memory: Tried to allocate 20.00 GiB. ", error.Message);
        Assert.Contains($"{examples} × {length} tokens at once should take ", error.Message);
        Assert.Contains(advice, error.Message);
        Assert.Throws<ExternalException>(() => memory.Watch(null, _ => { }, RunOut));
        Assert.Throws<ExternalException>(() => memory.Watch<int>(Small, _ => { }, () => throw new ExternalException("mat1 and mat2")));

        static int RunOut() =>
            throw new ExternalException("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 7.77 GiB\nmore");
    }

    [Fact]
    public void Of_phases_the_one_counts_that_takes_the_most()
    {
        using var store = new ParameterStore();
        store.Add("weight", [100, 100], ParameterRole.Weight, Initialization.Zeros);
        store.Allocate(Compute.Reference, seed: null);
        var config = new PretrainConfig
        {
            Training = new()
            {
                BatchSize = 100,
                MicroBatchSize = 40,
                Phases = [new() { MaxLength = 128, Share = 0.9 }, new() { MaxLength = 512, Share = 0.1, BatchSize = 90 }],
            },
        };
        var memory = PretrainMemory.Of(config, Vocabulary, store);
        Assert.Equal((40, 512), (memory.Examples, memory.Length));
        Assert.Equal(30, PretrainMemory.Of(config, Vocabulary, store, processes: 3).Examples);
    }

    private static TrainingMemory OfSmall(int examples, int length) => new()
    {
        Parameters = 14_196_219,
        Predicting = [ElectraConfig.Small.GeneratorShape],
        Judging = [ElectraConfig.Small],
        Examples = examples,
        Length = length,
        Logits = length * 0.15 * 30522,
        Precision = Precision.Bfloat16,
        Recomputes = false,
    };

    private static string Told(TrainingMemory memory)
    {
        string told = "";
        memory.Watch(Small, text => told = text, () => 0);
        return told;
    }

    /// <summary>The peak of a pass, the second one: the first makes what is kept for good.</summary>
    private static long Measured(ParameterStore store, Func<Tensor> loss)
    {
        FastOperations.PlainOnly = true;
        try
        {
            void Pass()
            {
                using var scope = NewDisposeScope();
                store.ZeroGradients();
                store.Backward(loss());
            }
            Pass();
            return MemoryMeter.Peak(Pass);
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }
    }

    private static TokenBatch Text()
    {
        var numbers = RandomKey.FromSeed(3).Numbers();
        long[] ids = [.. Enumerable.Range(0, Examples * Length).Select(_ => 5L + numbers.Next(Vocabulary - 5))];
        return new TokenBatch(Examples, Length, ids, new long[ids.Length], [.. Enumerable.Repeat(Length, Examples)]);
    }
}
