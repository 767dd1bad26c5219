using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Checkpoints.Formats;
using Electra.Tests.Export;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Checkpoints of google-research/electra, written by TensorFlow.</summary>
public sealed class GoogleCheckpointTests : IDisposable
{
    /// <summary>With four heads of 8: what no shape of a weight tells.</summary>
    internal const string Sizes = """
        {"model_type": "electra", "vocab_size": 200, "embedding_size": 16, "hidden_size": 32, "num_hidden_layers": 2,
         "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 48}
        """;

    private static readonly ElectraConfig Published =
        TinyPair.Config with { HiddenSize = 128, AttentionHeads = 2, Layers = 1, GeneratorDivisor = 2 };

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("tf_checkpoint_tiny/expected");

    public GoogleCheckpointTests()
    {
        Directory.CreateDirectory(folder.File("google"));
        foreach (var file in Directory.GetFiles(TestData.Fixture("golden/tf_checkpoint_tiny")))
            File.Copy(file, folder.File($"google/{Path.GetFileName(file)}"));
        File.WriteAllText(folder.File("google/config.json"), Sizes);
    }

    private string Google => folder.File("google");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_forward_pass_is_that_of_Googles_graph()
    {
        AttentionMask Attention() =>
            AttentionMask.FromLengths([.. golden["attention_mask"].sum(1).data<long>().Select(n => (int)n)], 32, Compute.Reference);
        using (var pair = Filled(ModelPart.Discriminator, pair => pair.DiscriminatorWeights()))
        {
            var logits = pair.Discriminate(golden["generated"], golden["token_type_ids"], Attention(), Dropout.None).view(3, 32);
            var real = golden["attention_mask"].to(float32);
            Golden.AssertClose(golden["discriminator_logits"] * real, logits * real, 1e-6, "discriminator");
        }
        using (var pair = Filled(ModelPart.Generator, pair => pair.GeneratorWeights()))
        {
            var positions = (golden["positions"] + (arange(3, dtype: int64).unsqueeze(1) * 32)).view(-1);
            var logits = pair.Generate(golden["masked_input_ids"], golden["token_type_ids"], Attention(), positions, Dropout.None);
            Golden.AssertClose(golden["generator_logits_at_positions"].view(12, 200), logits, 1e-6, "generator");
        }
    }

    [Theory]
    [InlineData(ModelPart.Discriminator)]
    [InlineData(ModelPart.Generator)]
    public void An_export_has_every_weight_bit_by_bit(ModelPart part)
    {
        using var model = PretrainedModel.Open(Google, part);
        var written = ModelExport.Write(model, new ExportConfig { Out = folder.File("out"), Part = part });
        using var file = SafeTensorsFile.Open(Path.Combine(written, "model.safetensors"));
        var own = part == ModelPart.Generator ? "generator/" : "discriminator/";
        var expected = golden
            .Where(entry => entry.Key.StartsWith(own, StringComparison.Ordinal) || entry.Key.Contains("electra.embeddings."))
            .ToDictionary(entry => entry.Key[(entry.Key.IndexOf('/') + 1)..], entry => entry.Value);
        Assert.Equal(expected.Keys.Order(), file.Tensors.Keys.Where(name => !name.EndsWith("position_ids")).Order());
        Assert.All(expected, weight => Assert.True(file.Load(weight.Key).eq(weight.Value).all().item<bool>(), weight.Key));
    }

    [Theory]
    [InlineData("")]
    [InlineData("model.ckpt-5")]
    [InlineData("model.ckpt-5.index")]
    [InlineData("model.ckpt-5.data-00000-of-00001")]
    [InlineData("model.ckpt-5.meta")]
    public void It_opens_by_its_folder_its_beginning_and_each_of_its_files(string name)
    {
        File.WriteAllText(folder.File("google/model.ckpt-5.meta"), "a graph");
        using var model = PretrainedModel.Open(Path.Combine(Google, name));
        Assert.True(model.IsOfPair);
        Assert.Equal(200, model.Tokenizer.Vocabulary.Count);
        Assert.Contains("Adam's moments (164 variables) are left out", model.Remark);
    }

