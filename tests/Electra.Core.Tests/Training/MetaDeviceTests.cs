using System.Text.Json;
using Electra.Data;
using Electra.Finetuning;
using Electra.Model;
using Electra.Native;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Training;

/// <summary>
/// The steps of training as CUDA would run them, on libtorch's meta device: no value is read, no shape hangs on values, nothing is left on
/// the CPU, nothing is waited for. What the numbers are is the business of other tests.
/// </summary>
public sealed class MetaDeviceTests
{
    private const string Fixture = "meta_operators.json";
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
        new() { GumbelEpsilon = 1e-3 },
        new() { GumbelEpsilon = 1e-9, LossEpsilon = 1e-6, Masking = new() { Style = MaskingStyle.FixedShare } },
        new() { GeneratorLabelSmoothing = 0.1, DiscriminatorLabelSmoothing = 0.1 },
    ];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Pretraining_waits_for_nothing_with_any_sampling(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        using var pair = ElectraPair.Create(TinyPair.Config, 1, compute);
        using var baseline = new TokenBaseline(TinyPair.Config.VocabularySize, compute);
        foreach (var options in Objectives)
        {
            var method = ElectraMethod.From(options, TinyTraining.Tokens, compute);
            var uploads = Uploads(Of(pair, method, isPadded, baseline.Count));
            // The text with its masks and draws; where noise is made for each logit, the keys of that.
            Assert.Equal(options.NeedsNoiseForEachLogit ? [false, false] : [false], uploads);
        }
    }

    /// <summary>As one batch, in two parts, with several examples in a row; layers kept or computed twice.</summary>
    [Theory]
    [MemberData(nameof(Modes))]
    public void Every_objective_waits_for_nothing(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        var (text, packed) = (Text(isPadded), Text(isPadded, isPacked: true));
        foreach (var parts in new TokenBatch[][] { [text], [text, text with { FirstRow = text.Size }], [packed] })
            foreach (bool recomputes in new[] { false, true })
                foreach (var training in TinyTraining.Pretraining(compute, parts, TinyPair.Config))
                    using (training)
                    {
                        training.Store.Recomputes = recomputes;
                        var uploads = Uploads(training, guards: 2);
                        Assert.DoesNotContain(true, uploads);
                        if (training.Name is "electra, Masked generator" or "mlm")
                            Assert.Equal(parts.Length, uploads.Count);
                    }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Finetuning_waits_for_nothing_with_any_kind_of_task(Precision precision, bool isPadded)
    {
        var compute = MetaDevice.Open(precision);
        foreach (bool recomputes in new[] { false, true })
            foreach (var training in TinyTraining.Finetuning(compute, Text(isPadded), TinyPair.Config))
                using (training)
                {
                    training.Store.Recomputes = recomputes;
                    var uploads = Uploads(training);
                    Assert.DoesNotContain(true, uploads);
                    // The text and the labels, and the classes' weights.
                    Assert.Equal(training.Name.StartsWith("weighted", StringComparison.Ordinal) ? 3 : 2, uploads.Count);
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
        var method = ElectraMethod.From(new ObjectiveOptions(), TinyTraining.Tokens, compute);
        using var model = ElectraClassifier.Create(TinyPair.Config.WithoutGenerator, 2, 0.1, 1, compute, trainable: false);
        var text = Text(isPadded);
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
        var usual = ElectraMethod.From(new ObjectiveOptions(), TinyTraining.Tokens, compute);
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
            Assert.ThrowsAny<Exception>(() => Uploads(Of(pair, method, isPadded: false)));
        }
        var waits = usual with { DiscriminatorLoss = (logits, _) => (logits * tensor(new[] { 2f }, device: logits.device)).mean() };
        Assert.Contains(true, Uploads(Of(pair, waits, isPadded: false)));
    }

    /// <summary>
    /// Operators close to the kernels that a GPU would launch. A change that is meant makes the fixture anew: ELECTRA_UPDATE_FIXTURES=1.
    /// </summary>
    [Fact]
    public void A_step_of_ELECTRA_small_has_as_many_operators_as_it_had()
    {
        // No multiple of 8 tokens, as in the usual vocabulary.
        var config = TinyPair.Config with { Layers = 12, VocabularySize = 202 };
        var counts = new Dictionary<string, long>();
        foreach (var precision in new[] { Precision.Bfloat16, Precision.Float32 })
        {
            var compute = MetaDevice.Open(precision);
            var name = precision.ToString().ToLowerInvariant();
            using var pair = ElectraPair.Create(config, 1, compute);
            var method = ElectraMethod.From(new ObjectiveOptions(), TinyTraining.Tokens, compute);
            Uploads(Of(pair, method, isPadded: false), count: n => counts[$"pretraining {name}"] = n);
            pair.Store.Recomputes = true;
            Uploads(Of(pair, method, isPadded: false), count: n => counts[$"pretraining {name}, recomputed"] = n);
            using var classes = TinyTraining.Finetuning(compute, Text(true), config, smoothing: 0).First();
            Uploads(classes, count: n => counts[$"finetuning {name}"] = n);
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
    private static IReadOnlyList<bool> Uploads(TinyTraining training, int guards = 0, Action<long>? count = null)
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<bool> uploads = [];
        training.Train(
            update =>
            {
                update(0);
                update(100);
                uploads = MetaDevice.Watch(() => update(101));
                if (count is not null && OperatorCounter.Count(() => update(102)) is { } operators)
                    count(operators);
            },
            guards
        );
        return uploads;
    }

    private static TokenBatch Text(bool isPadded, bool isPacked = false) => TinyTraining.Text(isPadded, isPacked);

    /// <summary>A pair that learns by a method.</summary>
    private static TinyTraining Of(ElectraPair pair, ElectraMethod method, bool isPadded, Action<ElectraPass>? made = null) =>
        new("electra", pair, pair.Store, method.LossNames.Count, key => [new(method.Passes(pair, [Text(isPadded)], key, made))]);
}
