using System.Diagnostics;
using System.Security.Cryptography;
using Electra.Data.Examples;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Bench;

/// <summary>Prepares the same documents again and again.</summary>
internal sealed class PreparationBench(
    Func<IEnumerable<string>> read,
    ElectraTokenizer tokenizer,
    ExampleSettings settings,
    CancellationToken cancellation
)
{
    private const int Rounds = 5;
    private readonly ExampleVocabulary vocabulary = DataBench.Special(tokenizer.Vocabulary);

    /// <summary>What a preparation took and gave.</summary>
    /// <param name="Seconds">From the first document to the last file.</param>
    /// <param name="Examples">All examples.</param>
    /// <param name="Hash">Of all files that it wrote.</param>
    public readonly record struct Outcome(double Seconds, long Examples, string Hash);

    /// <summary>The best of some runs with one worker, and with several; in turns, so that both meet the same machine.</summary>
    public (Outcome One, Outcome Many) Compare(int workers)
    {
        Outcome[] one = new Outcome[Rounds], many = new Outcome[Rounds];
        for (int i = 0; i < Rounds; i++)
            (one[i], many[i]) = (Prepare(1, tokenizer.Encode), Prepare(workers, tokenizer.Encode));
        return (one.MinBy(outcome => outcome.Seconds), many.MinBy(outcome => outcome.Seconds));
    }

    /// <summary>The share of the time of one worker that passes in the tokenizer.</summary>
    public double TokenizerShare()
    {
        long ticks = 0;
        var outcome = Prepare(1, (line, ids) =>
        {
            long start = Stopwatch.GetTimestamp();
            tokenizer.Encode(line, ids);
            ticks += Stopwatch.GetTimestamp() - start;
        });
        return (double)ticks / Stopwatch.Frequency / outcome.Seconds;
    }

    private Outcome Prepare(int workers, TokenizeLine tokenize)
    {
        var folder = Directory.CreateTempSubdirectory("electra-bench-").FullName;
        try
        {
            long start = Stopwatch.GetTimestamp();
            using var prepared = ExamplePreparation.Prepare(
                new ExampleSource(read(), tokenize, vocabulary, "bench"),
                settings,
                folder,
                workers,
                cancellation: cancellation
            );
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return new Outcome(seconds, prepared.Summary.All.Examples, HashOf(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string HashOf(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in FolderFiles.In(folder))
            hash.AppendData(File.ReadAllBytes(file));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
