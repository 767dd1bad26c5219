using System.IO.Hashing;
using System.Runtime.InteropServices;
using Electra.Data.Answering;
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>Encoded rows of a task, ready to be put into batches: what belongs to each example beside its token ids.</summary>
/// <param name="Task">The task.</param>
/// <param name="Lengths">The tokens of each example.</param>
/// <param name="Labels">The labels, example after example; NaN where there is none.</param>
/// <param name="Positions">Of each label the position in its example, where the head reads positions, or first and end of a span; else
/// none.</param>
/// <param name="Ends">Where the labels of each example end.</param>
/// <param name="Padding">The token that fills up shorter examples.</param>
/// <param name="Read">Reads the token ids of an example by its number.</param>
internal sealed record TaskExamples(
    TaskDefinition Task,
    int[] Lengths,
    float[] Labels,
    int[] Positions,
    ExampleEnd[] Ends,
    int Padding,
    TokenBatch.RowReader Read
)
{
    /// <summary>The text of each place of rows that are measured: predictions are told beside it.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The questions as the model reads them, a row each, where rows are questions that are measured or predicted.</summary>
    public IReadOnlyList<ReadQuestion> Questions { get; init; } = [];

    /// <summary>The number of examples.</summary>
    public int Count => Ends.Length;

    /// <summary>The number of rows that they come from.</summary>
    public int Rows => Count == 0 ? 0 : Ends[^1].Row + 1;

    /// <summary>The number of units that batches of training are made of: rows whose examples stay together, else examples.</summary>
    public int Units => Task.Kind.KeepsRowsWhole ? Rows : Count;

    /// <summary>
    /// The units of each batch of one epoch of training, by their numbers: a function of seed and epoch. Some may be smaller.
    /// </summary>
    /// <param name="batchSize">Units in a batch.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="epoch">Which epoch, from 0.</param>
    public IReadOnlyList<int[]> Shuffled(int batchSize, long seed, int epoch)
    {
        int[] order = LengthOrder.Shuffled(UnitLengths, batchSize, RandomKey.FromSeed(seed)[epoch]);
        return Task.Embedding is { SeparatesDuplicates: true }
            ? DistinctBatches.Of(order, batchSize, RowTexts)
            : [.. order.Chunk(batchSize)];
    }

    /// <summary>The different texts of each row, as hashes of their tokens: what the model reads alike is the same.</summary>
    public ulong[][] RowTexts => field ??=
        [.. Enumerable.Range(0, Rows).Select(row => Enumerable
            .Range(FirstExamples[row], FirstExamples[row + 1] - FirstExamples[row])
            .Select(HashOf)
            .Distinct()
            .ToArray())];

    private ulong HashOf(int example)
    {
        var ids = new int[Lengths[example]];
        Read(example, ids, out _);
        return XxHash3.HashToUInt64(MemoryMarshal.AsBytes<int>(ids));
    }

    /// <summary>Some units side by side, as <see cref="Batch"/> puts examples.</summary>
    /// <param name="units">Their numbers.</param>
    /// <param name="firstRow">The number of the first example in the whole batch of an update.</param>
    public TaskBatch Part(int[] units, long firstRow)
    {
        if (!Task.Kind.KeepsRowsWhole)
            return Batch(units, firstRow);
        int[] sizes = [.. units.Select(row => FirstExamples[row + 1] - FirstExamples[row])];
        int[] examples = [.. units.Zip(sizes, (row, size) => Enumerable.Range(FirstExamples[row], size)).SelectMany(row => row)];
        return Batch(examples, firstRow) with { RowSizes = sizes };
    }

    /// <summary>All examples once, the longest first: batches to measure or predict on.</summary>
    /// <param name="batchSize">Examples in a batch.</param>
    public IEnumerable<TaskBatch> ByLength(int batchSize) =>
        LengthOrder.LongestFirst(Lengths).Chunk(batchSize).Select(examples => Batch(examples));

    /// <summary>All units once, the longest first: batches that have a loss.</summary>
    /// <param name="batchSize">Units in a batch.</param>
    public IEnumerable<TaskBatch> PartsByLength(int batchSize) =>
        LengthOrder.LongestFirst(UnitLengths).Chunk(batchSize).Select(units => Part(units, firstRow: 0));

    /// <summary>Some examples side by side, padded to the longest of them.</summary>
    /// <param name="examples">Their numbers.</param>
    /// <param name="firstRow">The number of the first of them in the whole batch of an update.</param>
    public TaskBatch Batch(int[] examples, long firstRow = 0)
    {
        int[] lengths = [.. examples.Select(example => Lengths[example])];
        var tokens = TokenBatch.Of(
            lengths,
            lengths.Max(),
            Padding,
            paddingType: 0,
            (int i, Span<int> ids, out int lengthA) => Read(examples[i], ids, out lengthA)
        ) with
        {
            FirstRow = firstRow,
        };
        int[] labels = [.. examples.SelectMany(LabelsOf)];
        if (!Task.Kind.ReadsPositions)
            return new TaskBatch(tokens, [.. labels.Select(label => Labels[label])], examples)
            {
                Positions = Task.Kind.ReadsSpans ? SpansOf(examples, tokens.Length) : null,
            };
        var read = examples
            .SelectMany((example, i) =>
                LabelsOf(example)
                    .Where(label => Positions[label] >= 0)
                    .Select(label => (label, Position: ((long)i * tokens.Length) + Positions[label]))
            )
            .ToList();
        return new TaskBatch(tokens, [.. read.Select(one => Labels[one.label])], [.. read.Select(one => one.label)])
        {
            Positions = [.. read.Select(one => one.Position)],
        };
    }

    /// <summary>The places at which the head has outputs: the examples, or the labels.</summary>
    public int Places => PlacesUpTo.Length == 0 ? 0 : PlacesUpTo[^1];

    /// <summary>Of each example, the places up to its end.</summary>
    public int[] PlacesUpTo => field ??= Task.Kind switch
    {
        { Places: { } count } => Sums(Lengths.Select(length => count(Task, length))),
        { ReadsPositions: true } => [.. Ends.Select(end => end.Labels)],
        _ => [.. Enumerable.Range(1, Count)],
    };

    /// <summary>The first place of an example, and how many it has.</summary>
    public (int Start, int Count) PlacesOf(int example) =>
        example == 0 ? (0, PlacesUpTo[0]) : (PlacesUpTo[example - 1], PlacesUpTo[example] - PlacesUpTo[example - 1]);

    /// <summary>Outputs beside the labels of the rows.</summary>
    /// <param name="outputs"><c>[places · outputs]</c> in the order of the examples.</param>
    public TaskOutputs With(float[] outputs) =>
        new(
            Task,
            outputs,
            Labels,
            [.. FirstExamples.Skip(1).Select(end => PlacesUpTo[end - 1])]
        )
        {
            Words = Words,
            Questions = Questions,
        };

    /// <summary>Of each row its first example, and their number at the end.</summary>
    private int[] FirstExamples => field ??=
        [.. Ends.Index().Where(end => end.Index == 0 || Ends[end.Index - 1].Row != end.Item.Row).Select(end => end.Index), Count];

    private int[] UnitLengths => !Task.Kind.KeepsRowsWhole ? Lengths
        : [.. Enumerable.Range(0, Rows).Select(row => Lengths.AsSpan(FirstExamples[row]..FirstExamples[row + 1]).ToArray().Max())];

    private static int[] Sums(IEnumerable<int> counts)
    {
        int sum = 0;
        return [.. counts.Select(count => sum += count)];
    }

    /// <summary>First and end of the span of each example, as indices into the ids of the batch.</summary>
    private long[] SpansOf(int[] examples, int length) =>
        [.. examples.SelectMany((example, i) => Positions[(2 * example)..(2 * example + 2)].Select(at => ((long)i * length) + at))];

    private IEnumerable<int> LabelsOf(int example)
    {
        int first = example == 0 ? 0 : Ends[example - 1].Labels;
        return Enumerable.Range(first, Ends[example].Labels - first);
    }
}
