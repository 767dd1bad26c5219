using System.Text;
using System.Text.Json.Nodes;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Model;
using Electra.Tests.Checkpoints.Formats;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Folders and files as people have them on their disks.</summary>
public sealed class ModelsInTheWildTests : IDisposable
{
    private static readonly ElectraTokenizer Words = TinyPair.Tokenizer();

    private readonly TemporaryFolder folder = TestData.Temporary();

    public ModelsInTheWildTests()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
    }

    private string Model => folder.File("pair/discriminator");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("\uFEFF", "{}")]
    [InlineData(
        "",
        """{"pad_token_id": null, "summary_use_proj": null, "use_cache": "yes", "hidden_dropout_prob": null, "architectures": null}"""
    )]
    [InlineData(
        "",
        """{"id2label": {"0": 0, "1": null}, "label2id": {"a": "0"}, "problem_type": 5, "torch_dtype": ["float32"], "vocab_size": 200.0}"""
    )]
    [InlineData("", """{"summary_last_dropout": NaN, "text": "NaN \" Infinity", "other": [-Infinity, {"deep": [[[[[[1]]]]]]}]}""")]
    [InlineData("", """{"_name_or_path": "caf\ud83d", "\udc00": 1}""")]
    public void Keys_of_config_json_that_do_not_matter_are_not_checked(string mark, string changes)
    {
        Configure(changes, mark);
        using var model = PretrainedModel.Open(Model);
        Assert.Equal((200, 32), (model.Config.VocabularySize, model.Config.HiddenSize));
        Assert.Contains("discriminator_predictions.dense.bias", model.Weights().Select(weight => weight.Name));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer_config.json")]
    public void A_file_beside_the_weights_that_is_not_UTF8_is_refused_with_its_line(string name)
    {
        File.WriteAllBytes(Path.Combine(Model, name), [.. "{\n\"a\": \""u8, 0xE9, .. "\"}"u8]);
        var message = Assert.Throws<UserErrorException>(() =>
        {
            using var model = PretrainedModel.Open(Model);
            return model.Tokenizer;
        }).Message;
        Assert.Contains($"{name}:2: the file is not UTF-8 text (byte 9)", message);
    }

    [Theory]
    [InlineData("""{"hidden_size": "32"}""", "config.json: hidden_size is \"32\", and a number is expected")]
    [InlineData("""{"num_hidden_layers": 2.5}""", "num_hidden_layers is 2.5")]
    [InlineData("""{"is_decoder": true}""", "is_decoder is true")]
    [InlineData("""{"architectures": ["ElectraForCausalLM"]}""", "ElectraForCausalLM")]
    [InlineData("""{"quantization_config": {}}""", "quantization_config")]
    [InlineData("{", "config.json:")]
    public void Keys_that_matter_are_named_with_what_is_expected(string changes, string said)
    {
        if (changes == "{")
            File.WriteAllText(Path.Combine(Model, "config.json"), changes);
        else
            Configure(changes);
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Model)).Message;
        Assert.Contains(said, message);
        Assert.DoesNotContain("System.", message);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_refused_by_name()
    {
        using var pair = TinyPair.Load();
        using (no_grad())
            pair.DiscriminatorWeights().First(weight => weight.Name == "electra.encoder.layer.1.output.dense.bias").Value.fill_(float.NaN);
        HuggingFaceFolder.SavePair(folder.File("nan"), pair, Words);
        using var model = PretrainedModel.Open(folder.File("nan"));
        using var other = TinyPair.Load();
        Assert.Contains(
            "electra.encoder.layer.1.output.dense.bias has values that are NaN",
            Assert.Throws<UserErrorException>(() => model.Fill(other.DiscriminatorWeights())).Message
        );
        Assert.Throws<UserErrorException>(() => model.Weights().ToList());
    }

    [Theory]
    [InlineData("model.ckpt-5.index", "model.ckpt-5", "TensorFlow")]
    [InlineData("model.ckpt-5.data-00000-of-00001", "model.ckpt-5.data-00000-of-00001", "TensorFlow")]
    [InlineData("model.ckpt-5.index", "", "TensorFlow")]
    [InlineData("tf_model.h5", "", "TensorFlow")]
    [InlineData("flax_model.msgpack", "", "Flax")]
    [InlineData("model.onnx", "model.onnx", "ONNX")]
    [InlineData("adapter_config.json", "", "adapter")]
    [InlineData("electra.pth", "", "electra.pth")]
    public void A_model_of_another_program_is_named_as_what_it_is(string file, string opened, string said)
    {
        Directory.CreateDirectory(folder.File("other"));
        File.WriteAllText(folder.File($"other/{file}"), """{"base_model_name_or_path": "me/base"}""");
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Path.Combine(folder.File("other"), opened))).Message;
        Assert.Contains(said, message);
        if (file == "adapter_config.json")
            Assert.Contains("me/base", message);
    }

    [Theory]
    [InlineData("step model:m optimizer:m", "model.x", null)]
    [InlineData("model:m ema:m", "model.x", "ema (1 tensors)")]
    [InlineData("state_dict:m ema_state_dict:m", "state_dict.x", "ema_state_dict")]
    [InlineData("generator:m discriminator:m", "generator.generator.x discriminator.discriminator.x", null)]
    [InlineData("weights:m", "weights.x", null)]
    public void The_dictionary_that_holds_the_weights_is_taken_and_others_are_spoken_of(string content, string taken, string? said)
    {
        using var file = Checkpoint(content);
        Assert.Equal(taken.Split(' '), file.Tensors.Keys);
        if (said is null)
            Assert.Null(file.Remark);
        else
            Assert.Contains(said, file.Remark);
    }

    [Theory]
    [InlineData("student:m teacher:m", "student (1 tensors), teacher (1 tensors)")]
    [InlineData("model:m state_dict:m", "model (1 tensors), state_dict (1 tensors)")]
    [InlineData("step optimizer:m", "no dictionary of weights")]
    public void Dictionaries_of_which_none_is_known_to_be_the_models_are_refused(string content, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Checkpoint(content)).Message);

    [Theory]
    [InlineData("ElectraForTokenClassification", ExportFormat.HuggingFace, true)]
    [InlineData("ElectraForQuestionAnswering", ExportFormat.HuggingFace, true)]
    [InlineData("", ExportFormat.HuggingFace, false)]
    [InlineData("ElectraClassifier", ExportFormat.HuggingFace, true)]
    public void A_classifier_is_what_its_architecture_says(string architecture, ExportFormat form, bool exported)
    {
        var weights = TinyWeights()
            .Where(weight => weight.Name.StartsWith("electra.", StringComparison.Ordinal))
            .Append((architecture == "ElectraForQuestionAnswering" ? "qa_outputs.weight" : "classifier.weight", ones(5, 32)))
            .Append(("classifier.bias", zeros(5)));
        HuggingFaceFolder.WriteFiles(
            folder.File("head"),
            HuggingFaceConfig.Load(Path.Combine(Model, "config.json")) with
            {
                Architectures = architecture == "" ? [] : [architecture],
            },
            weights,
            Words
        );
        using var model = PretrainedModel.Open(folder.File("head"));
        string Export() => ModelExport.Write(model, new ExportConfig { Out = folder.File("out"), To = form });
        if (!exported)
        {
            Assert.Contains(architecture == "" ? "architectures" : architecture, Assert.Throws<UserErrorException>(Export).Message);
            return;
        }
        using var written = PretrainedModel.Open(Export());
        var isOwn = architecture == nameof(ElectraClassifier);
        Assert.Equal(isOwn ? "ElectraForSequenceClassification" : architecture, written.Config.Architectures[0]);
        Assert.Equal(architecture == "ElectraForTokenClassification", written.Tensors.ContainsKey("classifier.weight"));
    }

    [Fact]
    public void An_output_matrix_of_its_own_is_kept_and_said_to_be_one()
    {
        var config = HuggingFaceConfig.Load(folder.File("pair/generator/config.json")) with { TieWordEmbeddings = false };
        using var generator = PretrainedModel.Open(folder.File("pair/generator"));
        HuggingFaceFolder.WriteFiles(
            folder.File("untied"),
            config,
            generator.Weights().Append(("generator_lm_head.weight", ones(200, 16))),
            Words
        );
        using var model = PretrainedModel.Open(folder.File("untied"));
        var exported = ModelExport.Write(model, new ExportConfig { Out = folder.File("out") });
        using var written = PretrainedModel.Open(exported);
        Assert.False(written.Config.TieWordEmbeddings);
        using var matrix = zeros(200, 16);
        written.CopyTo("generator_lm_head.weight", matrix);
        Assert.True(matrix.eq(1).all().item<bool>());
    }

    private static IEnumerable<(string Name, Tensor Value)> TinyWeights() => TinyPair.Load().DiscriminatorWeights();

    private void Configure(string changes, string mark = "")
    {
        var path = Path.Combine(Model, "config.json");
        var text = File.ReadAllText(path).TrimEnd();
        foreach (
            var key in new[]
            {
                "hidden_size",
                "num_hidden_layers",
                "architectures",
                "vocab_size",
                "pad_token_id",
                "hidden_dropout_prob",
                "summary_last_dropout",
                "use_cache",
                "summary_use_proj",
            }
        )
            if (changes.Contains($"\"{key}\"", StringComparison.Ordinal))
            {
                var json = JsonNode.Parse(text)!.AsObject();
                json.Remove(key);
                text = json.ToJsonString();
            }
        if (changes != "{}")
            text = $"{text[..^1].TrimEnd()},{changes.TrimStart()[1..]}";
        File.WriteAllText(path, mark + text, new UTF8Encoding(false));
    }

    /// <summary>A checkpoint: <c>name:m</c> is a dictionary with a matrix <c>name.x</c>, a name alone a tensor of one number.</summary>
    private PyTorchFile Checkpoint(string content)
    {
        var pickle = new PickleBuilder().Protocol().Op('}', '(');
        foreach (var entry in content.Split(' '))
        {
            var name = entry.Split(':')[0];
            if (entry == name)
                pickle.Text(name).Tensor(new TorchTensor(name, "Float", "0", 4, 0, [], []));
            else
                pickle.Text(name).Op('}', '(').Text($"{name}.x").Tensor(new TorchTensor("x", "Float", "0", 4, 0, [2, 2], [2, 1])).Op('u');
        }
        var path = folder.File("checkpoint.bin");
        File.WriteAllBytes(path, TorchFiles.Zip(pickle.Op('u', '.').Bytes, ("0", TorchFiles.Floats(1, 2, 3, 4))));
        return PyTorchFile.Open(path);
    }
}
