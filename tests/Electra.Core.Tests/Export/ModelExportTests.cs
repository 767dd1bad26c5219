using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Export;
using Electra.Model;
using Electra.Running;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Export;

/// <summary>Models written for use elsewhere.</summary>
public sealed class ModelExportTests : IDisposable
{
    private static readonly ElectraTokenizer Words = TinyPair.Tokenizer(lowercase: false);

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("tiny_1_100", ModelPart.Discriminator, "tiny_1_100")]
    [InlineData("tiny_1_100", ModelPart.Generator, "tiny_1_100-generator")]
    [InlineData("tiny_1_100/generator", ModelPart.Discriminator, "tiny_1_100-generator")]
    [InlineData("tiny_1_100/discriminator/model.safetensors", ModelPart.Discriminator, "tiny_1_100")]
    public void A_model_of_a_run_is_exported_bit_equal(string source, ModelPart part, string name)
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("tiny_1_100"), pair, Words);
        var exported = Export(source, $"part={part.ToString().ToLowerInvariant()}");
        Assert.Equal(folder.File($"out/{name}"), exported);

        var original = folder.File(
            name.EndsWith("generator", StringComparison.Ordinal) ? "tiny_1_100/generator" : "tiny_1_100/discriminator"
        );
        foreach (var file in new[] { "config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(original, file)), File.ReadAllBytes(Path.Combine(exported, file)));
        Assert.Contains("| hidden size |", File.ReadAllText(Path.Combine(exported, "README.md")));
    }

    [Theory]
    [InlineData(ModelPart.Discriminator, 0.0602997728f)]
    [InlineData(ModelPart.Generator, 0.279646099f)]
    public void The_originals_checkpoint_becomes_a_folder_that_hugging_faces_library_loads(ModelPart part, float first)
    {
        using (var pair = TinyPair.Load())
            HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
        File.Copy(TestData.Fixture("golden/h_fastai_checkpoint_no_opt.pth"), folder.File("pair/discriminator/electra_small.pth"));
        var exported = Export("pair/discriminator/electra_small.pth", $"part={part.ToString().ToLowerInvariant()}");

        using var model = PretrainedModel.Open(exported);
        var golden = Golden.Tensors($"a_tiny_{part.ToString().ToLowerInvariant()}");
        Assert.Equal(golden.Keys.Except(["generator_lm_head.weight"]).Order(), model.Tensors.Keys.Order());
        Assert.Equal([part == ModelPart.Generator ? "ElectraForMaskedLM" : "ElectraForPreTraining"], model.Config.Architectures);
        Assert.Equal(part == ModelPart.Generator ? 8 : 32, model.Config.HiddenSize);
        using var query = zeros([.. model.Tensors["electra.encoder.layer.0.attention.self.query.weight"].Shape]);
        model.CopyTo("electra.encoder.layer.0.attention.self.query.weight", query);
        Assert.Equal(first, query[0][0].item<float>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_classifier_gives_the_same_logits_in_hugging_faces_two_layers(int outputs)
    {
        using var scope = NewDisposeScope();
        using var classifier = ElectraClassifier.Create(
            TinyPair.Config with
            {
                InitializerRange = 0.3,
            },
            outputs,
            headDropout: 0.1,
            seed: 9,
            Compute.Reference
        );
        SaveClassifier("small_rte_0", classifier);
        var exported = Export("small_rte_0");
        using (var model = PretrainedModel.Open(exported))
        {
            Assert.Equal(["ElectraForSequenceClassification"], model.Config.Architectures);
            Assert.Equal([outputs, 32], model.Tensors["classifier.out_proj.weight"].Shape);
        }

        var ids = randint(5, 200, [4, 12], dtype: int64);
        var expected = classifier.Classify(
            ids,
            zeros_like(ids),
            AttentionMask.FromLengths([12, 12, 12, 12], 12, Compute.Reference),
            Dropout.None
        );
        using var session = new InferenceSession(Path.Combine(Export("out/small_rte_0", "to=onnx"), "onnx/model.onnx"));
        using var results = session.Run([
            Value("input_ids", ids),
            Value("attention_mask", ones_like(ids)),
            Value("token_type_ids", zeros_like(ids)),
        ]);
        var actual = tensor(results[0].AsTensor<float>().ToArray()).view(4, outputs);
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, 2e-5f);

        static NamedOnnxValue Value(string name, TorchSharp.torch.Tensor tensor) =>
            NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(tensor.data<long>().ToArray(), [4, 12]));
    }

    [Fact]
    public void The_card_has_the_scores_of_the_runs_that_began_with_the_model()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("tiny_1_100"), pair, Words, _ => new ModelCard("old").Tags("x").Text("What the run says."));
        foreach (
            var (group, run, score, checkpoint) in new[]
            {
                ("mine", 0, 0.61, "tiny_1_100"),
                ("mine", 1, 0.63, "tiny_1_100"),
                ("other", 0, 0.9, "elsewhere"),
            }
        )
        {
            var result = FinetuneResult.Folder(folder.File("glue"), group, "rte", run);
            Directory.CreateDirectory(result);
            new FinetuneResult
            {
                Group = group,
                Task = "rte",
                Run = run,
                Seed = run,
                Checkpoint = folder.File(checkpoint),
                Metric = "accuracy",
                Score = score,
                Scores = new Dictionary<string, double> { ["accuracy"] = score },
                Epochs = [],
                Seconds = 1,
            }.Save(result);
        }
        var card = File.ReadAllText(Path.Combine(Export("tiny_1_100/discriminator"), "README.md"));
        Assert.StartsWith("---\ntags: [electra]\nlibrary_name: transformers\nexported_from: \"", card);
        Assert.Contains("/tiny_1_100/discriminator\"\n---\n\n# tiny_1_100\n\nWhat the run says.\n", card);
        Assert.Contains("|mine|RTE|2|62.00|", card);
        Assert.DoesNotContain("|other|", card);
        Assert.DoesNotContain("# old", card);
        Assert.DoesNotContain("RTE", File.ReadAllText(Path.Combine(Export("tiny_1_100", "part=generator"), "README.md")));
    }

    [Fact]
    public void What_cannot_be_exported_is_refused_and_nothing_is_written()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
        Assert.Contains("where the model is read from", Refused("pair", $"out={folder.Path}"));
        File.Delete(folder.File("pair/discriminator/vocab.txt"));
        File.Delete(folder.File("pair/discriminator/tokenizer.json"));
        Assert.Contains("vocab.txt", Refused("pair"));
        using var classifier = ElectraClassifier.Create(TinyPair.Config, outputs: 17, headDropout: 0.1, seed: 9, Compute.Reference);
        SaveClassifier("many", classifier);
        Assert.Contains("to=onnx", Refused("many"));
        Assert.False(Directory.Exists(folder.File("out")) && Directory.EnumerateFileSystemEntries(folder.File("out")).Any());

        string Refused(params string[] arguments) => Assert.Throws<UserErrorException>(() => Export(arguments[0], arguments[1..])).Message;
    }

    private void SaveClassifier(string name, ElectraClassifier classifier) =>
        HuggingFaceFolder.WriteFiles(
            folder.File(name),
            HuggingFaceConfig.Of(classifier.Config, nameof(ElectraClassifier), 0),
            classifier.Store.Named(),
            Words
        );

    private string Export(string source, params string[] keys)
    {
        var config = Config.Of<ExportConfig>(
            "models",
            [folder.File(source)],
            [$"out={folder.File("out")}", $"glue={folder.File("glue")}", .. keys]
        );
        using var model = PretrainedModel.Open(config.Models[0], config.Part);
        return ModelExport.Write(model, config);
    }
}
