using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Training;

/// <summary>Layers that the backward pass computes once more: the gradients are those of layers that kept all, bit for bit.</summary>
public sealed class RecomputeTests
{
    /// <summary>Sizes that the kernels take, where the processor has them.</summary>
    private static readonly ElectraConfig Shape = TinyPair.Config with
    {
        EmbeddingSize = 32,
        HiddenSize = 64,
        AttentionHeads = 2,
        GeneratorDivisor = 1,
    };

    public static TheoryData<Precision, bool, string> Modes => new(
        from mode in new[] { (Precision.Float32, true), (Precision.Float32, false), (Precision.Bfloat16, false) }
        from text in new[] { "full", "padded", "packed", "two parts" }
        select (mode.Item1, mode.Item2, text)
    );

    [Theory]
    [MemberData(nameof(Modes))]
    public void Every_objective_learns_the_same(Precision precision, bool plain, string text)
    {
        var batch = TinyTraining.Text(isPadded: text != "full", isPacked: text == "packed");
        TokenBatch[] parts = text == "two parts" ? [batch, batch with { FirstRow = batch.Size }] : [batch];
        Compare(plain, () => TinyTraining.Pretraining(Of(precision), parts, Shape));
    }

    [Theory]
    [InlineData(Precision.Float32, true, false)]
    [InlineData(Precision.Float32, true, true)]
    [InlineData(Precision.Float32, false, true)]
    [InlineData(Precision.Bfloat16, true, true)]
    [InlineData(Precision.Bfloat16, false, true)]
    public void Every_kind_of_task_learns_the_same(Precision precision, bool plain, bool isPadded)
    {
        Compare(plain, () => TinyTraining.Finetuning(Of(precision), TinyTraining.Text(isPadded), Shape));
    }

    /// <summary>Whether a layer learns must not decide in one of the two passes what drops its activations.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Bfloat16)]
    public void A_frozen_layer_drops_the_same_both_times(Precision precision)
    {
        Compare(plain: false, () => TinyTraining.Pretraining(Of(precision), [TinyTraining.Text(isPadded: true)], Shape).Select(Frozen));

        static TinyTraining Frozen(TinyTraining training)
        {
            foreach (var parameter in training.Store.Parameters.Where(p => p.Name.Contains("layer.0.", StringComparison.Ordinal)))
                parameter.Leaf.requires_grad = false;
            return training;
        }
    }

    private static Compute Of(Precision precision) => Compute.Reference with { Precision = precision, Threads = 2 };

    /// <summary>Two updates of each training, one of them with layers that are computed twice.</summary>
    private static void Compare(bool plain, Func<IEnumerable<TinyTraining>> trainings)
    {
        FastOperations.PlainOnly = plain;
        try
        {
            foreach (var (usual, twice) in trainings().Zip(trainings()))
                using (usual)
                using (twice)
                {
                    using (no_grad()) // libtorch has one generator, and other tests draw from it
                        twice.Store.Values.copy_(usual.Store.Values);
                    twice.Store.PublishValues();
                    twice.Store.Recomputes = true;
                    float[] expected = Learned(usual), found = Learned(twice);
                    Assert.True(expected.SequenceEqual(found), usual.Name);
                }
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }
    }

    /// <summary>The parameters and the gradients after two updates.</summary>
    private static float[] Learned(TinyTraining training)
    {
        using var scope = NewDisposeScope();
        training.Train(update =>
        {
            update(0);
            update(1);
        });
        return [.. training.Store.Values.data<float>(), .. training.Store.Gradients.data<float>()];
    }
}
