
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tests.Data.Examples;
using Electra.Tests.Hub;

namespace Electra.Tests.Pretraining;

public sealed class PreparationEstimateTests : IDisposable
{
    // 5 million characters each.
    private static readonly string Text = string.Join(
        "\n\n",
        Made.Documents(2200, mostLines: 40).Select(document => document.Trim()).Where(document => document.Length > 0)
    );
    private static readonly ExampleSettings Settings = new() { MaxLength = 64 };
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_is_close_to_what_comes()
    {
        foreach (var name in new[] { "a.txt", "b.txt", "c.txt" })
            File.WriteAllText(folder.File(name), Text);
        var corpus = Corpus.Open(CorpusOptions.Parse(folder.Path));

        var estimate = Measure(corpus)!;

        var examples = folder.File("examples");
        using var prepared = ExamplePreparation.Prepare(Made.Source(corpus.Documents()), Settings, examples);
        Within(0.03, prepared.Summary.Characters, estimate.Characters);
        Within(0.05, prepared.Train.Count + prepared.HeldOut.Count, estimate.Examples);
        Within(
            0.05,
            Directory.GetFiles(examples, "*.tokens").Concat(Directory.GetFiles(examples, "*.index")).Sum(file => new FileInfo(file).Length),
            estimate.DiskBytes
        );
        Assert.InRange(estimate.Time.TotalSeconds, 0.01, 60);
        Assert.Equal(0, estimate.DownloadBytes);
    }

    [Fact]
    public void A_corpus_that_is_done_in_a_moment_is_not_worth_one()
    {
        File.WriteAllText(folder.File("a.txt"), Text[..1_000_000]);
        Assert.Null(Measure(Corpus.Open(CorpusOptions.Parse(folder.Path))));
        Assert.Null(Measure(Corpus.From("own", "1", () => [Text])));
    }

    [Fact]
    public async Task What_is_to_be_downloaded_is_told_and_only_the_start_of_it_read()
    {
        await using var server = await HubServer.Start();
        for (int i = 0; i < 20; i++)
            server.Add("datasets/org/data", $"part-{i:00}.txt", $"{i:00}{Text[..2_499_998]}", isLarge: true);
        using var hub = server.Client(folder.Path);
        var corpus = Corpus.Open(CorpusOptions.Parse("hub:org/data"), hub);

        var estimate = Measure(corpus)!;

        Assert.Equal(50_000_000, estimate.DownloadBytes);
        Within(0.03, 50_000_000, estimate.Characters);
        Assert.InRange(server.FileRequests.Count(path => path.Contains("/lfs/")), 2, 12);
    }

    [Fact]
    public void It_is_one_line_and_refuses_what_the_disk_has_no_room_for()
    {
        var output = new StringWriter();
        var console = new RunConsole(output, terminal: null);
        new PreparationEstimate(4e10, 8e7, 2e7, 13_000_000_000, TimeSpan.FromMinutes(100)).Tell(console, folder.Path, dropsDownloads: true);
        Assert.Matches(
            @"^To be prepared: about 40,000 million characters, 80\.00 million examples, 20 MB on the disk "
                + @"\([0-9.,]+ GB free\), 1\.7 hours; 13\.0 GB to download, each file removed after its use\.\n$",
            output.ToString()
        );

        var huge = new PreparationEstimate(4e10, 8e7, 1e18, 0, TimeSpan.Zero);
        Assert.Contains(
            "datasets=",
            Assert.Throws<UserErrorException>(() => huge.Tell(console, folder.Path, dropsDownloads: false)).Message
        );
    }

    private static PreparationEstimate? Measure(Corpus corpus) =>
        PreparationEstimate.Measure(corpus, Made.Source([]), Settings, workers: 2, null, TestContext.Current.CancellationToken);

    private static void Within(double share, double expected, double actual) => Assert.InRange(actual / expected, 1 - share, 1 + share);
}
