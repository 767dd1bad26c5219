using System.Diagnostics;
using System.Text.RegularExpressions;
using Electra.Tests.Hub;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>
/// <c>scripts/pretrain.csx -- configs/small.yaml</c> as it is, run as a process on a machine that has nothing but a network: a smaller
/// model and fewer steps, so that it ends, are all that is changed.
/// </summary>
public sealed class HubScriptTests : IAsyncLifetime
{
    private const string OpenWebText = "datasets/Skylion007/openwebtext", Vocabulary = "google/electra-small-discriminator";
    private const int Shards = 6;
    private static readonly string[] Words =
    [
        "the",
        "a",
        "small",
        "old",
        "red",
        "cat",
        "dog",
        "bird",
        "sees",
        "likes",
        "follows",
        "river",
        "house",
        "garden",
        "today",
        "again",
        ".",
    ];
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(
            File.Exists(Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")),
            "needs dotnet build -c Release"
        );
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
        var first = await Pretrain("first");
        Assert.True(first.ExitCode == 0, first.Error);
        Assert.All(
            ["openwebtext: 1,200 documents", "22 tokens; 0.00% of the text is [UNK]", "step         3", "ElectraForPreTraining"],
            part => Assert.Contains(part, first.Output)
        );
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
        var second = await Pretrain("second");
        Assert.True(second.ExitCode == 0, second.Error);
        Assert.Empty(server.FileRequests);
        Assert.Equal(
            [$"/api/{OpenWebText}/revision/main", $"/api/models/{Vocabulary}/revision/main"],
            server.Requests.Select(request => request.Path)
        );

        server.Requests.Clear();
        var offline = await Pretrain("offline", ("HF_HUB_OFFLINE", "1"));
        Assert.True(offline.ExitCode == 0, offline.Error);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Without_a_network_the_cache_serves_and_what_is_missing_is_named()
    {
        var nothing = await Pretrain("nothing", ("HF_HUB_OFFLINE", "1"));
        Refused(
            nothing,
            "HF_HUB_OFFLINE is set",
            "the dataset Skylion007/openwebtext is not in the cache",
            folder.File("hf"),
            "corpus=path/to/file.txt.gz"
        );
        Assert.Empty(server.Requests);

        Assert.Equal(0, (await Pretrain("whole", "only=data")).ExitCode);
        var pointer = Directory.GetFiles(folder.File("hf"), Path.GetFileName(Shard(2)), SearchOption.AllDirectories).Single();
        File.Delete(new FileInfo(pointer).ResolveLinkTarget(true)!.FullName);
        File.Delete(pointer);
        var shard = await Pretrain("shard", ("HF_HUB_OFFLINE", "1"), $"datasets={folder.File("datasets2")}");
        Refused(shard, "HF_HUB_OFFLINE is set", $"{Shard(2)} missing");

        Directory.Delete(folder.File("hf/hub/models--google--electra-small-discriminator"), recursive: true);
        var vocabulary = await Pretrain("vocabulary", ("HF_HUB_OFFLINE", "1"));
        Refused(vocabulary, "vocabulary:", $"the model {Vocabulary} is not in the cache", "vocabulary=path/to/vocab.txt");
        Assert.False(Directory.Exists(folder.File("runs/vocabulary_11081/states")));
    }

    [Fact]
    public async Task A_corpus_that_was_used_up_is_not_needed_again()
    {
        Assert.Equal(0, (await Pretrain("first", "only=data", "corpus={source: openwebtext, keep_downloads: false}")).ExitCode);
        Assert.Empty(Directory.GetFiles(folder.File("hf/hub"), "*.parquet", SearchOption.AllDirectories));
        server.Requests.Clear();
        var second = await Pretrain("second", ("HF_HUB_OFFLINE", "1"), "corpus={source: openwebtext, keep_downloads: false}");
        Assert.True(second.ExitCode == 0, second.Error);
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
        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Error));
        Assert.Equal(Shards, Contents);
        Assert.Equal(Stores("datasets-a"), Stores("datasets-b"));
    }

    [Theory, Trait("Category", "Long")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Processes_killed_at_random_moments_leave_a_valid_cache_and_the_last_one_ends_as_if_alone(bool keep)
    {
        const int Kills = 10;
        string[] options = ["only=data", $"corpus={{source: openwebtext, keep_downloads: {(keep ? "true" : "false")}}}"];
        Assert.Equal(0, (await Pretrain("whole", [.. options, $"datasets={folder.File("datasets-whole")}"])).ExitCode);
        Directory.Delete(folder.File("hf"), recursive: true);
        server.Fault = HubFaults.Slow("/lfs/", pieceBytes: 4_000, TimeSpan.FromMilliseconds(60));

        var random = new Random(9);
        for (int i = 0; i < Kills; i++)
        {
            // At a random moment once files are on their way.
            int before = Contents;
            using var process = Start("killed", options);
            while (Contents == before && !process.HasExited)
                await Task.Delay(10, TestContext.Current.CancellationToken);
            await Task.Delay(random.Next(300), TestContext.Current.CancellationToken);
            process.Kill();
            await ScriptRunner.Finish(process);
            HubFaultTests.AssertNothingWrong(folder.File("hf"));
        }
        var last = await Pretrain("killed", options);
        Assert.True(last.ExitCode == 0, last.Error);
        // Killed in the middle of a file, it was taken up there.
        Assert.Contains(server.Requests, request => request.Range is not null);
        Assert.Equal(Stores("datasets-whole"), Stores("datasets"));
        HubFaultTests.AssertNothingWrong(folder.File("hf"));
        Assert.Equal(keep ? Shards : 0, Directory.GetFiles(folder.File("hf"), "*.parquet", SearchOption.AllDirectories).Length);
        Assert.Empty(Directory.GetFiles(folder.File("hf"), "*.incomplete", SearchOption.AllDirectories));
    }

    /// <summary>Requests for the content of large files.</summary>
    private int Contents => server.FileRequests.Count(path => path.StartsWith("/lfs/"));

    private static string Shard(int i) => $"plain_text/train-{i:00000}-of-{Shards:00000}.parquet";

    private Task<ScriptResult> Pretrain(string name, params string[] overrides) => ScriptRunner.Finish(Start(name, overrides));

    private Task<ScriptResult> Pretrain(string name, (string Name, string Value) variable, params string[] overrides) =>
        ScriptRunner.Finish(Start(name, overrides, variable));

    private Process Start(string name, string[] overrides, params (string Name, string Value)[] variables)
    {
        var environment = variables
            .Append(("HF_ENDPOINT", server.Endpoint.ToString()))
            .Append(("HF_HOME", folder.File("hf")))
            .ToDictionary();
        return ScriptRunner.Start(
            folder,
            environment,
            [
                "-c",
                "release",
                TinyExperiment.Script,
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

    private static void Refused(ScriptResult run, params string[] said)
    {
        Assert.Equal(1, run.ExitCode);
        Assert.All(said, part => Assert.Contains(part, run.Error));
        Assert.DoesNotContain("   at ", run.Error);
    }

    /// <summary>The bytes of all files of prepared examples, by name.</summary>
    private SortedDictionary<string, string> Stores(string datasets) =>
        new(
            Directory
                .GetFiles(folder.File(datasets), "*", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) is not ("downloads.json" or "lock"))
                .ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(File.ReadAllBytes(file)))
        );
}
