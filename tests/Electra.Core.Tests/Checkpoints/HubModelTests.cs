using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Hub;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Models by their names on the hub.</summary>
public sealed class HubModelTests : IAsyncLifetime
{
    private const string Name = "org/tiny-discriminator";

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly ElectraPair pair = ElectraPair.Create(TinyPair.Config, seed: 4, Compute.Reference);
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, TinyPair.Tokenizer());
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        pair.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_model_is_downloaded_once_and_only_what_is_needed_of_it()
    {
        Serve("config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors");
        server.Add(Name, "pytorch_model.bin", new byte[1000], isLarge: true);
        server.Add(Name, "tf_model.h5", new byte[1000], isLarge: true);
        AssertOpens();
        Assert.DoesNotContain(
            server.FileRequests,
            path => path.EndsWith(".bin", StringComparison.Ordinal) || path.EndsWith(".h5", StringComparison.Ordinal)
        );

        int requests = server.FileRequests.Count();
        AssertOpens();
        Assert.Equal(requests, server.FileRequests.Count());
    }

    [Fact]
    public void An_older_repository_without_safetensors_gives_its_pickled_weights()
    {
        Serve("config.json", "vocab.txt");
        var golden = TestData.Fixture("golden/h_hf_tiny_discriminator");
        server.Add(Name, "config.json", File.ReadAllBytes(Path.Combine(golden, "config.json")));
        server.Add(Name, "pytorch_model.bin", File.ReadAllBytes(Path.Combine(golden, "pytorch_model.bin")), isLarge: true);
        using var hub = server.Client(folder.File("cache"));
        using var model = PretrainedModel.Open(Name, hub: hub);
        Assert.True(model.HasTokenizer);
        Assert.Contains("electra.embeddings.word_embeddings.weight", model.Tensors.Keys);
    }

    [Fact]
    public void Weights_in_several_files_come_with_their_index()
    {
        Serve("config.json", "vocab.txt");
        var weights = pair.DiscriminatorWeights().ToArray();
        (string, (string Name, Tensor Value)[])[] shards =
        [
            ("model-00001-of-00002.safetensors", weights[..10]),
            ("model-00002-of-00002.safetensors", weights[10..]),
        ];
        foreach (var (file, part) in shards)
        {
            SafeTensors.Save(folder.File(file), part);
            server.Add(Name, file, File.ReadAllBytes(folder.File(file)), isLarge: true);
        }
        var places = shards.SelectMany(shard => shard.Item2.Select(weight => $"\"{weight.Name}\": \"{shard.Item1}\""));
        server.Add(
            Name,
            "model.safetensors.index.json",
            $$"""{"metadata": {"total_size": NaN}, "weight_map": { {{string.Join(",", places)}} } }"""
        );
        AssertOpens();
    }

    [Fact]
    public void What_is_not_on_the_hub_or_no_model_is_said_so()
    {
        server.Add(Name, "config.json", "{}");
        using var hub = server.Client(folder.File("cache"));
        var noWeights = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Name, hub: hub)).Message;
        Assert.Contains($"{Name} holds no model: none of model.safetensors", noWeights);
        var nobody = Assert.Throws<UserErrorException>(() => PretrainedModel.Open("org/nobody", hub: hub)).Message;
        Assert.Contains("there is no org/nobody on this machine, and", nobody);
        server.Token = "secret";
        Assert.Contains("HF_TOKEN", Assert.Throws<UserErrorException>(() => PretrainedModel.Open("org/private", hub: hub)).Message);
    }

    private void Serve(params string[] files)
    {
        foreach (var file in files)
            server.Add(
                Name,
                file,
                File.ReadAllBytes(folder.File($"pair/discriminator/{file}")),
                isLarge: file.EndsWith(".safetensors", StringComparison.Ordinal)
            );
    }

    private void AssertOpens()
    {
        using var hub = server.Client(folder.File("cache"));
        using var model = PretrainedModel.Open(Name, hub: hub);
        using var other = ElectraPair.Create(TinyPair.Config, seed: 5, Compute.Reference);
        Assert.Empty(model.Fill(other.DiscriminatorWeights()).Missing);
        foreach (var (expected, actual) in pair.DiscriminatorWeights().Zip(other.DiscriminatorWeights()))
            Assert.True(expected.Value.eq(actual.Value).all().item<bool>(), expected.Name);
        Assert.Equal("t0", model.Tokenizer.Vocabulary[5]);
    }
}
