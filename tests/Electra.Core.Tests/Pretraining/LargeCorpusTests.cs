using System.IO.Compression;
using System.Text;
using Electra.Tests.Hub;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx on corpora that are large for what they are given: little memory, or no time between two kills.</summary>
[Trait("Category", "Long")]
public sealed class LargeCorpusTests : IDisposable
{
    private const int MegabytesOfFile = 10;
    private static readonly string[] Words = TinyPretraining.Words;
    private readonly TinyPretraining tiny = new();

    public LargeCorpusTests() =>
        File.WriteAllLines(tiny.File("vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Words]);

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_corpus_ten_times_as_large_as_the_memory_is_prepared()
    {
        const int Limit = 64 << 20;
        Directory.CreateDirectory(tiny.File("texts"));
        var content = Compressed(seed: 1);
        for (int i = 0; i * MegabytesOfFile * 1_000_000L < 10L * Limit; i++)
            await File.WriteAllBytesAsync(tiny.File($"texts/{i:000}.txt.gz"), content, TestContext.Current.CancellationToken);
        // The first call compiles the script, which takes memory of its own.
        await tiny.Run("--help");

        var run = await Prepare("large", new() { ["DOTNET_GCHeapHardLimit"] = $"0x{Limit:X}" }, $"corpus={tiny.File("texts")}").Finish();

        run.Succeeded();
        // Told where the work is more than ten seconds of this machine.
        Assert.DoesNotMatch("To be prepared: about (?!6[0-9]{2} million characters)", run.Output);
        Assert.Matches("From [0-9,]+ documents with 6[0-9]{2},[0-9,]+ characters", run.Output);
    }

    [Fact]
    public async Task A_line_five_times_as_long_as_the_memory_is_prepared()
    {
        const int Limit = 128 << 20;
        var words = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(string.Join(' ', Words) + " ", 10_000)));
        await using (var file = File.Create(tiny.File("line.txt.gz")))
        await using (var gzip = new GZipStream(file, CompressionLevel.Fastest))
            for (long written = 0; written < 5L * Limit; written += words.Length)
                gzip.Write(words);
        await tiny.Run("--help");

        var limit = new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = $"0x{Limit:X}" };
        var run = await Prepare("line", limit, $"corpus={tiny.File("line.txt.gz")}").Finish();

        run.Succeeded();
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
        var environment = new Dictionary<string, string> { ["HF_ENDPOINT"] = server.Endpoint.ToString(), ["HF_HOME"] = tiny.File("hf") };
        var corpus = $"corpus={{source: 'hub:org/long', keep_downloads: {(keep ? "true" : "false")}}}";
        await tiny.Run("--help");
        (await Prepare("whole", environment, corpus).Finish()).Succeeded();
        Directory.Delete(tiny.File("hf"), recursive: true);

        var random = new Random(4);
        var journals = new HashSet<string>();
        for (int kills = 0; kills < Kills; kills++)
        {
            using var script = Prepare("killed", environment, corpus);
            var end = script.Finish();
            // Every second kill waits for the work to come further, however slow the machine is; then both are at a random moment.
            while (kills % 2 == 1 && !end.IsCompleted && !Journals().Any(journals.Add))
                await Task.Delay(10, TestContext.Current.CancellationToken);
            await Task.WhenAny(end, Task.Delay(TimeSpan.FromSeconds(random.NextDouble()), TestContext.Current.CancellationToken));
            bool isDone = end.IsCompleted;
            script.Kill();
            await end;
            if (Directory.Exists(tiny.File("hf")))
                HubFaultTests.AssertNothingWrong(tiny.File("hf"));
            if (isDone)
                break;
        }
        (await Prepare("killed", environment, corpus).Finish()).Succeeded();
        Assert.NotEmpty(journals);
        Assert.Equal(RunFolders.Prepared(tiny.File("whole")), RunFolders.Prepared(tiny.File("killed")));
        Assert.Equal(keep ? 16 : 0, Directory.GetFiles(tiny.File("hf"), "*.gz", SearchOption.AllDirectories).Length);
    }

    /// <summary>What the killed preparations left to go on from.</summary>
    private string[] Journals() =>
        Directory.Exists(tiny.File("killed"))
            ? [.. Directory.GetFiles(tiny.File("killed"), "preparation.json", SearchOption.AllDirectories).Select(File.ReadAllText)]
            : [];

    private RunningScript Prepare(string name, Dictionary<string, string> environment, params string[] overrides) =>
        tiny.Start(
            environment,
            [
                "only=data",
                $"vocabulary={tiny.File("vocab.txt")}",
                $"datasets={tiny.File(name)}",
                "examples.max_length=128",
                "workers=2",
                .. overrides,
            ]
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
