using System.Text.RegularExpressions;
using Electra.Tests.Hub;

namespace Electra.Tests.Pretraining;

/// <summary>
/// <c>scripts/pretrain.csx -- configs/small.yaml</c> as it is, run as a process on a machine that has nothing but a network: a smaller
/// model and fewer steps, so that it ends, are all that is changed.
/// </summary>
public sealed class HubScriptTests : IAsyncLifetime
{
    private const string OpenWebText = "datasets/Skylion007/openwebtext", Vocabulary = "google/electra-small-discriminator";
    private const int Shards = 6;
    private static readonly string[] Words = TinyPretraining.Words;
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        var random = new Random(5);
        string Sentence() => string.Join(' ', Enumerable.Range(0, 12).Select(_ => Words[random.Next(Words.Length - 1)])) + " .";
        server.Add(
            OpenWebText,
            "README.md",
            "---\nconfigs:\n- config_name: plain_text\n  data_files:\n  - split: train\n    path: plain_text/train-*\n---\n# OpenWebText"
        );
        for (int i = 0; i < Shards; i++)
            server.Add(
                OpenWebText,
                Shard(i),
                await ParquetBytes.Of(
                    "text",
                    [.. Enumerable.Range(0, 200).Select(_ => string.Join("\n\n", Enumerable.Range(0, 8).Select(_ => Sentence())))]
                ),
                isLarge: true
            );
        server.Add(Vocabulary, "vocab.txt", string.Join('\n', ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words]) + "\n");
        server.Add(Vocabulary, "tokenizer_config.json", """{"do_lower_case": true}""");
        server.Add(Vocabulary, "pytorch_model.bin", new byte[1000], isLarge: true);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_machine_with_a_network_downloads_prepares_and_trains()
    {
        (await Pretrain("first"))
            .Succeeded()
            .Said("openwebtext: 1,200 documents", "22 tokens; 0.00% of the text is [UNK]", "step         3", "ElectraForPreTraining");
        Assert.Equal(
            [
                $"{OpenWebText}/README.md",
                .. Enumerable.Range(0, Shards).Select(i => $"{OpenWebText}/{Shard(i)}"),
                $"{Vocabulary}/tokenizer_config.json",
                $"{Vocabulary}/vocab.txt",
            ],
            server
                .FileRequests.Where(path => path.Contains("/resolve/"))
                .Select(path => Regex.Replace(path[1..], "/resolve/[0-9a-f]{40}", ""))
                .Order(StringComparer.Ordinal)
        );

        server.Requests.Clear();
        (await Pretrain("second")).Succeeded();
        Assert.Empty(server.FileRequests);
        Assert.Equal(
            [$"/api/{OpenWebText}/revision/main", $"/api/models/{Vocabulary}/revision/main"],
            server.Requests.Select(request => request.Path)
        );

        server.Requests.Clear();
        (await Pretrain("offline", ("HF_HUB_OFFLINE", "1"))).Succeeded();
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Without_a_network_the_cache_serves_and_what_is_missing_is_named()
    {
        var nothing = await Pretrain("nothing", ("HF_HUB_OFFLINE", "1"));
        nothing.Refused(
            "HF_HUB_OFFLINE is set",
            "the dataset Skylion007/openwebtext is not in the cache",
            folder.File("hf"),
            "corpus=path/to/file.txt.gz"
        );
        Assert.Empty(server.Requests);

        (await Pretrain("whole", "only=data")).Succeeded();
        var pointer = Directory.GetFiles(folder.File("hf"), Path.GetFileName(Shard(2)), SearchOption.AllDirectories).Single();
        File.Delete(new FileInfo(pointer).ResolveLinkTarget(true)!.FullName);
        File.Delete(pointer);
        var shard = await Pretrain("shard", ("HF_HUB_OFFLINE", "1"), $"datasets={folder.File("datasets2")}");
        shard.Refused("HF_HUB_OFFLINE is set", $"{Shard(2)} missing");

        Directory.Delete(folder.File("hf/hub/models--google--electra-small-discriminator"), recursive: true);
        var vocabulary = await Pretrain("vocabulary", ("HF_HUB_OFFLINE", "1"));
        vocabulary.Refused("vocabulary:", $"the model {Vocabulary} is not in the cache", "vocabulary=path/to/vocab.txt");
        Assert.False(Directory.Exists(folder.File("runs/vocabulary_11081/states")));
    }

    [Fact]
    public async Task A_corpus_that_was_used_up_is_not_needed_again()
    {
        (await Pretrain("first", "only=data", "corpus={source: openwebtext, keep_downloads: false}")).Succeeded();
        Assert.Empty(Directory.GetFiles(folder.File("hf/hub"), "*.parquet", SearchOption.AllDirectories));
        server.Requests.Clear();
        (await Pretrain("second", ("HF_HUB_OFFLINE", "1"), "corpus={source: openwebtext, keep_downloads: false}")).Succeeded();
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Two_processes_at_once_download_each_file_once()
    {
        // Long enough for both to want the same files.
        server.Fault = HubFaults.Slow("/lfs/", pieceBytes: 1_000_000, TimeSpan.FromMilliseconds(300));
        var runs = await Task.WhenAll(
            new[] { "a", "b" }.Select(name => Pretrain(name, "only=data", $"datasets={folder.File($"datasets-{name}")}"))
        );
        Assert.All(runs, run => run.Succeeded());
        Assert.Equal(Shards, Contents);
        Assert.Equal(Prepared("datasets-a"), Prepared("datasets-b"));
    }

    [Theory, Trait("Category", "Long")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Processes_killed_at_random_moments_leave_a_valid_cache(bool keep)
    {
        const int Kills = 10;
        string[] options = ["only=data", $"corpus={{source: openwebtext, keep_downloads: {(keep ? "true" : "false")}}}"];
        (await Pretrain("whole", [.. options, $"datasets={folder.File("datasets-whole")}"])).Succeeded();
        Directory.Delete(folder.File("hf"), recursive: true);
        server.Fault = HubFaults.Slow("/lfs/", pieceBytes: 4_000, TimeSpan.FromMilliseconds(60));

        var random = new Random(9);
        for (int i = 0; i < Kills; i++)
        {
            // At a random moment once files are on their way.
            int before = Contents;
            using var script = Start("killed", options);
            while (Contents == before && !script.HasExited)
                await Task.Delay(10, TestContext.Current.CancellationToken);
            await Task.Delay(random.Next(300), TestContext.Current.CancellationToken);
            script.Kill();
            await script.Finish();
            HubFaultTests.AssertNothingWrong(folder.File("hf"));
        }
        (await Pretrain("killed", options)).Succeeded();
        // Killed in the middle of a file, it was taken up there.
        Assert.Contains(server.Requests, request => request.Range is not null);
        Assert.Equal(Prepared("datasets-whole"), Prepared("datasets"));
        HubFaultTests.AssertNothingWrong(folder.File("hf"));
        Assert.Equal(keep ? Shards : 0, Directory.GetFiles(folder.File("hf"), "*.parquet", SearchOption.AllDirectories).Length);
        Assert.Empty(Directory.GetFiles(folder.File("hf"), "*.incomplete", SearchOption.AllDirectories));
    }

    /// <summary>Requests for the content of large files.</summary>
    private int Contents => server.FileRequests.Count(path => path.StartsWith("/lfs/"));

    private static string Shard(int i) => $"plain_text/train-{i:00000}-of-{Shards:00000}.parquet";

    private Task<ScriptResult> Pretrain(string name, params string[] overrides) => Start(name, overrides).Finish();

    private Task<ScriptResult> Pretrain(string name, (string Name, string Value) variable, params string[] overrides) =>
        Start(name, overrides, variable).Finish();

    private RunningScript Start(string name, string[] overrides, params (string Name, string Value)[] variables)
    {
        var environment = variables
            .Append(("HF_ENDPOINT", server.Endpoint.ToString()))
            .Append(("HF_HOME", folder.File("hf")))
            .ToDictionary();
        return ScriptRunner.Start(
            folder,
            environment,
            [
                ScriptRunner.Kit("pretrain.csx"),
                "--",
                "configs/small.yaml",
                $"name={name}",
                $"datasets={folder.File("datasets")}",
                $"checkpoints.folder={folder.File("runs")}",
                "model={embedding_size: 16, hidden_size: 32, layers: 1, attention_heads: 2, intermediate_size: 64, generator_divisor: 2}",
                "training={steps: 3, batch_size: 8, warmup_steps: 1}",
                "examples.max_length=32",
                "evaluation.examples=16",
                "logging.every=1",
                "compute={device: cpu, threads: 1}",
                .. overrides,
            ]
        );
    }

    private SortedDictionary<string, string> Prepared(string datasets) => RunFolders.Prepared(folder.File(datasets));
}
