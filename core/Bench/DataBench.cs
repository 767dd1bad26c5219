using System.Diagnostics;
using System.Text;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.ML.Tokenizers;

namespace Electra.Bench;

/// <summary>How fast text becomes tokens and examples: from files to files, and each part of it alone.</summary>
public static class DataBench
{
    /// <summary>Measures and prints one table.</summary>
    /// <returns>The exit code: 1 where the number of workers changes the examples.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var (config, console) = (run.Config, run.Console);
        var corpus = Corpus.Open(config.Corpus);
        var tokenizer = Vocabularies.Open(config.Vocabulary, corpus, config.Datasets, console, run.Stopping);
        IEnumerable<string> Read() => FirstDocuments(corpus, config.MillionCharacters * 1_000_000L);
        var (count, bytes) = Read()
            .Aggregate(
                (Documents: 0L, Bytes: 0L),
                (sum, document) => (sum.Documents + 1, sum.Bytes + Encoding.UTF8.GetByteCount(document))
            );
        double megabytes = bytes / 1e6;

        // First what a run does, from files to files; what it takes is not to be seen any more once documents lie in memory.
        var preparation = new PreparationBench(Read, tokenizer, config.Examples, run.Stopping);
        int workers = Math.Max(2, Environment.ProcessorCount);
        var (one, many) = preparation.Compare(workers);
        double peak = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6;
        double tokenizing = preparation.TokenizerShare();
        double reading = megabytes / BestSeconds(() => Read().Count());

        List<string> documents = [.. Read()];
        double ours = megabytes / BestSeconds(() => Tokenize(documents, tokenizer)),
            allocated = Allocated(() => Tokenize(documents, tokenizer));
        run.Stopping.ThrowIfCancellationRequested();
        double theirs = megabytes / BestSeconds(ByBertTokenizer(documents, tokenizer));
        double building = megabytes / BestSeconds(() => Build(documents, tokenizer, config));

        console.Heading(
            $"{corpus.Name}: {count:N0} documents, {megabytes:F1} MB of UTF-8, {tokenizer.Vocabulary.Count:N0} tokens of vocabulary"
        );
        console.Table(
            ["", "MB/s", "examples/s"],
            [
                ["reading files, one thread", $"{reading:F1}", ""],
                ["tokenizer, one thread", $"{ours:F1}", ""],
                ["BertTokenizer of Microsoft.ML.Tokenizers, one thread", $"{theirs:F1}", ""],
                ["tokenizer and example builder, one thread", $"{building:F1}", ""],
                ["preparation from files to files, 1 worker", $"{megabytes / one.Seconds:F1}", $"{one.Examples / one.Seconds:N0}"],
                [
                    $"preparation from files to files, {workers} workers",
                    $"{megabytes / many.Seconds:F1}",
                    $"{many.Examples / many.Seconds:N0}",
                ],
            ]
        );
        console.Line();
        bool isSame = one.Hash == many.Hash;
        console.Table(
            ($"{workers} workers / 1 worker", $"{one.Seconds / many.Seconds:F2}, {(isSame ? "bit-equal" : "and other examples: a bug")}"),
            ("tokenizer's share of 1 worker", $"{tokenizing:0%}"),
            ("peak memory", $"{peak:N0} MB"),
            ("tokenizer / BertTokenizer", $"{ours / theirs:F1}"),
            ("allocated by the tokenizer", $"{allocated / bytes:F3} bytes for each byte of text"));
        return isSame ? 0 : 1;
    }

    /// <summary>Seconds of the best of three runs.</summary>
    internal static double BestSeconds(Action work)
    {
        double best = double.PositiveInfinity;
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    internal static ExampleVocabulary Special(Vocabulary vocabulary) =>
        new(vocabulary.Count, vocabulary.ClsId, vocabulary.SepId, vocabulary.PadId, vocabulary.UnkId);

    private static void Tokenize(List<string> documents, ElectraTokenizer tokenizer)
    {
        var ids = new List<int>();
        foreach (var document in documents)
            foreach (var line in document.AsSpan().Split('\n'))
            {
                ids.Clear();
                tokenizer.Encode(document.AsSpan(line), ids);
            }
    }

    /// <summary>The same work by the library's tokenizer.</summary>
    private static Action ByBertTokenizer(List<string> documents, ElectraTokenizer tokenizer)
    {
        var bert = BertTokenizer.Create(
            new MemoryStream(tokenizer.Vocabulary.FileBytes),
            new BertOptions { LowerCaseBeforeTokenization = tokenizer.Settings.Lowercase }
        );
        return () =>
        {
            foreach (var document in documents)
                foreach (var line in document.Split('\n'))
                    bert.EncodeToIds(line, addSpecialTokens: false);
        };
    }

    private static void Build(List<string> documents, ElectraTokenizer tokenizer, BenchConfig config)
    {
        var builder = new ExampleBuilder(
            config.Examples,
            Special(tokenizer.Vocabulary),
            tokenizer.Encode,
            ExampleDraws.From(RandomKey.FromSeed(config.Seed)),
            new ExampleList()
        );
        foreach (var document in documents)
            builder.AddDocument(document);
    }

    private static double Allocated(Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static IEnumerable<string> FirstDocuments(Corpus corpus, long characters)
    {
        foreach (var document in corpus.Documents())
        {
            yield return document;
            if ((characters -= document.Length) <= 0)
                break;
        }
    }
}
