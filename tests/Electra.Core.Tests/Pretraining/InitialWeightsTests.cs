using System.IO.Compression;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Model;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>Continued pre-training: pairs that begin with the weights of saved ones.</summary>
public sealed class InitialWeightsTests : IDisposable
{
    private const string Shape =
        "model: {embedding_size: 16, hidden_size: 32, layers: 3, attention_heads: 4, intermediate_size: 64, max_positions: "
            + "64, generator_divisor: 4}\nexamples: {max_length: 64}";

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly StringWriter output = new();
    private readonly ElectraTokenizer tokenizer = Tokenizer("t");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_pair_goes_on_with_all_weights_of_a_saved_pair()
    {
        using var saved = Save("pair", TinyPair.Config, seed: 1);
        using var model = Filled(TinyPair.Config, $"init={folder.File("pair")}");
        Assert.True(model.Store.Values.eq(saved.Store.Values).all().item<bool>());
        Assert.DoesNotContain("fresh", output.ToString());
        Assert.DoesNotContain("warning", output.ToString());
        // The embeddings are still one object, and the output matrix of the generator.
        var words = model
            .GeneratorWeights()
            .Concat(model.DiscriminatorWeights())
            .Where(weight => weight.Name.EndsWith("word_embeddings.weight", StringComparison.Ordinal))
            .ToList();
        using (no_grad())
            words[0].Value.fill_(3);
        Assert.Equal(3, words[1].Value.mean().item<float>());
    }

    /// <summary>Both models come from one unpacked copy, and the vocabulary of the run from the archive too.</summary>
    [Fact]
    public void A_pair_in_an_archive_is_one_to_go_on_from()
    {
        using var saved = Save("pair", TinyPair.Config, seed: 1);
        ZipFile.CreateFromDirectory(folder.File("pair"), folder.File("pair.zip"), CompressionLevel.Fastest, includeBaseDirectory: true);
        using var model = Filled(TinyPair.Config, $"init={folder.File("pair.zip")}");
        Assert.True(model.Store.Values.eq(saved.Store.Values).all().item<bool>());
        Assert.DoesNotContain("fresh", output.ToString());
    }

    [Fact]
    public void A_discriminator_alone_leaves_the_generator_fresh_and_says_so()
    {
        using var saved = Save("pair", TinyPair.Config, seed: 1);
        using var fresh = ElectraPair.Create(TinyPair.Config, seed: 2, Compute.Reference);
        using var model = Filled(TinyPair.Config, $"init={folder.File("pair/discriminator")}");
        Assert.Contains("The generator begins fresh", output.ToString());
        AssertEqual(saved.DiscriminatorWeights(), model.DiscriminatorWeights());
        AssertEqual(
            fresh.GeneratorWeights().Where(weight => !weight.Name.Contains("embeddings.")),
            model.GeneratorWeights().Where(weight => !weight.Name.Contains("embeddings."))
        );
    }

    [Fact]
    public void A_generator_of_its_own_lends_everything_but_its_embeddings()
    {
        using var a = Save("a", TinyPair.Config, seed: 1);
        using var b = Save("b", TinyPair.Config, seed: 7);
        using var model = Filled(
            TinyPair.Config,
            $"init={folder.File("a")}",
            $"init_generator={folder.File("b/generator/model.safetensors")}"
        );
        Assert.Contains("its embeddings are not the discriminator's", output.ToString());
        AssertEqual(a.DiscriminatorWeights(), model.DiscriminatorWeights());
        AssertEqual(
            b.GeneratorWeights().Where(weight => !weight.Name.Contains("embeddings.")),
            model.GeneratorWeights().Where(weight => !weight.Name.Contains("embeddings."))
        );
    }

    [Fact]
    public void A_generator_as_large_as_the_discriminator_has_a_divisor_of_one()
    {
        var config = TinyPair.Config with { GeneratorDivisor = 1 };
        using var saved = Save("plus", config, seed: 1);
        string[] init = [$"init={folder.File("plus/discriminator")}", $"init_generator={folder.File("plus/generator")}"];
        Assert.Contains("model.generator_divisor=1", Refused(init));
        using var model = Filled(config, [.. init, "model.generator_divisor=1"]);
        Assert.True(model.Store.Values.eq(saved.Store.Values).all().item<bool>());
    }

