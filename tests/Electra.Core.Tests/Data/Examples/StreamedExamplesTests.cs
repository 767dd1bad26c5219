
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Hub;
using Electra.Tests.Hub;

namespace Electra.Tests.Data.Examples;

/// <summary>Examples of a corpus whose files are downloaded while it is read, and removed once they were used.</summary>
public sealed class StreamedExamplesTests : IAsyncLifetime
{
    private const int Files = 12;
    private static readonly ExampleSettings Settings = new() { MaxLength = 64, HeldOut = 0.1 };
    private static readonly PreparationGrain Grain = new(SegmentCharacters: 20_000, SegmentsPerEntry: 4);
    private static readonly CorpusOptions Streamed = new() { Source = ["hub:org/data"], KeepDownloads = false };
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;
    private HubClient hub = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        hub = server.Client(folder.File("cache"));
        // 100,000 characters each: five segments, and so more than one entry in the journal.
        for (int i = 0; i < Files; i++)
            server.Add("datasets/org/data", $"part-{i:00}.txt", Text(i), isLarge: true);
    }

    public async ValueTask DisposeAsync()
    {
        hub.Dispose();
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public void They_are_those_of_files_that_stay_and_no_file_stays()
    {
        int most = 0;
        Prepare("streamed", Streamed, document => most = Math.Max(most, Downloads));
        Assert.Equal(0, Downloads);
        // The one in use, four ahead of it, and those that the journal does not cover yet.
        Assert.InRange(most, 1, 7);

        Prepare("kept", Streamed with { KeepDownloads = true });
        Assert.Equal(Files, Downloads);
        Assert.Equal(Stores("kept"), Stores("streamed"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(130)]
    [InlineData(300)]
    [InlineData(420)]
    public void Interrupted_work_goes_on_without_the_files_that_were_used(int documents)
    {
        Prepare("whole", Streamed with { KeepDownloads = true });
        Directory.Delete(folder.File("cache"), recursive: true);

        Interrupt("resumed", Streamed, documents);
        var used = File.Exists(folder.File("resumed/downloads.json")) ? File.ReadAllText(folder.File("resumed/downloads.json")) : "";
        server.Requests.Clear();
        Prepare("resumed", Streamed);

        Assert.Equal(Stores("whole"), Stores("resumed"));
        Assert.Equal(0, Downloads);
        Assert.True(documents < 200 || used.Contains("part-00.txt"));
        Assert.DoesNotContain(server.FileRequests, path => used.Contains(Path.GetFileName(path)));
    }

    [Fact]
    public void Work_interrupted_again_and_again_comes_to_the_same_end()
    {
        Prepare("whole", Streamed with { KeepDownloads = true });
        Directory.Delete(folder.File("cache"), recursive: true);
        var random = new Random(3);
        for (int i = 0; i < 15; i++)
            Interrupt("resumed", Streamed, random.Next(1, 120));
        Prepare("resumed", Streamed);
        Assert.Equal(Stores("whole"), Stores("resumed"));
        Assert.Equal(0, Downloads);
    }

    [Fact]
    public async Task What_was_in_the_cache_before_stays_there()
    {
        var snapshot = await hub.OpenAsync(HubRepository.Parse(HubKind.Dataset, "org/data"), TestContext.Current.CancellationToken);
        await snapshot.DownloadAsync(snapshot.Matching("part-03.txt"), null, TestContext.Current.CancellationToken);
        Prepare("streamed", Streamed);
        Assert.Equal(1, Downloads);
        Assert.True(snapshot.Has(snapshot.Matching("part-03.txt").Single()));
    }

    [Fact]
    public void Files_of_one_content_share_it_until_the_last_was_used()
    {
        foreach (int i in new[] { 2, 5, 6 })
            server.Add("datasets/org/data", $"part-{i:00}.txt", Text(1), isLarge: true);
        Prepare("streamed", Streamed);
        Assert.Equal(0, Downloads);
        Prepare("kept", Streamed with { KeepDownloads = true });
        Assert.Equal(Stores("kept"), Stores("streamed"));
    }

    [Fact]
    public void A_mix_by_weight_goes_on_too()
    {
        for (int i = 0; i < 4; i++)
            server.Add("datasets/org/more", $"part-{i:00}.txt", Text(50 + i), isLarge: true);
        var mix = new CorpusOptions
        {
            Mix = [new() { Source = ["hub:org/data"], Weight = 3 }, new() { Source = ["hub:org/more"], Weight = 1 }],
            KeepDownloads = false,
        };
        Prepare("whole", mix with { KeepDownloads = true });
        Directory.Delete(folder.File("cache"), recursive: true);
        Interrupt("resumed", mix, 300);
        Prepare("resumed", mix);
        Assert.Equal(Stores("whole"), Stores("resumed"));
    }

    [Fact]
    public void A_corpus_that_changed_since_is_noticed()
    {
        Interrupt("resumed", Streamed, 300);
        var used = File.ReadAllText(folder.File("resumed/downloads.json"));
        foreach (int i in Enumerable.Range(0, Files).Where(i => !used.Contains($"part-{i:00}.txt")))
            server.Add("datasets/org/data", $"part-{i:00}.txt", "one more\n\n" + Text(i), isLarge: true);
        Assert.Contains(
            "has changed since its preparation began",
            Assert.Throws<UserErrorException>(() => Prepare("resumed", Streamed)).Message
        );
    }

    private int Downloads =>
        !Directory.Exists(folder.File("cache"))
            ? 0
            : Directory
                .GetFiles(folder.File("cache"), "*", SearchOption.AllDirectories)
                .Count(path => Path.GetFileName(Path.GetDirectoryName(path)) == "blobs" && !path.EndsWith(".incomplete"));

    /// <summary>Prepares as a run does, a little at a time.</summary>
    private void Prepare(string name, CorpusOptions options, Action<string>? each = null)
    {
        var corpus = Corpus.Open(options, hub);
        var downloads = new UsedDownloads(corpus, Path.Combine(folder.File(name), "downloads.json"));
        var source = Made.Source(corpus.Documents()) with
        {
            DocumentsAfter = (documents, characters) =>
                downloads
                    .DocumentsAfter(documents, characters, null, TestContext.Current.CancellationToken, "")
                    .Select(document =>
                    {
                        each?.Invoke(document);
                        return document;
                    }),
            Prepared = downloads.Remove,
        };
        ExamplePreparation
            .Prepare(source, Settings, folder.File(name), Grain, workers: 2, null, TestContext.Current.CancellationToken)
            .Dispose();
    }

    private void Interrupt(string name, CorpusOptions options, int documents)
    {
        int read = 0;
        try
        {
            Prepare(name, options, _ =>
            {
                if (read++ == documents)
                    throw new TestInterruption();
            });
        }
        catch (TestInterruption)
        {
        }
    }

    private SortedDictionary<string, string> Stores(string name) =>
        new(
            Directory
                .GetFiles(folder.File(name))
                .Where(file => !file.EndsWith("downloads.json"))
                .ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(File.ReadAllBytes(file)))
        );

    private static string Text(int seed) =>
        string.Join("\n\n", Made.Documents(43, seed).Select(document => document.Trim()).Where(document => document.Length > 0));

    private sealed class TestInterruption : Exception;
}
