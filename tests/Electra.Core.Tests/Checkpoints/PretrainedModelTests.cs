using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Models saved by this kit, opened again.</summary>
public sealed class PretrainedModelTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly ElectraTokenizer tokenizer = TinyPair.Tokenizer(lowercase: false);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(ModelPart.Discriminator, "ElectraForPreTraining", 32)]
    [InlineData(ModelPart.Generator, "ElectraForMaskedLM", 8)]
    public void A_saved_pair_opens_bit_equal(ModelPart part, string architecture, int hiddenSize)
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("tiny_1_100"), pair, tokenizer);
        using var model = PretrainedModel.Open(folder.File("tiny_1_100"), part);
        Assert.Equal([architecture], model.Config.Architectures);
        Assert.Equal(hiddenSize, model.Config.ToModel().HiddenSize);
        Assert.Equal(tokenizer.Vocabulary.Fingerprint, model.Tokenizer.Vocabulary.Fingerprint);
        Assert.False(model.Tokenizer.Settings.Lowercase);

        using var other = ElectraPair.Create(TinyPair.Config, seed: 5, Compute.Reference);
        var filled = model.Fill(part == ModelPart.Generator ? other.GeneratorWeights() : other.DiscriminatorWeights());
        Assert.Empty(filled.Missing);
        Assert.Empty(filled.LeftOver);
        var (expected, actual) = part == ModelPart.Generator
            ? (pair.GeneratorWeights(), other.GeneratorWeights())
            : (pair.DiscriminatorWeights(), other.DiscriminatorWeights());
        foreach (var (a, b) in expected.Zip(actual))
            Assert.True(a.Value.eq(b.Value).all().item<bool>(), a.Name);
    }

    [Fact]
    public void What_is_missing_or_left_over_is_listed()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, tokenizer);
        using var model = PretrainedModel.Open(folder.File("pair"));
        using var classifier = zeros(2, 32);
        var filled = model.Fill(
            pair.DiscriminatorWeights()
                .Where(w => w.Name.StartsWith("electra.", StringComparison.Ordinal))
                .Append(("classifier.weight", classifier))
        );
        Assert.Equal(["classifier.weight"], filled.Missing);
        Assert.Equal(4, filled.LeftOver.Count);
        Assert.Contains("discriminator_predictions.dense_prediction.bias", filled.LeftOver);
        Assert.DoesNotContain("electra.embeddings.position_ids", filled.LeftOver);
    }

    [Fact]
    public void A_model_of_another_shape_is_refused()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, tokenizer);
        using var model = PretrainedModel.Open(folder.File("pair"));
        using var deeper = ElectraPair.Create(TinyPair.Config with { Layers = 4 }, seed: 1, Compute.Reference);
        Assert.Contains(
            "electra.encoder.layer.3.",
            Assert.Throws<UserErrorException>(() => model.Fill(deeper.DiscriminatorWeights())).Message
        );
        using var wider = ElectraPair.Create(TinyPair.Config with { IntermediateSize = 128 }, seed: 1, Compute.Reference);
        Assert.Contains("[128, 32] is needed", Assert.Throws<UserErrorException>(() => model.Fill(wider.DiscriminatorWeights())).Message);
        Assert.Contains("nothing-here", Assert.Throws<UserErrorException>(() => PretrainedModel.Open("nothing-here")).Message);
    }
}