    [Fact]
    public void The_originals_checkpoint_of_both_models_is_gone_on_from()
    {
        // A checkpoint of fastai's holds both models under one name; the configuration beside it is the discriminator's.
        Save("pair", TinyPair.Config, seed: 1).Dispose();
        File.Copy(TestData.Fixture("golden/h_fastai_checkpoint_no_opt.pth"), folder.File("pair/discriminator/checkpoint.pth"));
        using var model = Filled(TinyPair.Config, $"init={folder.File("pair/discriminator/checkpoint.pth")}");
        Assert.Contains("The generator begins with the weights", output.ToString());
        var first = (IEnumerable<(string Name, Tensor Value)> weights) =>
            weights.Single(w => w.Name == "electra.encoder.layer.0.attention.self.query.weight").Value[0][0].item<float>();
        Assert.Equal(0.0602997728f, first(model.DiscriminatorWeights()));
        Assert.Equal(0.279646099f, first(model.GeneratorWeights()));
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_what_would()
    {
        Save("pair", TinyPair.Config, seed: 1).Dispose();
        Save("deeper", TinyPair.Config with { Layers = 4 }, seed: 1).Dispose();
        var init = $"init={folder.File("pair")}";
        Assert.Contains("with model.hidden_size=32 model.layers=3", Refused(init, "model.hidden_size=64", "model.layers=5"));
        Assert.Contains("it has 4 layers", Refused(init, $"init_generator={folder.File("deeper")}"));
        Assert.Contains("other tokens", Assert.Throws<UserErrorException>(() => InitialWeights.Open(Tokenizer("x"), Run(init))).Message);
        Assert.Contains(
            "knows 200 tokens, and this run's vocabulary has 150",
            Assert.Throws<UserErrorException>(() => InitialWeights.Open(Tokenizer("t", 150), Run(init))).Message
        );
        Assert.Contains("without a discriminator", Refused("init_generator=x"));
        Assert.Contains("nothing-here", Refused("init=nothing-here"));
    }

    [Fact]
    public void Rows_of_embeddings_beyond_the_vocabulary_are_left_out_and_spoken_of()
    {
        using var padded = ElectraPair.Create(TinyPair.Config with { VocabularySize = 208 }, 1, Compute.Reference);
        HuggingFaceFolder.SavePair(folder.File("padded"), padded, tokenizer);
        using var model = Filled(TinyPair.Config, $"init={folder.File("padded")}");
        foreach (var (own, stored) in model.DiscriminatorWeights().Zip(padded.DiscriminatorWeights()))
            Assert.True(own.Value.eq(stored.Value.narrow(0, 0, own.Value.shape[0])).all().item<bool>(), own.Name);
        Assert.Contains("but for 8 rows", output.ToString());
    }

    [Fact]
    public void A_run_that_goes_on_from_a_model_has_its_vocabulary_unless_another_is_given()
    {
        Save("run_1_100", TinyPair.Config, seed: 1).Dispose();
        Directory.CreateDirectory(folder.File("run_1"));
        var init = $"init={folder.File("run_1_100")}";
        foreach (var source in new[] { init, $"{init}/discriminator/model.safetensors" })
            Assert.Equal(tokenizer.Vocabulary.Fingerprint, Vocabulary(source, "vocabulary.lowercase=false").Fingerprint);
        Assert.Equal(tokenizer.Vocabulary.Fingerprint, Vocabulary(init).Fingerprint);
        Assert.Contains("lowercase=false", Assert.Throws<UserErrorException>(() => Vocabulary(init, "vocabulary.lowercase=true")).Message);
        Tokenizer("x").Vocabulary.Save(folder.File("other.txt"));
        Assert.Equal(Tokenizer("x").Vocabulary.Fingerprint, Vocabulary(init, $"vocabulary={folder.File("other.txt")}").Fingerprint);
        // The run's own folder has no model in it: they lie beside it.
        Assert.Contains("run_1_100", Assert.Throws<UserErrorException>(() => Vocabulary($"init={folder.File("run_1")}")).Message);

        Vocabulary Vocabulary(params string[] overrides) =>
            Vocabularies.Open(Run(overrides).Config.Vocabulary, null!, folder.Path).Vocabulary;
    }

    private static ElectraTokenizer Tokenizer(string prefix, int size = 200) =>
        new(
            new Vocabulary([
                .. Electra.Tokenization.Vocabulary.SpecialTokens,
                .. Enumerable.Range(0, size - 5).Select(i => $"{prefix}{i}"),
            ]),
            lowercase: false
        );

    private ElectraPair Save(string name, ElectraConfig config, int seed)
    {
        var pair = ElectraPair.Create(config, seed, Compute.Reference);
        HuggingFaceFolder.SavePair(folder.File(name), pair, tokenizer);
        return pair;
    }

    private Run<PretrainConfig> Run(params string[] overrides) =>
        new(
            Config.Parse<PretrainConfig>(Shape, "tiny.yaml", overrides),
            new RunConsole(output, terminal: null),
            ScriptText.Read("pretrain.csx"),
            TestContext.Current.CancellationToken
        );

    private ElectraPair Filled(ElectraConfig config, params string[] overrides)
    {
        using var initial = InitialWeights.Open(tokenizer, Run(overrides));
        var model = ElectraPair.Create(config, seed: 2, Compute.Reference);
        initial.Fill(model);
        return model;
    }

    private string Refused(params string[] overrides) =>
        Assert.Throws<UserErrorException>(() => InitialWeights.Open(tokenizer, Run(overrides))).Message;

    private static void AssertEqual(IEnumerable<(string Name, Tensor Value)> expected, IEnumerable<(string Name, Tensor Value)> actual)
    {
        foreach (var (a, b) in expected.Zip(actual))
            Assert.True(a.Name == b.Name && a.Value.eq(b.Value).all().item<bool>(), a.Name);
    }
}
