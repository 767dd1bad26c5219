using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Electra.Data.Examples;
using Electra.Storage;

namespace Electra.Tests.Data.Examples;

public class ExamplePreparationTests
{
    // 1.4 million characters: some 70 segments, and an entry in the journal after every 16th.
    private static readonly string[] Corpus = [.. Made.Documents(600)];
    private static readonly PreparationGrain Grain = new(SegmentCharacters: 20_000, SegmentsPerEntry: 16);
    private static readonly ExampleSettings Settings = new() { MaxLength = 64, HeldOut = 0.1, Seed = 5 };

    [Fact]
    public void The_result_is_the_same_bit_by_bit_whatever_the_number_of_workers()
    {
        using var folder = TestData.Temporary();

        var results = new[] { 1, 2, 5 }
            .Select(workers => Files(folder.Path, $"workers{workers}", path => Prepare(path, workers: workers)))
            .ToArray();

        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void One_worker_is_one_thread_and_more_are_no_more_than_asked_for()
    {
        using var folder = TestData.Temporary();
        var threads = new ConcurrentDictionary<int, bool>();
        int atOnce = 0, most = 0;
        var source = Made.Source(Corpus) with
        {
            Tokenize = (line, ids) =>
            {
                threads[Environment.CurrentManagedThreadId] = true;
                int now = Interlocked.Increment(ref atOnce);
                for (int seen = most; now > seen && Interlocked.CompareExchange(ref most, now, seen) != seen; seen = most)
                {
                }
                Made.TokenizeNumbers(line, ids);
                Interlocked.Decrement(ref atOnce);
            },
        };

        Prepare(folder.File("1"), source, workers: 1).Dispose();
        Assert.Equal([Environment.CurrentManagedThreadId], threads.Keys);
        threads.Clear();
        Prepare(folder.File("3"), source, workers: 3).Dispose();
        Assert.InRange(most, 1, 3);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, threads.Keys);
    }

