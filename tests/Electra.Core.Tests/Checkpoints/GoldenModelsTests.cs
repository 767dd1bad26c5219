using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Export;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Folders of models as versions 4 and 5 of transformers write them: Python's numbers, or a refusal that says why.</summary>
public sealed class GoldenModelsTests : IDisposable
{
    private static readonly Lazy<JsonElement> Expected = new(() =>
    {
        using var archive = ZipFile.OpenRead(TestData.Fixture("golden/models.zip"));
        using var file = archive.GetEntry("expected.json")!.Open();
        return JsonDocument.Parse(file).RootElement;
    });

    private static readonly Lazy<Dictionary<string, Tensor>> Values = new(() =>
    {
        using var archive = ZipFile.OpenRead(TestData.Fixture("golden/models.zip"));
        using var folder = TestData.Temporary();
        archive.GetEntry("expected.safetensors")!.ExtractToFile(folder.File("expected.safetensors"));
        return Golden.Read(folder.File("expected.safetensors"));
    });

    private readonly TemporaryFolder folder = TestData.Temporary();

    public GoldenModelsTests()
    {
        using var archive = ZipFile.OpenRead(TestData.Fixture("golden/models.zip"));
        foreach (var entry in archive.Entries.Where(entry => entry.FullName.Contains('/')))
        {
            Directory.CreateDirectory(folder.File(Path.GetDirectoryName(entry.FullName)!));
            entry.ExtractToFile(folder.File(entry.FullName));
        }
    }

