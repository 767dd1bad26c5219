using System.Text.Json;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Checkpoints.Formats;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>
/// Files that Hugging Face's library and fastai wrote: loaded, they give those libraries' outputs; written, they look the same.
/// </summary>
public sealed class GoldenWeightsTests : IDisposable
{
    private const string HuggingFace = "h_hf_tiny_discriminator", FastAi = "h_fastai_checkpoint_no_opt.pth";
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly Dictionary<string, Tensor> io = Golden.Tensors("a_tiny_io");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("model.safetensors", "")]
    [InlineData("pytorch_model.bin", "")]
    [InlineData("pytorch_model.bin", "pytorch_model.bin")]
    public void Weights_of_every_form_give_the_original_discriminators_logits(string file, string opened)
    {
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/config.json"), folder.File("config.json"));
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/{file}"), folder.File(file));
        using var model = PretrainedModel.Open(folder.File(opened));
        using var pair = ElectraPair.Create(model.Config.ToModel(), seed: 3, Compute.Reference);
        var filled = model.Fill(pair.DiscriminatorWeights());
        Assert.Empty(filled.Missing);
        Assert.Empty(filled.LeftOver);
        pair.Store.PublishValues();
        AssertDiscriminates(pair);
    }

    [Theory]
    [InlineData(ModelPart.Discriminator)]
    [InlineData(ModelPart.Generator)]
    public void A_learner_of_fastai_gives_both_models_with_and_without_its_optimizer(ModelPart part)
    {
        // The fixture as fastai wrote it: every weight of both models, and no other.
        using (var saved = OpenLearner(File.ReadAllBytes(TestData.Fixture($"golden/{FastAi}")), part))
        using (var pair = ElectraPair.Create(TinyPair.Config, seed: 3, Compute.Reference))
        {
            var weights = (part == ModelPart.Generator ? pair.GeneratorWeights() : pair.DiscriminatorWeights()).ToList();
            var filled = saved.Fill(weights);
            Assert.Empty(filled.Missing);
            Assert.Empty(filled.LeftOver);
            // The first elements as Python's own pickle module finds them.
            var query = weights.Single(w => w.Name == "electra.encoder.layer.0.attention.self.query.weight").Value;
            float[] first =
                part == ModelPart.Discriminator
                    ? [0.0602997728f, 0.0664195269f, 0.0503903106f, 0.124346092f]
                    : [0.279646099f, -0.540533662f, -0.31529966f, 0.894806206f];
            Assert.Equal(first, query.view(-1).narrow(0, 0, 4).data<float>().ToArray());
        }

        // The same form with the weights whose outputs are known, beside an optimizer.
        var tensors = new[] { "generator", "discriminator" }
            .SelectMany(model => Golden.Tensors($"a_tiny_{model}").Select(t => (Name: $"{model}.{t.Key}", t.Value)))
            .ToArray();
        var pickle = new PickleBuilder().Protocol().Op('}', '(').Text("model").Op('}', '(');
        foreach (var (index, tensor) in tensors.Index())
            pickle
                .Text(tensor.Name)
                .Tensor(
                    new TorchTensor(
                        "",
                        tensor.Value.dtype == ScalarType.Int64 ? "Long" : "Float",
                        $"{index}",
                        tensor.Value.numel(),
                        0,
                        tensor.Value.shape,
                        tensor.Value.stride()
                    )
                );
        pickle.Op('u').Text("opt").Op('}', '(').Text("hypers").Global("fastcore.foundation", "L").Op(')').Raw(0x81).Op('u', 'u', '.');
        using var learner = OpenLearner(
            TorchFiles.Zip(pickle.Bytes, tensors.Select((t, index) => ($"{index}", t.Value.bytes.ToArray()))),
            part
        );
        using var loaded = ElectraPair.Create(TinyPair.Config, seed: 3, Compute.Reference);
        learner.Fill(part == ModelPart.Generator ? loaded.GeneratorWeights() : loaded.DiscriminatorWeights());
        loaded.Store.PublishValues();
        if (part == ModelPart.Discriminator)
            AssertDiscriminates(loaded);
        else
            AssertGenerates(loaded);
    }

    [Fact]
    public void An_exported_folder_has_the_names_shapes_types_and_keys_of_hugging_faces()
    {
        using var pair = TinyPair.Load();
        var tokenizer = TinyPair.Tokenizer();
        HuggingFaceFolder.SavePair(folder.Path + "/pair", pair, tokenizer);
        using var written = SafeTensorsFile.Open(folder.File("pair/discriminator/model.safetensors"));
        using var golden = SafeTensorsFile.Open(TestData.Fixture($"golden/{HuggingFace}/model.safetensors"));
        Assert.Equal(Described(golden), Described(written));
        Assert.Equal(golden.Metadata, written.Metadata);
        foreach (var name in golden.Tensors.Keys)
            Assert.True(golden.Load(name).eq(written.Load(name)).all().item<bool>(), name);

        using var config = JsonDocument.Parse(File.ReadAllBytes(folder.File("pair/discriminator/config.json")));
        using var goldenConfig = JsonDocument.Parse(File.ReadAllBytes(TestData.Fixture($"golden/{HuggingFace}/config.json")));
        // That version also wrote settings of a head that no ELECTRA has, and the type of the weights by another name.
        Assert.Equal(
            goldenConfig.RootElement.EnumerateObject().Select(p => p.Name).Where(IsRead).Append("dtype").Order(StringComparer.Ordinal),
            config.RootElement.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal)
        );
        static bool IsRead(string key) =>
            !key.StartsWith("summary_", StringComparison.Ordinal) && key is not ("use_cache" or "transformers_version");
        foreach (
            var property in goldenConfig
                .RootElement.EnumerateObject()
                .Where(p => IsRead(p.Name) && !p.Name.EndsWith("_dropout_prob", StringComparison.Ordinal))
        )
            Assert.True(JsonElement.DeepEquals(property.Value, config.RootElement.GetProperty(property.Name)), property.Name);

        static IEnumerable<string> Described(SafeTensorsFile file) =>
            file.Tensors.Values.Select(t => $"{t.Name} {t.Type} [{string.Join(", ", t.Shape)}]").Order(StringComparer.Ordinal);
    }

    [Fact]
    public void A_lone_file_of_a_published_size_needs_no_configuration()
    {
        using var pair = ElectraPair.Create(
            TinyPair.Config with
            {
                HiddenSize = 128,
                AttentionHeads = 2,
                GeneratorDivisor = 1,
            },
            seed: 1,
            Compute.Reference
        );
        SafeTensors.Save(folder.File("lone.safetensors"), pair.DiscriminatorWeights());
        using var model = PretrainedModel.Open(folder.File("lone.safetensors"));
        Assert.Equal(pair.Config with { HiddenDropout = 0.1 }, model.Config.ToModel());
        Assert.Contains("vocab.txt", Assert.Throws<UserErrorException>(() => model.Tokenizer).Message);

        using var tiny = TinyPair.Load();
        SafeTensors.Save(folder.File("tiny.safetensors"), tiny.DiscriminatorWeights());
        Assert.Contains(
            "attention heads",
            Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File("tiny.safetensors"))).Message
        );
    }

    [Theory]
    [InlineData("module.electra.")]
    [InlineData("model._orig_mod.electra.")]
    [InlineData("base_model.")]
    [InlineData("")]
    public void Older_and_wrapped_names_are_those_of_today(string prefix)
    {
        using var pair = TinyPair.Load();
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/config.json"), folder.File("config.json"));
        SafeTensors.Save(
            folder.File("model.safetensors"),
            pair.DiscriminatorWeights()
                .Where(w => w.Name.StartsWith("electra.", StringComparison.Ordinal))
                .Select(w =>
                    (
                        prefix
                            + w.Name["electra.".Length..]
                                .Replace("LayerNorm.weight", "LayerNorm.gamma")
                                .Replace("LayerNorm.bias", "LayerNorm.beta"),
                        w.Value
                    )
                )
        );
        using var model = PretrainedModel.Open(folder.Path);
        var filled = model.Fill(pair.DiscriminatorWeights());
        Assert.Equal(4, filled.Missing.Count);
        Assert.All(filled.Missing, name => Assert.StartsWith("discriminator_predictions.", name));
        Assert.Empty(filled.LeftOver);
    }

    [Fact]
    public void Sharded_files_are_one_model_and_must_match_their_index()
    {
        using var pair = TinyPair.Load();
        var weights = pair.DiscriminatorWeights().ToList();
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/config.json"), folder.File("config.json"));
        SafeTensors.Save(folder.File("model-1.safetensors"), weights.Take(20));
        SafeTensors.Save(folder.File("model-2.safetensors"), weights.Skip(20));
        var places = weights
            .Select((w, i) => (w.Name, File: i < 20 ? "model-1.safetensors" : "model-2.safetensors"))
            .ToDictionary(w => w.Name, w => w.File);
        WriteIndex();
        using (var model = PretrainedModel.Open(folder.Path))
            Assert.Empty(model.Fill(weights).Missing);

        places[weights[0].Name] = "model-2.safetensors";
        Refused("is not in model-2.safetensors");
        places.Remove(weights[0].Name);
        Refused("which the index does not have there");
        places[weights[0].Name] = "../model-1.safetensors";
        Refused("not a file in the folder of the index");
        places[weights[0].Name] = "model-3.safetensors";
        Refused("model-3.safetensors");

        void WriteIndex() =>
            File.WriteAllText(
                folder.File("model.safetensors.index.json"),
                JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = places })
            );

        void Refused(string said)
        {
            WriteIndex();
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.Path)).Message);
        }
    }

    [Fact]
    public void A_tokenizer_json_does_where_there_is_no_vocab_txt()
    {
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/config.json"), folder.File("config.json"));
        File.Copy(TestData.Fixture($"golden/{HuggingFace}/model.safetensors"), folder.File("model.safetensors"));
        string[] tokens = [.. Vocabulary.SpecialTokens, "a", "##b"];
        File.WriteAllText(
            folder.File("tokenizer.json"),
            JsonSerializer.Serialize(
                new
                {
                    normalizer = new { type = "BertNormalizer", lowercase = true },
                    pre_tokenizer = new { type = "BertPreTokenizer" },
                    model = new
                    {
                        type = "WordPiece",
                        vocab = tokens.Select((token, id) => (token, id)).Reverse().ToDictionary(t => t.token, t => t.id),
                    },
                }
            )
        );
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"do_lower_case": false}""");
        using var model = PretrainedModel.Open(folder.Path);
        Assert.Equal(tokens, model.Tokenizer.Vocabulary.Tokens);
        Assert.False(model.Tokenizer.Settings.Lowercase);
    }

    private void AssertDiscriminates(ElectraPair pair)
    {
        var logits = pair.Discriminate(io["generated"], io["token_type_ids"], Attention(), Dropout.None);
        Golden.AssertClose(
            io["discriminator_logits"].view(80).index_select(0, Real()),
            logits.index_select(0, Real()),
            1e-5,
            "discriminator logits"
        );
    }

    private void AssertGenerates(ElectraPair pair)
    {
        var logits = pair.Generate(io["masked_input_ids"], io["token_type_ids"], Attention(), arange(80, dtype: int64), Dropout.None);
        Golden.AssertClose(
            io["generator_logits_full"].view(80, 200).index_select(0, Real()),
            logits.index_select(0, Real()),
            1e-5,
            "generator logits"
        );
    }

    private PretrainedModel OpenLearner(byte[] file, ModelPart part)
    {
        var config =
            part == ModelPart.Generator
                ? """{"vocab_size": 200, "embedding_size": 16, "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 3,"""
                    + """ "intermediate_size": 16, "max_position_embeddings": 64}"""
                : File.ReadAllText(TestData.Fixture($"golden/{HuggingFace}/config.json"));
        File.WriteAllText(folder.File("config.json"), config);
        File.WriteAllBytes(folder.File("learner.pth"), file);
        return PretrainedModel.Open(folder.File("learner.pth"), part);
    }

    private static AttentionMask Attention() => AttentionMask.FromLengths([20, 13, 17, 6], 20, Compute.Reference);

    private Tensor Real() => io["attention_mask"].view(80).nonzero().view(-1);
}
