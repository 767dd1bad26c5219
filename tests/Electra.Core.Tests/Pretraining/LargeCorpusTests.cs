using System.Diagnostics;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Electra.Tests.Hub;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx on corpora that are large for what they are given: little memory, or no time between two kills.</summary>
[Trait("Category", "Long")]
public sealed class LargeCorpusTests : IDisposable
{
    private const int MegabytesOfFile = 10;
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
    ];
    private readonly TemporaryFolder folder = TestData.Temporary();

    public LargeCorpusTests()
    {
        TinyExperiment.Write(folder);
        File.WriteAllLines(folder.File("vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words]);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_corpus_ten_times_as_large_as_the_memory_is_prepared()
    {
        const int Limit = 64 << 20;
        Directory.CreateDirectory(folder.File("texts"));
        var content = Compressed(seed: 1);
        for (int i = 0; i * MegabytesOfFile * 1_000_000L < 10L * Limit; i++)
            await File.WriteAllBytesAsync(folder.File($"texts/{i:000}.txt.gz"), content, TestContext.Current.CancellationToken);
        // The first call compiles the script, which takes memory of its own.
        await ScriptRunner.Run(folder, "-c", "release", TinyExperiment.Script, "--", "--help");

        var run = await ScriptRunner.Finish(
            Start("large", new() { ["DOTNET_GCHeapHardLimit"] = $"0x{Limit:X}" }, $"corpus={folder.File("texts")}")
        );

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Matches("To be prepared: about 6[0-9]{2} million characters", run.Output);
        Assert.Matches("From [0-9,]+ documents with 6[0-9]{2},[0-9,]+ characters", run.Output);
    }

    [Fact]
    public async Task A_line_five_times_as_long_as_the_memory_is_prepared()
    {
        const int Limit = 128 << 20;
        var words = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(string.Join(' ', Words) + " ", 10_000)));
        await using (var file = File.Create(folder.File("line.txt.gz")))
        await using (var gzip = new GZipStream(file, CompressionLevel.Fastest))
            for (long written = 0; written < 5L * Limit; written += words.Length)
                gzip.Write(words);
        await ScriptRunner.Run(folder, "-c", "release", TinyExperiment.Script, "--", "--help");

        var run = await ScriptRunner.Finish(
            Start("line", new() { ["DOTNET_GCHeapHardLimit"] = $"0x{Limit:X}" }, $"corpus={folder.File("line.txt.gz")}")
        );

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Matches("From [0-9,]+ documents with 67[0-9],[0-9,]+ characters", run.Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_preparation_killed_at_random_moments_goes_on_to_the_same_bits(bool keep)
    {
        const int Kills = 8;
        await using var server = await HubServer.Start();
        for (int i = 0; i < 16; i++)
            server.Add("datasets/org/long", $"part-{i:00}.txt.gz", Compressed(seed: i), isLarge: true);
        var environment = new Dictionary<string, string> { ["HF_ENDPOINT"] = server.Endpoint.ToString(), ["HF_HOME"] = folder.File("hf") };
        var corpus = $"corpus={{source: 'hub:org/long', keep_downloads: {(keep ? "true" : "false")}}}";
        await ScriptRunner.Run(folder, "-c", "release", TinyExperiment.Script, "--", "--help");
        var clock = Stopwatch.StartNew();
        var whole = await ScriptRunner.Finish(Start("whole", environment, corpus));
        var length = clock.Elapsed;
        Assert.True(whole.ExitCode == 0, whole.Error);
        Directory.Delete(folder.File("hf"), recursive: true);

        var random = new Random(4);
        var journals = new HashSet<string>();
        for (int kills = 0; kills < Kills; kills++)
        {
            using var process = Start("killed", environment, corpus);
            await Task.WhenAny(
                process.WaitForExitAsync(TestContext.Current.CancellationToken),
                Task.Delay(length * (0.3 + 0.6 * random.NextDouble()), TestContext.Current.CancellationToken)
            );
            bool isDone = process.HasExited;
            process.Kill();
            await ScriptRunner.Finish(process);
            if (Directory.Exists(folder.File("hf")))
                HubFaultTests.AssertNothingWrong(folder.File("hf"));
            foreach (
                var journal in Directory.Exists(folder.File("killed"))
                    ? Directory.GetFiles(folder.File("killed"), "preparation.json", SearchOption.AllDirectories)
                    : []
            )
                journals.Add(await File.ReadAllTextAsync(journal, TestContext.Current.CancellationToken));
            if (isDone)
                break;
        }
        var last = await ScriptRunner.Finish(Start("killed", environment, corpus));
        Assert.True(last.ExitCode == 0, last.Error);
        Assert.NotEmpty(journals);
        Assert.Equal(Stores("whole"), Stores("killed"));
        Assert.Equal(keep ? 16 : 0, Directory.GetFiles(folder.File("hf"), "*.gz", SearchOption.AllDirectories).Length);
    }

    private Process Start(string name, Dictionary<string, string> environment, params string[] overrides) =>
        ScriptRunner.Start(
            folder,
            environment,
            [
                "-c",
                "release",
                TinyExperiment.Script,
                "--",
                folder.File("tiny.yaml"),
                "only=data",
                $"vocabulary={folder.File("vocab.txt")}",
                $"datasets={folder.File(name)}",
                "examples.max_length=128",
                "workers=2",
                .. overrides,
            ]
        );

    private SortedDictionary<string, string> Stores(string datasets) =>
        new(
            Directory
                .GetFiles(folder.File(datasets), "*", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) is not ("downloads.json" or "lock"))
                .ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))))
        );

    /// <summary>Ten million characters of text: a million, ten times, so that it is made and compressed in a moment.</summary>
    private static byte[] Compressed(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        while (text.Length < 1_000_000)
        {
            for (int line = 0; line < 40; line++)
                text.AppendJoin(' ', Enumerable.Range(0, 60).Select(_ => Words[random.Next(Words.Length)])).Append('\n');
            text.Append('\n');
        }
        var bytes = Encoding.ASCII.GetBytes(text.ToString());
        var content = new MemoryStream();
        using (var gzip = new GZipStream(content, CompressionLevel.Fastest))
            for (int i = 0; i < MegabytesOfFile; i++)
                gzip.Write(bytes);
        return content.ToArray();
    }
}
