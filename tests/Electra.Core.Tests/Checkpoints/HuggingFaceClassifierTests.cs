using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>One layer as two.</summary>
public sealed class HuggingFaceClassifierTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)] // half the width
    public void Two_layers_give_the_outputs_of_one_and_are_read_back_bit_by_bit(int outputs)
    {
        var (one, two) = Both(outputs);
        var x = randn(5, 32);
        var expected = nn.functional.linear(x, one["classifier.weight"], one["classifier.bias"]);
        var found = Layers(two, x);
        Assert.InRange((expected - found).abs().max().item<float>(), 0, 1e-5f);

        using var model = PretrainedModel.Open(folder.File("two"));
        Assert.Equal(ModelHead.TwoLayerClassifier, model.Head);
        var (weight, bias) = HuggingFaceClassifier.OneLayer(model)!.Value;
        Assert.True(weight.eq(one["classifier.weight"]).all().item<bool>());
        Assert.True(bias.eq(one["classifier.bias"]).all().item<bool>());
    }

    [Fact]
    public void Units_that_no_output_needs_change_nothing_and_can_learn()
    {
        var (_, two) = Both(outputs: 2);
        var dense = two["classifier.dense.weight"];
        var spare = dense.narrow(0, 4, 28);
        Assert.InRange(spare.std().item<float>(), 0.018, 0.022);
        Assert.Equal(28, spare.abs().sum([1L]).gt(0).sum().item<long>());
        Assert.Equal(0, two["classifier.out_proj.weight"].narrow(1, 4, 28).count_nonzero().item<long>());
        Assert.True(Both(outputs: 2).Two["classifier.dense.weight"].narrow(0, 4, 28).eq(spare).all().item<bool>(), "the same again");

        foreach (var weight in two.Values)
            weight.requires_grad = true;
        var x = randn(5, 32);
        Layers(two, x).square().sum().backward();
        var gradient = two["classifier.out_proj.weight"].grad!;
        Assert.Equal(32, gradient.abs().sum([0L]).gt(0).sum().item<long>());
        using (no_grad())
            two["classifier.out_proj.weight"].sub_(gradient * 0.1);
        dense.grad = null;
        Layers(two, x).square().sum().backward();
        Assert.Equal(32, dense.grad!.abs().sum([1L]).gt(0).sum().item<long>());
    }

    [Fact]
    public void Two_layers_that_were_made_otherwise_are_not_one()
    {
        var (_, two) = Both(outputs: 2);
        two["classifier.out_proj.weight"][0, 9] = tensor(0.5f);
        Save("two", two, "ElectraForSequenceClassification");
        using var model = PretrainedModel.Open(folder.File("two"));
        Assert.Null(HuggingFaceClassifier.OneLayer(model));
    }

    /// <summary>The weights of a classifier, and of what becomes of it in the folder <c>two</c>.</summary>
    private (Dictionary<string, Tensor> One, Dictionary<string, Tensor> Two) Both(int outputs)
    {
        using var classifier = ElectraClassifier.Create(TinyPair.Config, outputs, 0.1, seed: 3, Compute.Reference, trainable: false);
        var one = classifier.Store.Named().ToDictionary(weight => weight.Name, weight => weight.Value.clone());
        one["classifier.bias"].uniform_(-1, 1);
        Save("one", one, nameof(ElectraClassifier));
        using var model = PretrainedModel.Open(folder.File("one"));
        var (config, weights) = HuggingFaceClassifier.Converted(model);
        var two = weights.ToDictionary(weight => weight.Name, weight => weight.Value);
        Save("two", two, config.Architectures[0]);
        return (one, two);
    }

    private void Save(string name, Dictionary<string, Tensor> weights, string architecture) =>
        HuggingFaceFolder.WriteFiles(
            folder.File(name),
            HuggingFaceConfig.Of(TinyPair.Config, architecture, 0),
            weights.Select(weight => (weight.Key, weight.Value.detach())),
            TinyPair.Tokenizer()
        );

    private static Tensor Layers(Dictionary<string, Tensor> weights, Tensor x)
    {
        var hidden = nn.functional.gelu(nn.functional.linear(x, weights["classifier.dense.weight"], weights["classifier.dense.bias"]));
        return nn.functional.linear(hidden, weights["classifier.out_proj.weight"], weights["classifier.out_proj.bias"]);
    }
}