    [Fact]
    public void The_summary_tells_what_the_documents_gave()
    {
        using var folder = TestData.Temporary();
        string[] documents = [.. Corpus[..100], "unknown words here and 10 11 12"];

        using var prepared = Prepare(folder.Path, documents);

        var summary = prepared.Summary;
        Assert.Equal((101, documents.Sum(document => (long)document.Length)), (summary.Documents, summary.Characters));
        Assert.Equal((prepared.Train.Counts, prepared.HeldOut.Counts), (summary.Train, summary.HeldOut));
        Assert.Equal(4, summary.All.Unknown);
        // The words of the documents, less those trimmed off.
        long words = documents.Sum(document => (long)document.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.InRange(summary.All.Tokens - 2 * summary.All.Examples - summary.All.TwoSegments, words * 0.6, words);
        Assert.InRange(summary.All.TwoSegmentShare, 0.3, 0.95);
        Assert.InRange(summary.All.MeanLength, 32, 64);
        Assert.True(summary.All.UnknownShare is > 0 and < 0.001);
    }

    [Fact]
    public void Held_out_documents_are_the_same_for_every_seed_and_never_trained_on()
    {
        using var folder = TestData.Temporary();
        // Every document has a word of its own.
        string[] documents =
        [
            .. Enumerable.Range(10, 900).Select(word => string.Join('\n', Enumerable.Repeat($"{word} {word} {word}", 20))),
        ];
        (HashSet<int> Train, HashSet<int> HeldOut) Words(string name, long seed)
        {
            using var prepared = Prepare(Path.Combine(folder.Path, name), documents, Settings with { Seed = seed });
            return (WordsOf(prepared.Train), WordsOf(prepared.HeldOut));
        }

        var (first, second) = (Words("first", seed: 1), Words("second", seed: 2));

        Assert.InRange(first.HeldOut.Count, 60, 120);
        Assert.Equal(900 - first.HeldOut.Count, first.Train.Count);
        Assert.DoesNotContain(first.HeldOut, first.Train.Contains);
        Assert.Equal(first.HeldOut.Order(), second.HeldOut.Order());
    }

    [Fact]
    public void A_single_document_is_trained_on_whatever_the_share_held_out()
    {
        using var folder = TestData.Temporary();
        using var prepared = Prepare(folder.Path, ["10 11 12"], Settings with { HeldOut = 0.5 });

        Assert.Equal((1, 0), (prepared.Train.Count, prepared.HeldOut.Count));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(310)]
    [InlineData(599)]
    public void Interrupted_work_goes_on_to_the_same_result(int documents)
    {
        using var folder = TestData.Temporary();
        var whole = Files(folder.Path, "whole", path => Prepare(path));

        var resumed = Files(folder.Path, "resumed", path =>
        {
            Assert.Throws<TestInterruption>(() => Prepare(path, InterruptedAfter(documents)));
            Assert.Throws<UserErrorException>(() => ExampleStore.Open(path, "train"));
            // What a kill in the middle of a write would leave.
            foreach (string file in Directory.GetFiles(path, "*.tokens").Concat(Directory.GetFiles(path, "*.index")))
                File.AppendAllText(file, "half a segm");
            return Prepare(path);
        });

        Assert.Equal(whole, resumed);
    }

    [Fact]
    public void Resumed_work_does_not_tokenize_again_what_was_done()
    {
        using var folder = TestData.Temporary();
        Assert.Throws<TestInterruption>(() => Prepare(folder.Path, InterruptedAfter(500)));
        long tokenized = 0;
        var counting = Made.Source(Corpus) with
        {
            Tokenize = (line, ids) =>
            {
                Interlocked.Add(ref tokenized, line.Length);
                Made.TokenizeNumbers(line, ids);
            },
        };

        using var prepared = Prepare(folder.Path, counting);

        Assert.InRange(tokenized, 1, prepared.Summary.Characters / 2);
    }

    /// <summary>Whoever is killed while downloads are removed would otherwise leave them for good.</summary>
    [Fact]
    public void All_documents_are_told_to_be_prepared_before_the_work_is_complete()
    {
        using var folder = TestData.Temporary();
        long told = 0;
        var source = Made.Source(Corpus) with
        {
            Prepared = documents =>
            {
                told = documents;
                Assert.Throws<UserErrorException>(() => ExampleStore.Open(folder.Path, "train"));
            },
        };

        using var prepared = Prepare(folder.Path, source);

        Assert.Equal(Corpus.Length, told);
    }

    [Fact]
    public void Cancelled_work_stops_and_goes_on_later()
    {
        using var folder = TestData.Temporary();
        using var stop = new CancellationTokenSource();
        IEnumerable<string> Documents()
        {
            foreach (var (i, document) in Corpus.Index())
            {
                if (i == 300)
                    stop.Cancel();
                yield return document;
            }
        }

        Assert.ThrowsAny<OperationCanceledException>(() =>
            ExamplePreparation.Prepare(Made.Source(Documents()), Settings, folder.Path, Grain, workers: 2, null, stop.Token)
        );

        using var prepared = Prepare(folder.Path);
        Assert.Equal(Corpus.Length, prepared.Summary.Documents);
    }

    [Fact]
    public void Whole_examples_are_opened_without_reading_a_document()
    {
        using var folder = TestData.Temporary();
        ExampleSummary summary;
        using (var first = Prepare(folder.Path))
            summary = first.Summary;

        using var second = Prepare(folder.Path, InterruptedAfter(0));

        Assert.Equal(summary, second.Summary);
    }

    [Fact]
    public void Examples_made_otherwise_are_neither_used_nor_replaced()
    {
        using var folder = TestData.Temporary();
        Prepare(folder.Path).Dispose();

        string settings = Assert
            .Throws<UserErrorException>(() => Prepare(folder.Path, settings: Settings with { MaxLength = 128 }))
            .Message;
        Assert.Contains(folder.Path, settings);
        Assert.Contains("examples.max_length: 64 there, 128 asked for", settings);
        var elsewhere = Made.Source(Corpus) with { Description = "another corpus" };
        Assert.Contains("another corpus", Assert.Throws<UserErrorException>(() => Prepare(folder.Path, elsewhere)).Message);
        Prepare(folder.Path).Dispose();
    }

    [Fact]
    public void A_corpus_that_changed_in_the_middle_of_the_work_is_noticed()
    {
        using var folder = TestData.Temporary();
        Assert.Throws<TestInterruption>(() => Prepare(folder.Path, InterruptedAfter(500)));

        Assert.Contains("corpus has changed", Assert.Throws<UserErrorException>(() => Prepare(folder.Path, Corpus[1..])).Message);
        Assert.Contains("corpus has changed", Assert.Throws<UserErrorException>(() => Prepare(folder.Path, Corpus[..50])).Message);
    }

    [Fact]
    public void Files_shorter_than_the_journal_says_are_an_error()
    {
        using var folder = TestData.Temporary();
        Assert.Throws<TestInterruption>(() => Prepare(folder.Path, InterruptedAfter(500)));
        File.WriteAllText(folder.File("train.tokens"), "");

        Assert.Contains(folder.File("train.tokens"), Assert.Throws<UserErrorException>(() => Prepare(folder.Path)).Message);
    }

    [Theory]
    [InlineData]
    [InlineData("")]
    [InlineData(" \n \n", "")]
    public void A_corpus_without_an_example_is_an_error_that_leaves_nothing_to_go_on_with(params string[] documents)
    {
        using var folder = TestData.Temporary();

        Assert.Contains("no example", Assert.Throws<UserErrorException>(() => Prepare(folder.Path, documents)).Message);
        Prepare(folder.Path).Dispose();
    }

    [Fact]
    public async Task A_second_call_waits_for_the_first_and_opens_its_result()
    {
        using var folder = TestData.Temporary();
        using var secondWaits = new ManualResetEventSlim();
        using var firstWorks = new ManualResetEventSlim();
        IEnumerable<string> Slow()
        {
            firstWorks.Set();
            secondWaits.Wait(TestContext.Current.CancellationToken);
            foreach (string document in Corpus)
                yield return document;
        }
        var progress = new Told(report =>
        {
            if (report.Stage.StartsWith("waiting"))
                secondWaits.Set();
        });

        var building = Task.Run(() => Prepare(folder.Path, Slow()), TestContext.Current.CancellationToken);
        firstWorks.Wait(TestContext.Current.CancellationToken);
        using var second = Prepare(folder.Path, Made.Source(InterruptedAfter(0)), progress: progress);

        using var first = await building;
        Assert.Equal(first.Summary, second.Summary);
    }

    [Fact]
    public void A_full_disk_is_told_with_the_folder_and_the_free_space()
    {
        using var folder = TestData.Temporary();
        int code = OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;

        string message = Assert
            .Throws<UserErrorException>(() => DiskSpace.Guard(folder.Path, () => throw new IOException("full", code)))
            .Message;

        Assert.Matches($"{Regex.Escape(folder.Path)} is full: [0-9]+ MB free", message);
        Assert.Throws<IOException>(() => DiskSpace.Guard(folder.Path, () => throw new IOException("something else")));
    }

    private static PreparedExamples Prepare(
        string folder,
        IEnumerable<string>? documents = null,
        ExampleSettings? settings = null,
        int workers = 2
    ) => Prepare(folder, Made.Source(documents ?? Corpus), settings, workers);

    private static PreparedExamples Prepare(
        string folder,
        ExampleSource source,
        ExampleSettings? settings = null,
        int workers = 2,
        IProgress<ProgressReport>? progress = null
    ) => ExamplePreparation.Prepare(source, settings ?? Settings, folder, Grain, workers, progress, TestContext.Current.CancellationToken);

    private static IEnumerable<string> InterruptedAfter(int documents) =>
        Corpus.Take(documents).Concat(Enumerable.Range(0, 1).Select(string (_) => throw new TestInterruption()));

    /// <summary>The bytes of all files that a preparation leaves, by name.</summary>
    private static SortedDictionary<string, string> Files(string folder, string name, Func<string, PreparedExamples> prepare)
    {
        string path = Path.Combine(folder, name);
        prepare(path).Dispose();
        return new(
            Directory.GetFiles(path).ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(File.ReadAllBytes(file)))
        );
    }

    private static HashSet<int> WordsOf(ExampleStore store)
    {
        var ids = new int[store.MaxLength];
        return
        [
            .. Enumerable
                .Range(0, (int)store.Count)
                .SelectMany(i => ids[..store.Read(i, ids, out _)])
                .Where(id => id != Made.Vocabulary.Cls && id != Made.Vocabulary.Sep),
        ];
    }

    private sealed class TestInterruption : Exception;

    private sealed class Told(Action<ProgressReport> tell) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => tell(value);
    }
}