    public static TheoryData<string> Folders => [.. Expected.Value.GetProperty("folders").EnumerateObject().Select(entry => entry.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_gives_Pythons_numbers_or_is_refused_with_the_reason(string name)
    {
        var expected = Expected.Value.GetProperty("folders").GetProperty(name);
        if (expected.GetProperty("decision").GetString() == "refuse")
        {
            var said = name switch { "causal" => "is_decoder", "pre_decoder" => "is_decoder", _ => "adapter" };
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File(name))).Message);
            return;
        }
        using var model = PretrainedModel.Open(folder.File(name));
        foreach (var inputs in expected.GetProperty("inputs").EnumerateObject())
        {
            var batch = Expected.Value.GetProperty("inputs").GetProperty(inputs.Value.GetString()!);
            RequireHiddenStates($"{name}.{inputs.Name}.last_hidden_state", model, batch);
            foreach (var output in new[] { "logits", "start_logits", "end_logits", "last_hidden_state" })
                RequireOutput($"{name}.{inputs.Name}.{output}", output, model, batch);
        }
        if (expected.TryGetProperty("tokenizer_ids", out var texts))
            foreach (var text in texts.EnumerateArray())
            {
                var ids = new List<int>();
                model.Tokenizer.Encode(text[0].GetString(), ids);
                Assert.Equal(text[1].EnumerateArray().Select(id => id.GetInt32()).Skip(1).SkipLast(1), ids);
            }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void What_is_exported_of_it_is_the_same_model(string name)
    {
        if (Expected.Value.GetProperty("folders").GetProperty(name).GetProperty("decision").GetString() == "refuse")
            return;
        using var model = PretrainedModel.Open(folder.File(name));
        if (model.Head == ModelHead.Other)
        {
            Assert.Contains("MultipleChoice", Assert.Throws<UserErrorException>(() => Export(model)).Message);
            return;
        }
        using var written = PretrainedModel.Open(Export(model));
        Assert.Equal(model.Head, written.Head);
        Assert.Equal(model.Config.Architectures, written.Config.Architectures);
        Assert.Equal(model.Config.ProblemType, written.Config.ProblemType);
        Assert.Equal(model.Config.Id2label?.Values, written.Config.Id2label?.Values);
        Assert.Equal(model.Tokenizer.Fingerprint, written.Tokenizer.Fingerprint);
        var before = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Value);
        Assert.All(written.Weights(), weight => Assert.True(before[weight.Name].eq(weight.Value).all().item<bool>(), weight.Name));
    }

    /// <summary>Heads in memory are Python's too: the files are, and they agree.</summary>
    [Theory]
    [InlineData("seq3")]
    [InlineData("seq_reg")]
    [InlineData("tok")]
    [InlineData("qa")]
    [InlineData("choice")]
    [InlineData("mlm")]
    [InlineData("pre")]
    [InlineData("enc")]
    public void Its_files_agree_with_the_model_in_every_form(string name)
    {
        using var model = PretrainedModel.Open(folder.File(name));
        var config = new ExportConfig { Out = folder.File("out"), To = ExportFormat.Onnx };
        var written = ModelExport.Write(model, config);
        using var comparison = new OnnxComparison(model, features: false);
        foreach (var ((form, file), most) in OnnxFiles.All.Zip([2e-5, 0.02, 0.5]))
        {
            var difference = comparison.Of(Path.Combine(written, file), default)[0];
            Assert.True(double.Parse(difference, CultureInfo.InvariantCulture) < most, $"{form}: {difference}");
        }
    }

    /// <summary>Files made by hand, which versions 4.57 and 5.24 of transformers load without a warning.</summary>
    [Fact]
    public void The_files_of_a_tokenizer_and_a_configuration_have_what_both_versions_want()
    {
        var tokenizer = TokenizerFiles.Load(folder.File("written")).Tokenizer;
        TokenizerWriter.Save(folder.File("again"), tokenizer, maxLength: 40);
        JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(folder.File(file)))!;
        Assert.True(JsonNode.DeepEquals(Json("written/tokenizer.json"), Json("again/tokenizer.json")));
        Assert.True(JsonNode.DeepEquals(Json("written/tokenizer_config.json"), Json("again/tokenizer_config.json")));
        Assert.Equal(File.ReadAllText(folder.File("written/vocab.txt")), File.ReadAllText(folder.File("again/vocab.txt")));

        var expected = Json("written/config.json").AsObject();
        var found = JsonNode.Parse(HuggingFaceConfig.Load(folder.File("written/config.json")).ToJson())!.AsObject();
        Assert.Equal("float32", (string?)found["dtype"]);
        Assert.Empty(found.Select(key => key.Key).Except(expected.Select(key => key.Key)));
        Assert.All(found, key => Assert.True(JsonNode.DeepEquals(expected[key.Key], key.Value), key.Key));
    }

    [Fact]
    public void Two_exports_never_land_in_one_folder()
    {
        Directory.CreateDirectory(folder.File("a"));
        Directory.CreateDirectory(folder.File("b"));
        Directory.Move(folder.File("seq3"), folder.File("a/checkpoint-6"));
        Directory.Move(folder.File("seq_reg"), folder.File("b/checkpoint-6"));
        string To(string model)
        {
            using var opened = PretrainedModel.Open(folder.File(model));
            return Export(opened);
        }
        Assert.Equal("a-checkpoint-6", Path.GetFileName(To("a/checkpoint-6")));
        Assert.Equal("b-checkpoint-6", Path.GetFileName(To("b/checkpoint-6")));
        To("a/checkpoint-6"); // the same model again
        Directory.CreateDirectory(folder.File("c/a-checkpoint-6"));
        foreach (var file in Directory.GetFiles(folder.File("b/checkpoint-6")))
            File.Copy(file, folder.File($"c/a-checkpoint-6/{Path.GetFileName(file)}"));
        var message = Assert.Throws<UserErrorException>(() => To("c/a-checkpoint-6")).Message;
        Assert.Contains("a/checkpoint-6", message);
        Assert.Contains("give another folder", message);
    }

    [Fact]
    public void The_type_of_the_weights_is_said()
    {
        using var model = PretrainedModel.Open(folder.File("bf16"));
        Assert.Contains("\"dtype\": \"bfloat16\"", File.ReadAllText(Path.Combine(Export(model), "config.json")));
    }

    [Fact]
    public void The_python_form_of_gelu_is_gelu_and_its_approximations_are_refused()
    {
        void Activation(string name)
        {
            var config = folder.File("pre/config.json");
            var json = JsonNode.Parse(File.ReadAllText(config))!;
            json["hidden_act"] = name;
            File.WriteAllText(config, json.ToJsonString());
        }
        Activation("gelu_python");
        PretrainedModel.Open(folder.File("pre")).Dispose();
        Activation("gelu_new");
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File("pre"))).Message;
        Assert.Contains("hidden_act is gelu_new", message);
    }

    [Fact]
    public void The_folder_above_checkpoints_names_them_and_a_variant_is_named()
    {
        Directory.CreateDirectory(folder.File("trainer"));
        Directory.Move(folder.File("seq3"), folder.File("trainer/checkpoint-500"));
        Directory.Move(folder.File("tok"), folder.File("trainer/checkpoint-1000"));
        var above = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File("trainer"))).Message;
        Assert.Contains("checkpoint-500", above);
        Assert.Contains("checkpoint-1000", above);
        File.Move(folder.File("pre/model.safetensors"), folder.File("pre/model.fp16.safetensors"));
        var variant = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File("pre"))).Message;
        Assert.Contains("Name the file to take", variant);
        Assert.Contains("model.fp16.safetensors", variant);
        PretrainedModel.Open(folder.File("pre/model.fp16.safetensors")).Dispose();
    }

    private string Export(PretrainedModel model) => ModelExport.Write(model, new ExportConfig { Out = folder.File("out") });

    private static void RequireHiddenStates(string name, PretrainedModel model, JsonElement batch)
    {
        if (!Values.Value.TryGetValue(name, out var expected))
            return;
        using var pair = ElectraPair.Create(model.Config.ToModel(), seed: 0, Compute.Reference);
        model.Fill(pair.DiscriminatorWeights());
        pair.Store.PublishValues();
        var (ids, mask, types) = Of(batch);
        Tensor hidden = null!;
        int[] lengths = [.. mask.sum(1).data<long>().Select(n => (int)n)];
        using var _ = no_grad();
        pair.Discriminate(
            ids,
            types,
            AttentionMask.FromLengths(lengths, (int)ids.shape[1], Compute.Reference),
            Dropout.None,
            state => hidden = state
        );
        var real = mask.unsqueeze(2).to(float32);
        Golden.AssertClose(expected * real, hidden.view(expected.shape) * real, 1e-5, name);
    }

    /// <summary>Through an ONNX file, or it is refused with the head's name.</summary>
    private void RequireOutput(string name, string output, PretrainedModel model, JsonElement batch)
    {
        if (!Values.Value.TryGetValue(name, out var expected))
            return;
        var file = folder.File($"{name}.onnx");
        bool features = output == "last_hidden_state";
        if (model.Head is ModelHead.Other && !features)
        {
            var options = new ExportConfig { Out = folder.File("out"), To = ExportFormat.Onnx };
            var refused = Assert.Throws<UserErrorException>(() => ModelExport.Write(model, options)).Message;
            Assert.Contains(model.Config.Architectures[0], refused);
            return;
        }
        OnnxModel.Save(file, model, features: features);
        using var session = new InferenceSession(file);
        var (ids, mask, types) = Of(batch);
        var logits = OnnxModelTests.Run(session, ids, mask, types, output);
        var real = expected.shape switch
        {
            [_, var length] when mask.dim() == 2 && length == mask.shape[1] => mask.to(float32),
            [_, _, _] => mask.unsqueeze(2).to(float32),
            _ => ones(expected.shape),
        };
        Golden.AssertClose(expected * real, logits * real, 1e-5, name);
    }

    private static (Tensor Ids, Tensor Mask, Tensor Types) Of(JsonElement batch)
    {
        Tensor Rows(string key)
        {
            var rows = batch.GetProperty(key);
            var (sizes, inner) = (new List<long>(), rows);
            for (; inner.ValueKind == JsonValueKind.Array; inner = inner[0])
                sizes.Add(inner.GetArrayLength());
            return tensor(Numbers(rows).ToArray()).view([.. sizes]);
        }
        return (Rows("input_ids"), Rows("attention_mask"), Rows("token_type_ids"));

        static IEnumerable<long> Numbers(JsonElement rows) =>
            rows.ValueKind == JsonValueKind.Array ? rows.EnumerateArray().SelectMany(Numbers) : [rows.GetInt64()];
    }
}