    [Fact]
    public void Of_several_checkpoints_the_file_checkpoint_says_which_and_without_it_the_user()
    {
        foreach (var file in Directory.GetFiles(Google, "model.ckpt-5.*"))
            File.Copy(file, file.Replace("ckpt-5", "ckpt-4"));
        using (var latest = PretrainedModel.Open(Google))
            Assert.Equal(5, latest.Tensors.Count(tensor => tensor.Key.StartsWith("electra.embeddings.", StringComparison.Ordinal)));
        File.Delete(folder.File("google/checkpoint"));
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Google)).Message;
        Assert.Contains("model.ckpt-4", message);
        Assert.Contains("model.ckpt-5", message);
        File.WriteAllText(folder.File("google/checkpoint"), "model_checkpoint_path: \"/elsewhere/model.ckpt-6\"");
        Assert.Contains("names /elsewhere/model.ckpt-6", Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Google)).Message);
    }

    [Fact]
    public void Without_a_configuration_the_sizes_are_those_of_the_weights_and_an_open_number_of_heads_is_asked_for()
    {
        File.Delete(folder.File("google/config.json"));
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Google)).Message;
        Assert.Contains("a hidden size of 32 leaves the number of attention heads open", message);
        Assert.Contains("\"intermediate_size\": 64", message);
    }

    /// <summary>One layer on [CLS] is this kit's own classifier; Adam's moments have names of their own in fine-tuning too.</summary>
    [Fact]
    public void A_classifier_of_its_fine_tuning_is_a_classifier_with_its_labels()
    {
        var variables = Encoder().Append(TensorFlowFiles.Floats("task_specific/mnli/dense/kernel", [64, 3], new float[192]))
            .Append(TensorFlowFiles.Floats("task_specific/mnli/dense/bias", [3], 1, 2, 3))
            .Append(TensorFlowFiles.Floats("task_specific/mnli/dense/bias/adam_m", [3], 1, 2, 3))
            .Append(TensorFlowFiles.Floats("generator_predictions/temperature", [1], 1));
        TensorFlowFiles.Write(folder.File("mnli"), variables);
        using var model = PretrainedModel.Open(folder.File("mnli"));
        Assert.Equal(ModelHead.Classifier, model.Head);
        Assert.Equal(["contradiction", "entailment", "neutral"], model.Config.Id2label!.OrderBy(l => l.Key).Select(l => l.Value));
        Assert.Equal([3L, 64], model.Tensors["classifier.weight"].Shape);
        Assert.False(model.IsOfPair);
    }

    /// <summary>RegressionTask of google-research/electra trains on value / 5, and this kit's heads give the value itself.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Its_head_of_STS_B_gives_values_from_0_to_5_wherever_it_is_taken(bool hasSizes)
    {
        var kernel = Enumerable.Range(0, 128).Select(i => (i % 7 - 3) / 40f).ToArray();
        using var pair = ElectraPair.Create(Published, seed: 3, Compute.Reference);
        var variables = GoogleVariables.Of(pair).Append(TensorFlowFiles.Floats("task_specific/sts/dense/kernel", [128, 1], kernel))
            .Append(TensorFlowFiles.Floats("task_specific/sts/dense/bias", [1], 0.5f));
        Directory.CreateDirectory(folder.File("sts"));
        TensorFlowFiles.Write(folder.File("sts/model.ckpt-9"), variables);
        TinyPair.Tokenizer().Vocabulary.Save(folder.File("sts/vocab.txt"));
        if (hasSizes) // as it is written where heads are not 64 wide
            File.WriteAllText(folder.File("sts/config.json"), """
                {"model_type": "electra", "vocab_size": 200, "embedding_size": 16, "hidden_size": 128, "num_hidden_layers": 1,
                 "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64}
                """);
        using var model = PretrainedModel.Open(folder.File("sts"));
        Assert.Equal((ModelHead.Classifier, "regression"), (model.Head, model.Config.ProblemType));
        Assert.Contains("trained on STS-B's values divided by 5 and is multiplied by 5: its output is from 0 to 5", model.Remark);

        var (ids, mask) = (tensor(new long[,] { { 2, 15, 35, 3 } }), ones(1, 4, ScalarType.Int64));
        Tensor hidden = null!;
        using (no_grad())
            pair.Discriminate(ids, zeros_like(ids), AttentionMask.FromLengths([4], 4, Compute.Reference), Dropout.None, h => hidden = h);
        double fifth = hidden.view(4, 128)[0].mul(tensor(kernel)).sum().item<float>() + 0.5;
        foreach (var form in Enum.GetValues<ExportFormat>())
        {
            var written = ModelExport.Write(model, new ExportConfig { Out = folder.File("out"), To = form });
            Assert.Contains("its output is from 0 to 5", File.ReadAllText(Path.Combine(written, "README.md")));
            var file = Path.Combine(written, "onnx/model.onnx");
            if (form == ExportFormat.HuggingFace)
            {
                using var exported = PretrainedModel.Open(written);
                Assert.Equal("regression", exported.Config.ProblemType);
                Assert.Null(exported.Remark);
                OnnxModel.Save(file = folder.File("exported.onnx"), exported);
            }
            using var session = new InferenceSession(file);
            Assert.Equal(5 * fifth, OnnxModelTests.Run(session, ids, mask, zeros_like(ids)).item<float>(), 1e-5);
        }
    }

    [Fact]
    public void A_head_of_question_answering_is_not_taken_for_a_classifier()
    {
        var variables = Encoder().Append(TensorFlowFiles.Floats("task_specific/squad/dense/kernel", [64, 1], new float[64]));
        TensorFlowFiles.Write(folder.File("squad"), variables);
        using var model = PretrainedModel.Open(folder.File("squad"));
        Assert.Equal(ModelHead.Other, model.Head);
        Assert.Equal(["task_specific.squad.dense.weight"], model.Tensors.Keys.Where(name => !name.StartsWith("electra.")));
    }

    private ElectraPair Filled(ModelPart part, Func<ElectraPair, IEnumerable<(string, Tensor)>> weights)
    {
        using var model = PretrainedModel.Open(Google, part);
        var pair = ElectraPair.Create(model.Config.ToModel(), seed: 0, Compute.Reference);
        var filled = model.Fill(weights(pair));
        Assert.Empty(filled.Missing);
        Assert.Empty(filled.LeftOver);
        pair.Store.PublishValues();
        return pair;
    }

    /// <summary>An encoder with no layer but the first, as far as its shape is looked at.</summary>
    private static IEnumerable<TensorFlowVariable> Encoder()
    {
        (string Name, long[] Shape)[] all =
        [
            ("embeddings/word_embeddings", [7, 64]),
            ("embeddings/position_embeddings", [8, 64]),
            ("embeddings/token_type_embeddings", [2, 64]),
            ("encoder/layer_0/intermediate/dense/kernel", [64, 16]),
        ];
        return all.Select(v => TensorFlowFiles.Floats($"electra/{v.Name}", v.Shape, new float[v.Shape[0] * v.Shape[1]]));
    }
}
