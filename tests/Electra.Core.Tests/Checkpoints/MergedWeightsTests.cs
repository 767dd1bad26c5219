using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Models merged after the fact.</summary>
public sealed class MergedWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(ModelPart.Discriminator)]
    [InlineData(ModelPart.Generator)]
    public void A_merged_model_is_the_weighted_mean_and_a_model_like_any_other(ModelPart part)
    {
        Save("a", 1);
        Save("b", 4);
        using var merged = PretrainedModel.Merge("mean", [Open("a", part), Open("b", part)], [1, 2]);
        using var a = Open("a", part);
        Assert.Equal(a.Weights().Select(weight => weight.Name), merged.Weights().Select(weight => weight.Name));
        foreach (var (own, mean) in a.Weights().Zip(merged.Weights()))
            Golden.AssertClose(own.Value * 3, mean.Value, 1e-5, own.Name);
        Assert.Equal(a.Config.Architectures, merged.Config.Architectures);
        Assert.Equal(a.Tokenizer.Fingerprint, merged.Tokenizer.Fingerprint);
        Assert.Contains("a (33.333%)", merged.Remark);
    }

    [Fact]
    public void Models_that_are_not_alike_are_refused()
    {
        Save("a", 1);
        Save("narrow", 1, narrow: true);
        Save("other", 1, prefix: "u");
        Refused("cannot be merged with", "a", "narrow");
        Refused("they have other vocabularies", "a", "other");
        var error = Assert.Throws<UserErrorException>(() => PretrainedModel.Merge("mean", [Open("a"), Open("a")], [1]));
        Assert.Contains("merge_weights: 1 are given for 2 models", error.Message);

        void Refused(string why, params string[] names) =>
            Assert.Contains(
                why,
                Assert.Throws<UserErrorException>(() => PretrainedModel.Merge("mean", [.. names.Select(name => Open(name))])).Message
            );
    }

    private PretrainedModel Open(string name, ModelPart part = ModelPart.Discriminator) => PretrainedModel.Open(folder.File(name), part);

    /// <summary>The tiny pair with all weights times a factor.</summary>
    private void Save(string name, double factor, bool narrow = false, string prefix = "t")
    {
        using var pair = narrow
            ? Electra.Model.ElectraPair.Create(TinyPair.Config with { HiddenSize = 16 }, 0, Electra.Tensors.Compute.Reference)
            : TinyPair.Load();
        using (no_grad())
            pair.Store.Values.mul_(factor);
        pair.Store.PublishValues();
        HuggingFaceFolder.SavePair(folder.File(name), pair, TinyPair.Tokenizer(prefix: prefix));
    }
}
