
using Electra.Data.Examples;
using Electra.Running;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>What there is to learn from, in numbers and in examples.</summary>
internal static class DataSummary
{
    private const int ShownExamples = 4;
    private const int LengthRanges = 8;
    private const int MeasuredExamples = 100_000;

    /// <summary>Prints the counts, how long examples are, and some of them as text.</summary>
    public static void Print(PretrainData data, RunConsole console)
    {
        var (examples, summary) = (data.Examples, data.Examples.Summary);
        console.Heading("Examples");
        console.Table(
            ["", "examples", "tokens", "tokens each", "two segments", "[UNK]"],
            new[] { ("to train on", summary.Train), ("held out", summary.HeldOut), ("all", summary.All) }.Select(
                IReadOnlyList<object?> (row) =>
                    [
                        row.Item1,
                        $"{row.Item2.Examples:N0}",
                        $"{row.Item2.Tokens:N0}",
                        $"{row.Item2.MeanLength:F1}",
                        $"{row.Item2.TwoSegmentShare:0.0%}",
                        $"{row.Item2.UnknownShare:0.000%}",
                    ]
            )
        );
        console.Line(
            $"From {summary.Documents:N0} documents with {summary.Characters:N0} characters; "
                + $"{summary.All.TextTokens:N0} of their tokens are in the examples, and {summary.DroppedTokens:N0} "
                + $"({summary.DroppedShare:0.0%}) are dropped."
        );

        console.Heading("Lengths in tokens");
        console.Table(
            Lengths(examples.Train)
                .Select(range => (range.Name, (object?)$"{range.Share,6:0.0%}  {new string('#', (int)Math.Round(50 * range.Share))}"))
        );

        console.Heading("Some of them");
        foreach (var (first, second) in Spread(examples.Train).Select(index => Text(examples.Train, index, data.Tokenizer.Vocabulary)))
            console.Line($"  A  {first}\n  B  {(second == "" ? "–" : second)}\n");
    }

    /// <summary>How many examples have a length in each of some ranges, measured on examples all over the store.</summary>
    private static IEnumerable<(string Name, double Share)> Lengths(ExampleStore store)
    {
        int width = (store.MaxLength + LengthRanges - 1) / LengthRanges;
        long step = Math.Max(1, store.Count / MeasuredExamples);
        var counts = new long[LengthRanges];
        for (long index = 0; index < store.Count; index += step)
            counts[(store.Lengths(index).Length - 1) / width]++;
        return counts.Select(
            (count, i) => ($"{i * width + 1} to {Math.Min((i + 1) * width, store.MaxLength)}", (double)count / counts.Sum())
        );
    }

    private static IEnumerable<long> Spread(ExampleStore store) =>
        Enumerable.Range(0, (int)Math.Min(ShownExamples, store.Count)).Select(i => i * store.Count / ShownExamples).Distinct();

    private static (string First, string Second) Text(ExampleStore store, long index, Vocabulary vocabulary)
    {
        var ids = new int[store.MaxLength];
        int length = store.Read(index, ids, out int lengthA);
        return (Words(ids[..lengthA]), Words(ids[lengthA..length]));

        string Words(ReadOnlySpan<int> part)
        {
            var words = new List<string>();
            foreach (int id in part)
                if (id != vocabulary.ClsId && id != vocabulary.SepId)
                    words.Add(vocabulary[id]);
            return string.Join(' ', words).Replace(" ##", "");
        }
    }
}
