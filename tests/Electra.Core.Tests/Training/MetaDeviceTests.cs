using System.Text.Json;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Native;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Training;

/// <summary>
/// The steps of training as CUDA would run them, on libtorch's meta device: no value is read, no shape hangs on values, nothing is left on
/// the CPU, nothing is waited for. What the numbers are is the business of other tests.
/// </summary>
public sealed class MetaDeviceTests
{
    private const string Fixture = "meta_operators.json";
    private const int Vocabulary = 200;

    private static readonly MaskingTokens Tokens = new(Vocabulary, 4, [.. Enumerable.Range(0, Vocabulary).Select(id => id <= 4)]);

    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Tf32, Precision.Bfloat16, Precision.Float16];

    public static TheoryData<Precision, bool> Modes => new(
        from precision in Precisions
        from isPadded in new[] { false, true }
        select (precision, isPadded)
    );

    private static readonly ObjectiveOptions[] Objectives =
    [
        new(),
        new() { Sampling = SamplingMethod.HalfGumbel, Temperature = new() { Start = 2 } },
        new() { Sampling = SamplingMethod.Multinomial, DisallowCorrect = true },
        new() { GumbelEpsilon = 1e-9, LossEpsilon = 1e-6, Masking = new() { Style = MaskingStyle.FixedShare } },
        new() { GeneratorLabelSmoothing = 0.1, DiscriminatorLabelSmoothing = 0.1 },
    ];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Pretraining_waits_for_nothing_with_any_sampling(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        using var pair = ElectraPair.Create(TinyPair.Config, 1, compute);
        using var baseline = new TokenBaseline(Vocabulary, compute);
        foreach (var options in Objectives)
        {
            var method = ElectraMethod.From(options, Tokens, compute);
            var uploads = Run(pair.Store, method.LossNames.Count, key => [new(method.Passes(pair, Text(isPadded), key, baseline.Count))]);
            // The text with its masks, and the keys of the draws.
            Assert.InRange(uploads.Count, 1, 2);
            Assert.DoesNotContain(true, uploads);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Other_objectives_and_micro_batches_wait_for_nothing(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        var batch = Text(isPadded);
        foreach (var kind in new[] { GeneratorKind.Uniform, GeneratorKind.Shared, GeneratorKind.TwoTower })
        {
            using var other = ElectraPair.Create(TinyPair.Config with { Generator = new() { Kind = kind } }, 1, compute);
            var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
            Assert.DoesNotContain(true, Run(other.Store, 3, key => [new(method.Passes(other, batch, key))], guards: 1));
        }
        using (var pair = ElectraPair.Create(TinyPair.Config, 1, compute))
        {
            var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
            var parts = new[] { batch[0], batch[0] with { FirstRow = batch[0].Size } };
            Assert.DoesNotContain(true, Run(pair.Store, 3, key => [new(method.Passes(pair, parts, key))], guards: 1));
        }
        var disentangled = TinyPair.Config with { Generator = new() { Embeddings = GeneratorEmbeddings.Disentangled } };
        using (var pair = ElectraPair.Create(disentangled, 1, compute))
        {
            var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
            Assert.DoesNotContain(true, Run(pair.Store, 3, key => GdesObjective.Steps(pair, method, batch, key), guards: 2));
        }
        using var model = MaskedLanguageModel.Create(TinyPair.Config.WithoutGenerator, 1, compute);
        var mlm = MlmMethod.From(new ObjectiveOptions(), Tokens, compute);
        Assert.DoesNotContain(true, Run(model.Store, 1, key => [new(mlm.Passes(model, batch, key))]));
        using var electric = ElectricPair.Create(TinyPair.Config, 1, compute);
        foreach (var prior in Enum.GetValues<NoisePrior>())
        {
            var energy = ElectricMethod.From(new ObjectiveOptions { Prior = prior }, Tokens, compute);
            Assert.DoesNotContain(true, Run(electric.Store, 3, key => [new(energy.Passes(electric, batch, key))]));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Finetuning_waits_for_nothing_with_any_kind_of_task(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        var text = Text(isPadded)[0];
        TaskDefinition cola = GlueTasks.Find("cola")!, weighted = cola with { ClassWeights = [1, 2] };
        foreach (var task in new[] { cola, weighted, GlueTasks.Find("stsb")! })
        {
            var method = FinetuneMethod.From(new FinetuneOptions { LabelSmoothing = task.IsRegression ? 0 : 0.1 });
            using var model = ElectraClassifier.Create(TinyPair.Config.WithoutGenerator, task.Outputs, 0.1, 1, compute);
            var batch = new TaskBatch(text, [.. Enumerable.Repeat(1f, text.Size)], [.. Enumerable.Range(0, text.Size)]);
            int[] rows = [.. Enumerable.Range(0, text.Size)];
            var uploads = Run(model.Store, 1, key => [new(method.Passes(model, task, (_, _) => batch, rows, 0, key))]);
            Assert.DoesNotContain(true, uploads);
            Assert.Equal(2 + task.ClassWeights.Count / 2, uploads.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Nothing_is_read_before_all_of_a_batch_is_computed_in_evaluation_and_prediction(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var pair = ElectraPair.Create(TinyPair.Config, 1, compute, trainable: false);
        var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
        using var model = ElectraClassifier.Create(TinyPair.Config.WithoutGenerator, 2, 0.1, 1, compute, trainable: false);
        var text = Text(isPadded)[0];
        var uploads = MetaDevice.Watch(() =>
        {
            method.Forward(pair, text, RandomKey.FromSeed(1), training: false);
            FinetuneMethod.Logits(model, text, Dropout.None);
            FinetuneMethod.Logits(model, text, Dropout.None, [0, 1, 3]);
        });
        Assert.DoesNotContain(true, uploads);
    }

    /// <summary>The tests above see what they are there for.</summary>
    [Fact]
    public void A_value_that_is_read_a_tensor_of_the_CPU_and_a_shape_by_values_are_seen()
    {
        var compute = MetaDevice.Open(Precision.Float32);
        using var pair = ElectraPair.Create(TinyPair.Config, 1, compute);
        var usual = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
        Func<Tensor, Tensor>[] mistakes =
        [
            logits => logits * logits.mean().item<float>(),
            logits => logits + ones(logits.shape),
            logits => logits[logits.gt(0)],
            logits => logits.masked_select(logits.gt(0)),
        ];
        foreach (var mistake in mistakes)
        {
            var method = usual with { GeneratorLoss = (logits, _) => mistake(logits).mean() };
            Assert.ThrowsAny<Exception>(() => Run(pair.Store, 3, key => [new(method.Passes(pair, Text(false), key))]));
        }
        var waits = usual with { DiscriminatorLoss = (logits, _) => (logits * tensor(new[] { 2f }, device: logits.device)).mean() };
        Assert.Contains(true, Run(pair.Store, 3, key => [new(waits.Passes(pair, Text(false), key))]));
    }

    /// <summary>
    /// Operators close to the kernels that a GPU would launch. A change that is meant makes the fixture anew: ELECTRA_UPDATE_FIXTURES=1.
    /// </summary>
    [Fact]
    public void A_step_of_ELECTRA_small_has_as_many_operators_as_it_had()
    {
        var config = TinyPair.Config with { Layers = 12 };
        var counts = new Dictionary<string, long>();
        foreach (var precision in new[] { Precision.Bfloat16, Precision.Float32 })
        {
            var compute = MetaDevice.Open(precision);
            var name = precision.ToString().ToLowerInvariant();
            using var pair = ElectraPair.Create(config, 1, compute);
            var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
            Run(pair.Store, 3, key => [new(method.Passes(pair, Text(false), key))], count: n => counts[$"pretraining {name}"] = n);
            using var model = ElectraClassifier.Create(config.WithoutGenerator, 2, 0.1, 1, compute);
            var (finetuning, text) = (FinetuneMethod.From(new FinetuneOptions()), Text(true)[0]);
            var batch = new TaskBatch(text, new float[text.Size], [.. Enumerable.Range(0, text.Size)]);
            Run(
                model.Store,
                1,
                key => [new(finetuning.Passes(model, GlueTasks.Find("cola")!, (_, _) => batch, batch.Places, 0, key))],
                count: n => counts[$"finetuning {name}"] = n
            );
        }
        Assert.SkipWhen(counts.Count == 0, "operators are counted on Linux on x64 alone");
        if (Environment.GetEnvironmentVariable("ELECTRA_UPDATE_FIXTURES") == "1")
            File.WriteAllText(
                Path.Combine(TestData.Repository, "tests/Electra.Core.Tests/fixtures", Fixture),
                JsonSerializer.Serialize(counts) + "\n"
            );
        Assert.Equal(JsonSerializer.Deserialize<Dictionary<string, long>>(File.ReadAllText(TestData.Fixture(Fixture))), counts);
    }

    /// <summary>Makes two updates, and gives the uploads of a third: whether the host waits for each.</summary>
    private static IReadOnlyList<bool> Run(
        ParameterStore store,
        int losses,
        Func<RandomKey, IReadOnlyList<UpdateStep>> steps,
        int guards = 0,
        Action<long>? count = null
    )
    {
        using var scope = NewDisposeScope();
        var key = RandomKey.FromSeed(5);
        Func<Parameter, bool>[] trained = steps(key).Count == 1 ? [_ => true] : [.. GdesObjective.Trained];
        var optimizers = new List<Adam>();
        foreach (var own in trained)
            optimizers.Add(new Adam(store, new AdamOptions(), p => own(p) ? 1 : 0, optimizers.FirstOrDefault()));
        OutlierGuard[] watching = [.. Enumerable.Range(0, guards).Select(_ => new OutlierGuard(6, store.Compute))];
        using var step = new TrainingStep(store, optimizers, losses) { Guards = watching };
        void Update(long k) => step.Run(k, steps(key[k]), new StepRates(1e-4));
        Update(0);
        Update(100);
        var uploads = MetaDevice.Watch(() => Update(101));
        if (count is not null && OperatorCounter.Count(() => Update(102)) is { } operators)
            count(operators);
        watching.ToList().ForEach(guard => guard.Dispose());
        optimizers.ForEach(optimizer => optimizer.Dispose());
        return uploads;
    }

    private static TokenBatch[] Text(bool isPadded)
    {
        const int Size = 6, Length = 32;
        var numbers = RandomKey.FromSeed(3).Numbers();
        int[] lengths = [.. Enumerable.Range(0, Size).Select(row => isPadded && row > 0 ? Length - row * 3 : Length)];
        long[] ids =
        [
            .. Enumerable.Range(0, Size * Length).Select(i => i % Length < lengths[i / Length] ? 5L + numbers.Next(Vocabulary - 5) : 0),
        ];
        return [new TokenBatch(Size, Length, ids, new long[ids.Length], lengths)];
    }
}
