
using Electra.Data.Corpora;
using Electra.Hub;
using Electra.Tests.Hub;

namespace Electra.Tests.Data.Corpora;

/// <summary>Corpora by name, from a hub on this machine.</summary>
public sealed class HubCorpusTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;
    private HubClient hub = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        hub = server.Client(folder.Path);
    }

    public async ValueTask DisposeAsync()
    {
        hub.Dispose();
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Openwebtext_is_every_parquet_file_of_its_repository()
    {
        for (int i = 0; i < 3; i++)
            server.Add(
                "datasets/Skylion007/openwebtext",
                $"plain_text/train-0000{i}-of-00003.parquet",
                await ParquetBytes.Of("text", $"Document {i}.", $"Another {i}."),
                isLarge: true
            );
        server.Add("datasets/Skylion007/openwebtext", "README.md", "# OpenWebText");
        server.Add("datasets/Skylion007/openwebtext", "openwebtext.py", "raise SystemExit");
        Assert.Equal(["Document 0.", "Another 0.", "Document 1.", "Another 1.", "Document 2.", "Another 2."], Read("openwebtext"));
    }

    [Fact]
    public async Task Wikipedia_is_a_language_and_a_date_and_is_cleaned()
    {
        var line = new string('x', 90);
        foreach (var language in new[] { "en", "de" })
            server.Add(
                "datasets/wikimedia/wikipedia",
                $"20231101.{language}/train-00000-of-00001.parquet",
                await ParquetBytes.Of("text", $"Title\n{language} () {line}"),
                isLarge: true
            );
        Assert.Equal([$"en () {line}"], Read("wikipedia"));
        Assert.Equal([$"de () {line}"], Read("wikipedia:20231101.de"));
        Assert.Equal([$"de () {line}"], Read(new CorpusOptions { Source = ["wikipedia"], Config = "20231101.de" }));
        Assert.Equal([$"Title\nen () {line}"], Read(new CorpusOptions { Source = ["wikipedia"], Cleaning = Cleaning.None }));
        Refused("wikipedia:19990101.en", "no configuration 19990101.en", "20231101.de");
    }

    [Fact]
    public async Task A_data_set_that_is_a_program_is_read_from_the_hubs_own_conversion()
    {
        server.Add("datasets/bookcorpus/bookcorpus", "bookcorpus.py", "raise SystemExit");
        server.AddBranch("datasets/bookcorpus/bookcorpus", "refs/convert/parquet", "plain_text/partial-train/0000.parquet",
            await ParquetBytes.Of("text", [.. Enumerable.Range(0, 1500).Select(i => $"sentence {i} .")]));
        var documents = Read("bookcorpus");
        // Its rows are sentences: a thousand of them are a document.
        Assert.Equal([1000, 500], documents.Select(document => document.Split('\n').Length));
    }

    [Fact]
    public void The_card_says_which_files_a_configuration_and_a_split_are()
    {
        const string Repository = "datasets/org/cards";
        server.Add(Repository, "README.md", """
            ---
            license: mit
            configs:
            - config_name: full
              default: true
              data_files:
              - split: train
                path: data/*/*.jsonl
              - split: validation
                path: [held/a.jsonl, held/b.jsonl]
            - config_name: sample
              data_files: sample/**/part-[0-9].jsonl
            ---
            # Cards
            """
        );
        foreach (
            var path in new[]
            {
                "data/x/1.jsonl",
                "data/y/2.jsonl",
                "held/a.jsonl",
                "held/b.jsonl",
                "sample/part-1.jsonl",
                "sample/deep/part-2.jsonl",
                "sample/other.jsonl",
            }
        )
            server.Add(Repository, path, $$"""{"body": "{{path}}"}""");
        var options = new CorpusOptions { Source = ["hub:org/cards"], TextField = "body" };
        Assert.Equal(["data/x/1.jsonl", "data/y/2.jsonl"], Read(options));
        Assert.Equal(["held/a.jsonl", "held/b.jsonl"], Read(options with { Split = "validation" }));
        Assert.Equal(["sample/deep/part-2.jsonl", "sample/part-1.jsonl"], Read(options with { Source = ["hub:org/cards:sample"] }));
        Refused(options with { Config = "none" }, "no configuration none", "full, sample");
        Refused(options with { Split = "test" }, "no split test", "train, validation");
        Refused(options with { TextField = "text" }, "no field text", "body");
    }

    [Fact]
    public void Without_a_card_the_names_of_files_say_which_split_they_are()
    {
        foreach (var path in new[] { "data/train.txt", "data/my-test-0.txt", "dev/a.txt", "LICENSE.txt", "latest/training_1.txt" })
            server.Add("datasets/org/names", path, path);
        Assert.Equal(["data/train.txt", "latest/training_1.txt"], Read("hub:org/names"));
        Assert.Equal(["data/my-test-0.txt"], Read(new CorpusOptions { Source = ["hub:org/names"], Split = "test" }));
        Assert.Equal(["dev/a.txt"], Read(new CorpusOptions { Source = ["hub:org/names"], Split = "validation" }));
        Refused(new CorpusOptions { Source = ["hub:org/names"], Split = "extra" }, "no split extra", "train, validation, test");
    }

    [Fact]
    public void A_revision_can_be_named()
    {
        server.Add("datasets/org/versions", "a.txt", "old");
        var commit = server.Commit("datasets/org/versions");
        Assert.Equal(["old"], Read($"hub:org/versions@{commit}"));
        Refused("hub:org/versions@none", "no revision none");
        Refused("hub:not a name", "organisation/name is expected");
    }

    [Fact]
    public void The_fingerprint_follows_the_text_and_not_the_commit()
    {
        server.Add("datasets/org/data", "a.txt", "text");
        var first = Open("hub:org/data").Fingerprint;
        server.Add("datasets/org/data", "README.md", "new words about it");
        Assert.Equal(first, Open("hub:org/data").Fingerprint);
        server.Add("datasets/org/data", "a.txt", "other text");
        Assert.NotEqual(first, Open("hub:org/data").Fingerprint);
    }

    [Fact]
    public void A_hub_that_cannot_be_reached_is_said_at_once_with_what_would_do()
    {
        using var nowhere = new HubClient(new HubSettings(new Uri("http://127.0.0.1:9/"), folder.Path));
        var message = Assert.Throws<UserErrorException>(() => Corpus.Open(CorpusOptions.Parse("openwebtext"), nowhere)).Message;
        Assert.All(
            ["corpus: the dataset Skylion007/openwebtext", "not reachable", "corpus=path/to/file.txt.gz", "dotnet-docs"],
            part => Assert.Contains(part, message)
        );
    }

    [Fact]
    public void Sources_one_after_the_other_may_be_files_and_names()
    {
        server.Add("datasets/org/data", "a.txt", "from the hub");
        File.WriteAllText(folder.File("b.txt"), "from a file");
        var corpus = Corpus.Open(new CorpusOptions { Source = [folder.File("b.txt"), "hub:org/data"] }, hub);
        Assert.Equal(["from a file", "from the hub"], corpus.Documents());
    }

    [Fact]
    public void Reading_begins_with_the_first_file_while_the_others_are_downloaded()
    {
        for (int i = 0; i < 8; i++)
            server.Add("datasets/org/data", $"part-{i}.txt", $"text {i}", isLarge: true);
        var last = new TaskCompletionSource();
        server.Fault = async context =>
        {
            // The second file comes when the first has been read.
            if (context.Request.Path.Value!.Contains("part-1."))
                await last.Task;
            return false;
        };
        var read = new List<string>();
        foreach (var document in Open("hub:org/data").Documents())
        {
            read.Add(document);
            last.TrySetResult();
        }
        Assert.Equal(Enumerable.Range(0, 8).Select(i => $"text {i}"), read);
    }

    [Fact]
    public void Reading_that_stops_stops_the_downloads()
    {
        for (int i = 0; i < 20; i++)
            server.Add("datasets/org/data", $"part-{i:00}.txt", $"text {i}", isLarge: true);
        Assert.Equal("text 0", Open("hub:org/data").Documents().First());
        Assert.InRange(server.FileRequests.Count(path => path.Contains("/lfs/")), 1, 6);
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(0.2, 0.8)]
    public void Weights_are_shares_of_the_characters(double first, double second)
    {
        File.WriteAllText(folder.File("a.txt"), Documents('a', 4000, 10));
        File.WriteAllText(folder.File("b.txt"), Documents('b', 1000, 40));
        var mix = new CorpusOptions
        {
            Mix = [new() { Source = [folder.File("a.txt")], Weight = first }, new() { Source = [folder.File("b.txt")], Weight = second }],
        };

        string[] documents = [.. Corpus.Open(mix).Documents()];

        // Both have as much text: the one with the larger weight ends first. The shares hold at any point, within a document.
        double a = 0, b = 0;
        foreach (var document in documents)
        {
            (a, b) = document[0] == 'a' ? (a + document.Length, b) : (a, b + document.Length);
            Assert.InRange(a / first - b / second, -41 / Math.Min(first, second), 41 / Math.Min(first, second));
        }
        Assert.Equal(40_000, Math.Max(a, b), 40.0);
        Assert.Equal(documents, Corpus.Open(mix).Documents());

        string[] longest = [.. Corpus.Open(mix with { MixEnd = MixEnd.Longest }).Documents()];
        double shorter = longest.Where(d => d[0] == (first > second ? 'b' : 'a')).Sum(d => d.Length);
        Assert.Equal(40_000, shorter, 40.0);
        Assert.NotEqual(Corpus.Open(mix).Fingerprint, Corpus.Open(mix with { MixEnd = MixEnd.Longest }).Fingerprint);
    }

    [Fact]
    public void A_mix_without_weights_is_everything_once()
    {
        File.WriteAllText(folder.File("a.txt"), "one\n\ntwo");
        File.WriteAllText(folder.File("b.txt"), "three");
        CorpusOptions Part(string name, double weight = 0) => new() { Source = [folder.File(name)], Weight = weight };
        Assert.Equal(["one", "two", "three"], Read(new CorpusOptions { Mix = [Part("a.txt"), Part("b.txt")] }));
        Refused(new CorpusOptions { Mix = [Part("a.txt", 1), Part("b.txt")] }, "1 of 2 parts have a weight");
        Refused(new CorpusOptions { Source = ["x"], Mix = [Part("a.txt")] }, "both source and mix");
    }

    [Fact]
    public async Task Rows_of_a_parquet_file_on_the_hub_that_is_damaged_are_refused_by_its_name()
    {
        var bytes = await ParquetBytes.Of("text", [.. Enumerable.Range(0, 1000).Select(i => $"Row {i}.")]);
        server.Add("datasets/org/data", "bad.parquet", bytes.AsSpan(0, bytes.Length / 2));
        Refused("hub:org/data", "bad.parquet cannot be read");
    }

    private Corpus Open(string source) => Corpus.Open(CorpusOptions.Parse(source), hub);

    private string[] Read(string source) => Read(CorpusOptions.Parse(source));

    private string[] Read(CorpusOptions options) => [.. Corpus.Open(options, hub).Documents()];

    private void Refused(string source, params string[] said) => Refused(CorpusOptions.Parse(source), said);

    private void Refused(CorpusOptions options, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(() => Read(options)).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }

    private static string Documents(char letter, int count, int length) =>
        string.Join("\n\n", Enumerable.Repeat(new string(letter, length), count));
}
