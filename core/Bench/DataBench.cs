using System.Diagnostics;
using System.Text;
using Electra.Corpora;
using Electra.Experiments;
using Electra.Pretraining;
using Electra.Pretraining.Examples;
using Electra.Tensors;
using Microsoft.ML.Tokenizers;

namespace Electra.Bench;

/// <summary>How fast text becomes tokens and examples, against the tokenizer of Microsoft.ML.Tokenizers.</summary>
public static class DataBench
{
    /// <summary>Measures and prints one table.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Run<BenchConfig> run)
    {
        var (config, console) = (run.Config, run.Console);
        var corpus = Corpus.Open(config.Corpus);
        var tokenizer = Vocabularies.Open(config.Vocabulary, corpus, config.Datasets, console, run.Stopping);
        var vocabulary = tokenizer.Vocabulary;
        var documents = FirstDocuments(corpus, config.MillionCharacters * 1_000_000L);
        string[] lines = [.. documents.SelectMany(document => document.Split('\n'))];
        double megabytes = documents.Sum(document => Encoding.UTF8.GetByteCount(document)) / 1e6;

        var ids = new List<int>();
        void Tokenize()
        {
            foreach (var line in lines)
            {
                ids.Clear();
                tokenizer.Encode(line, ids);
            }
        }
        var (ours, _) = Rate(megabytes, Tokenize);
        double allocated = Allocated(Tokenize);
        var bert = BertTokenizer.Create(new MemoryStream(vocabulary.FileBytes), new BertOptions { LowerCaseBeforeTokenization = config.Vocabulary.Lowercase });
        run.Stopping.ThrowIfCancellationRequested();
        var (theirs, _) = Rate(megabytes, () =>
        {
            foreach (var line in lines)
                bert.EncodeToIds(line, addSpecialTokens: false);
        });

        var special = new ExampleVocabulary(vocabulary.Count, vocabulary.ClsId, vocabulary.SepId, vocabulary.PadId, vocabulary.UnkId);
        var list = new ExampleList();
        var (building, _) = Rate(megabytes, () =>
        {
            list.Clear();
            var builder = new ExampleBuilder(config.Examples, special, tokenizer.Encode, ExampleDraws.From(RandomKey.FromSeed(config.Seed)), list);
            foreach (var document in documents)
                builder.AddDocument(document);
        });
        int workers = Environment.ProcessorCount;
        var (preparing, seconds) = Rate(megabytes, () =>
        {
            var folder = Directory.CreateTempSubdirectory("electra-bench-").FullName;
            try
            {
                ExamplePreparation.Prepare(new ExampleSource(documents, tokenizer.Encode, special, "bench"), config.Examples, folder, workers, cancellation: run.Stopping).Dispose();
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });

        console.Heading($"{corpus.Name}: {documents.Count:N0} documents, {megabytes:F1} MB of UTF-8, {vocabulary.Count:N0} tokens of vocabulary");
        console.Table(["", "MB/s", "examples/s"], [
            ["tokenizer, one thread", $"{ours:F1}", ""],
            ["BertTokenizer of Microsoft.ML.Tokenizers, one thread", $"{theirs:F1}", ""],
            ["tokenizer and example builder, one thread", $"{building:F1}", $"{list.Count / (megabytes / building):N0}"],
            [$"preparation onto disk, {workers} threads", $"{preparing:F1}", $"{list.Count / seconds:N0}"],
        ]);
        console.Line();
        console.Table(("tokenizer / BertTokenizer", $"{ours / theirs:F1}"), ("allocated by the tokenizer", $"{allocated / megabytes / 1e6:F3} bytes for each byte of text"));
        return 0;
    }

    /// <summary>MB/s and seconds at the best of three runs.</summary>
    private static (double Rate, double Seconds) Rate(double megabytes, Action work)
    {
        double best = double.PositiveInfinity;
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return (megabytes / best, best);
    }

    private static double Allocated(Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static List<string> FirstDocuments(Corpus corpus, long characters)
    {
        var documents = new List<string>();
        foreach (var document in corpus.Documents())
        {
            documents.Add(document);
            if ((characters -= document.Length) <= 0)
                break;
        }
        return documents;
    }
}
