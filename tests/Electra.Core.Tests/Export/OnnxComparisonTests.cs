using System.Globalization;
using System.IO.Compression;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Export;

/// <summary>What an export says of its ONNX files.</summary>
public sealed class OnnxComparisonTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    /// <summary>As many classes as the compared rows have tokens: each row has an answer all the same.</summary>
    [Fact]
    public void Another_class_in_every_row_is_seen_whatever_their_number()
    {
        const int Classes = 64;
        using var classifier = ElectraClassifier.Create(TinyPair.Config, Classes, headDropout: 0.1, seed: 9, Compute.Reference);
        using (var model = PretrainedModel.Open(Save("one")))
            OnnxModel.Save(folder.File("one.onnx"), model);
        using (no_grad())
            classifier.Store.Named().Single(weight => weight.Name == "classifier.bias").Value.narrow(0, Classes - 1, 1).add_(100);
        using var other = PretrainedModel.Open(Save("other"));
        using var comparison = new OnnxComparison(other, features: false);
        Assert.Equal("0.0000", comparison.Of(folder.File("one.onnx"), default)[1]);

        string Save(string name)
        {
            var config = HuggingFaceConfig.Of(classifier.Config, nameof(ElectraClassifier), 0);
            HuggingFaceFolder.WriteFiles(folder.File(name), config, classifier.Store.Named(), TinyPair.Tokenizer());
            return folder.File(name);
        }
    }

    [Theory]
    [InlineData("st_mean_sqrt")]
    [InlineData("st_max")]
    [InlineData("st_cls_normalized")]
    public void Vectors_are_compared_as_the_model_pools_them(string name)
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/sentence_transformers.zip"), folder.Path);
        using var model = PretrainedModel.Open(folder.File(name));
        OnnxModel.Save(folder.File("model.onnx"), model);
        using var comparison = new OnnxComparison(model, features: false);
        var said = comparison.Of(folder.File("model.onnx"), default);
        Assert.InRange(double.Parse(said[0], CultureInfo.InvariantCulture), 0, 1e-4);
        Assert.Equal("1.0000", said[1]);
    }
}
