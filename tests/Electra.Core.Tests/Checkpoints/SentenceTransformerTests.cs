using System.IO.Compression;
using System.Text.Json;
using Electra.Checkpoints;
using Electra.Export;
using Electra.Finetuning;
using Electra.Model;
using Electra.Predictors;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tests.Export;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>
/// Folders of sentence-transformers 6.2: they open as the encoder or cross-encoder that they hold, with Python's numbers, and what that
/// library does around it is named as not read.
/// </summary>
public sealed class SentenceTransformerTests : IDisposable
{
    private const int MaxLength = 20, MaxPairLength = 24; // model_max_length of their tokenizer_config.json

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly JsonElement expected;
    private readonly Dictionary<string, Tensor> values;

    public SentenceTransformerTests()
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/sentence_transformers.zip"), folder.Path);
        expected = JsonDocument.Parse(File.ReadAllBytes(folder.File("expected.json"))).RootElement;
        values = Golden.Read(folder.File("expected.safetensors"));
    }

    public void Dispose() => folder.Dispose();

    /// <summary>The poolings are done here: what the fixture has are embeddings.</summary>
    [Theory]
    [InlineData("st_mean", "Pooling, prompts")]
    [InlineData("st_mean_sqrt", "Pooling")]
    [InlineData("st_max", "Pooling")]
    [InlineData("st_cls_normalized", "Pooling, Normalize")]
    public void An_embedder_gives_Pythons_hidden_states_and_names_what_is_not_read(string name, string notRead)
    {
        using var model = PretrainedModel.Open(folder.File(name));
        Assert.Equal(ModelHead.None, model.Head);
        Assert.Equal($"a sentence-transformers model, of which this is not read: {notRead}", model.Remark);
        using var pair = ElectraPair.Create(model.Config.ToModel(), seed: 0, Compute.Reference);
        model.Fill(pair.DiscriminatorWeights());
        pair.Store.PublishValues();
        string[] texts = [.. expected.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
        var embeddings = values[$"{name}.embeddings"];
        for (int i = 0; i < texts.Length; i++)
        {
            var ids = Ids(model, texts[i]);
            if (ids.Length > MaxLength)
                ids = [.. ids[..(MaxLength - 1)], ids[^1]];
            Golden.AssertClose(embeddings[i], Pooled(name, Hidden(pair, ids)), 1e-5, $"{name}: {texts[i]}");
        }
    }

    [Fact]
    public void A_cross_encoder_gives_Pythons_logits_and_says_that_they_are_not_the_scores()
    {
        using var model = PretrainedModel.Open(folder.File("cross"));
        Assert.Equal(ModelHead.TwoLayerClassifier, model.Head);
        Assert.Equal("a sentence-transformers model, of which this is not read: Sigmoid on its scores", model.Remark);
        OnnxModel.Save(folder.File("cross.onnx"), model);
        using var session = new InferenceSession(folder.File("cross.onnx"));
        var logits = cat([.. expected.GetProperty("pairs").EnumerateArray().Select(pair => Logit(session, model, pair))]);
        Golden.AssertClose(values["cross.logits"], logits, 5e-5, "logits"); // all small: 3e-6 of them
        Golden.AssertClose(values["cross.scores_default"], logits.sigmoid(), 1e-5, "scores");
    }

    [Fact]
    public void A_cross_encoder_and_its_export_cut_pairs_as_Python_does()
    {
        var pairs = expected.GetProperty("pairs").EnumerateArray().Select(pair => (pair[0].GetString()!, pair[1].GetString())).ToList();
        using var model = PretrainedModel.Open(folder.File("cross"));
        Assert.Equal(MaxPairLength, model.MaxTokens);
        foreach (var source in new[] { folder.File("cross"), ModelExport.Write(model, new ExportConfig { Out = folder.File("out") }) })
        {
            using var classifier = TextClassifier.Open(source, Compute.Reference);
            float[] scores = [.. classifier.Classify(pairs).Select(said => (float)said.Score)];
            Golden.AssertClose(values["cross.logits"], tensor(scores), 5e-5, source);
        }
    }

    /// <summary>Versions from 6 on say it in a file of their own, those from 4 on in config.json, older ones by another key.</summary>
    [Theory]
    [InlineData("config_sentence_transformers.json", "\"activation_fn\": \"torch.nn.modules.activation.Tanh\"")]
    [InlineData("config.json", "\"sentence_transformers\": {\"activation_fn\": \"torch.nn.modules.activation.Tanh\"}")]
    [InlineData("config.json", "\"sbert_ce_default_activation_function\": \"torch.nn.modules.activation.Tanh\"")]
    public void What_is_applied_to_the_scores_of_a_cross_encoder_is_in_its_export(string file, string key)
    {
        File.Delete(folder.File("cross/config_sentence_transformers.json"));
        var path = folder.File($"cross/{file}");
        var others = File.Exists(path) ? $",{File.ReadAllText(path).Trim()[1..]}" : "}";
        File.WriteAllText(path, $"{{{key}{others}");
        using var model = PretrainedModel.Open(folder.File("cross"));
        Assert.Null(model.LostInExport);
        foreach (var form in new[] { ExportFormat.HuggingFace, ExportFormat.Onnx })
            Assert.Contains(
                "\"activation_fn\": \"torch.nn.modules.activation.Tanh\"",
                File.ReadAllText(
                    Path.Combine(ModelExport.Write(model, new ExportConfig { To = form, Out = folder.File("out") }), "config.json")
                )
            );
    }

    [Fact]
    public void Texts_become_small_letters_where_the_folder_says_so()
    {
        Change("tokenizer_config.json", "\"do_lower_case\": true", "\"do_lower_case\": false");
        using (var embedder = TextEmbedder.Open(folder.File("st_mean"), Compute.Reference))
            Assert.NotEqual(embedder.Embed("the cat"), embedder.Embed("The CAT"));
        File.WriteAllText(folder.File("st_mean/sentence_bert_config.json"), """{"max_seq_length": 20, "do_lower_case": true}""");
        using (var model = PretrainedModel.Open(folder.File("st_mean")))
            ModelExport.Write(model, new ExportConfig { Out = folder.File("out") });
        foreach (var source in new[] { folder.File("st_mean"), folder.File("out/st_mean") })
            using (var embedder = TextEmbedder.Open(source, Compute.Reference))
                Assert.Equal(embedder.Embed("the cat"), embedder.Embed("The CAT"));
    }

    [Fact]
    public void Lines_are_embedded_by_any_such_model_unless_a_prompt_stands_before_its_texts()
    {
        using (var model = FinetunedModel.OpenAny(folder.File("st_cls_normalized"), Compute.Reference))
        using (var embedder = TextEmbedder.Open(folder.File("st_cls_normalized"), Compute.Reference))
            Assert.Equal(embedder.Embed("the cat"), model.Predict([new(["the cat"], [float.NaN])], 1, new(), default).Outputs);
        Change("config_sentence_transformers.json", "\"default_prompt_name\": null", "\"default_prompt_name\": \"query\"");
        Assert.Contains(
            "reads texts behind \"query: \"",
            Assert.Throws<UserErrorException>(() => FinetunedModel.OpenAny(folder.File("st_mean"), Compute.Reference)).Message
        );
    }

    [Fact]
    public void A_length_that_leaves_no_room_is_refused_and_no_limit_is_none()
    {
        var (path, length) = (folder.File("cross/tokenizer_config.json"), $"\"model_max_length\": {MaxPairLength}");
        var text = File.ReadAllText(path);
        Assert.Contains(length, text);
        File.WriteAllText(path, text.Replace(length, "\"model_max_length\": 3"));
        var refused = Assert.Throws<UserErrorException>(() => TextClassifier.Open(folder.File("cross"), Compute.Reference));
        Assert.Contains("model_max_length is 3", refused.Message);
        File.WriteAllText(path, text.Replace(length, "\"model_max_length\": 1000000000000000019884624838656"));
        using var model = PretrainedModel.Open(folder.File("cross"));
        Assert.Equal(model.Config.MaxPositions, model.MaxTokens);
    }

    [Fact]
    public void Its_export_keeps_its_pooling_and_its_prompts()
    {
        using var model = PretrainedModel.Open(folder.File("st_mean"));
        var written = ModelExport.Write(model, new ExportConfig { Out = folder.File("out") });
        Assert.DoesNotContain("not read", File.ReadAllText(Path.Combine(written, "README.md")));
        using var again = PretrainedModel.Open(written);
        Assert.Equal((model.Pooling!.Mode, model.Pooling.Normalises), (again.Pooling!.Mode, again.Pooling.Normalises));
        Assert.Equal("query: ", again.Pooling.Settings!.Value.GetProperty("prompts").GetProperty("query").GetString());
    }

    [Fact]
    public void Vectors_of_another_kind_than_it_was_trained_for_are_refused()
    {
        using var model = TrainedModel.Open(folder.File("st_mean"), compute: Compute.Reference);
        var message = Assert.Throws<UserErrorException>(() => model.Similarity("the cat", "the town")).Message;
        Assert.Contains("of which this is not read: Pooling", message);
        Assert.Contains("vectors that it was trained for cannot be computed", message);
    }

    private void Change(string file, string from, string to)
    {
        var path = folder.File($"st_mean/{file}");
        Assert.Contains(from, File.ReadAllText(path));
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to));
    }

    private static Tensor Logit(InferenceSession session, PretrainedModel model, JsonElement pair)
    {
        List<long> a = [.. Ids(model, pair[0].GetString()!)], b = [.. Ids(model, pair[1].GetString()!).Skip(1)];
        while (a.Count + b.Count > MaxPairLength)
        {
            var longer = a.Count - 1 >= b.Count ? a : b; // [CLS] is one more; of two as long, that which was the shorter
            longer.RemoveAt(longer.Count - 2);
        }
        var types = cat([zeros(a.Count, ScalarType.Int64), ones(b.Count, ScalarType.Int64)]).unsqueeze(0);
        var ids = tensor((long[])[.. a, .. b]).unsqueeze(0);
        return OnnxModelTests.Run(session, ids, ones_like(ids), types).view(-1);
    }

    private static Tensor Pooled(string name, Tensor hidden) => name switch
    {
        "st_mean" => hidden.mean([0]),
        "st_mean_sqrt" => hidden.sum(dim: 0) / Math.Sqrt(hidden.shape[0]),
        "st_max" => hidden.max(0).values,
        _ => hidden[0] / hidden[0].norm(),
    };

    private static long[] Ids(PretrainedModel model, string text)
    {
        var ids = new List<int>();
        model.Tokenizer.Encode(text, ids);
        var vocabulary = model.Tokenizer.Vocabulary;
        return [vocabulary.ClsId, .. ids.Select(id => (long)id), vocabulary.SepId];
    }

    /// <summary>The last hidden states of a text: <c>[length, hidden]</c>.</summary>
    private static Tensor Hidden(ElectraPair pair, long[] ids)
    {
        Tensor hidden = null!;
        using var _ = no_grad();
        var input = tensor(ids).unsqueeze(0);
        var attention = AttentionMask.FromLengths([ids.Length], ids.Length, Compute.Reference);
        pair.Discriminate(input, zeros_like(input), attention, Dropout.None, states => hidden = states);
        return hidden.view(ids.Length, -1);
    }
}
