using System.IO.Hashing;
using System.Runtime.InteropServices;
using Electra.Data.Examples;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>Rows of text to token ids, in parallel, kept on disk.</summary>
internal static class TaskEncoding
{
    // Another way of encoding the same rows needs another name.
    private const string Method = "electra-task-3";

    private const string StoreName = "rows";
    private const string LabelsFile = "rows.labels";
    private const string CountsFile = "rows.counts.json";

    /// <summary>Rows that a thread encodes at a time.</summary>
    private const int PieceRows = 1024;

    /// <summary>Encodes a split, or opens what was encoded before.</summary>
    public static EncodedSplit Prepare(
        TaskDefinition task,
        TaskSplitText text,
        ElectraTokenizer tokenizer,
        EncodingOptions options,
        string datasets,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        bool swapped = text.Split.Role == SplitRole.Train && task.IsUnordered && task.IsPair && options.DoubleUnordered;
        bool swapsFirst = swapped && options.SwapBeforeTruncation;
        var key = Fingerprint.Of(
            $"{Method}\n{text.Content}\n{tokenizer.Fingerprint}\n{options.MaxLength} {swapped}{(swapsFirst ? " first" : "")}"
        );
        var folder = Path.Combine(Paths.Output(datasets), "tasks", task.Name, $"{text.Split.Name}-{options.MaxLength}-{key}");
        AtomicFolder.Recover(folder);
        if (!Directory.Exists(folder))
            AtomicFolder.Write(
                folder,
                partial =>
                    DiskSpace.Guard(
                        partial,
                        () => Write(partial, task, text, tokenizer, options, swapped, progress, cancellation)
                    )
            );
        var store = ExampleStore.Open(folder, StoreName);
        try
        {
            var files = new ExampleStoreFiles(folder, StoreName);
            return new EncodedSplit(
                text.Split,
                store,
                ReadLabels(files, store.Count),
                files.Read<RowCounts>(Path.Combine(folder, CountsFile))
            );
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The label of each row, then four bytes that tell whether they are still what was written.</summary>
    private static float[] ReadLabels(ExampleStoreFiles files, long count)
    {
        var file = Path.Combine(files.Folder, LabelsFile);
        byte[] bytes = File.Exists(file) ? File.ReadAllBytes(file) : throw files.Damaged(file, "the file is missing");
        if (
            bytes.Length != (count + 1) * sizeof(float)
            || Crc32.HashToUInt32(bytes.AsSpan(..^sizeof(uint))) != BitConverter.ToUInt32(bytes.AsSpan(^sizeof(uint)..))
        )
            throw files.Damaged(file, "the labels are not what was written");
        return MemoryMarshal.Cast<byte, float>(bytes.AsSpan(..^sizeof(uint))).ToArray();
    }

    /// <summary>
    /// Encodes a row: <c>[CLS] a [SEP]</c>, or <c>[CLS] a [SEP] b [SEP]</c>. While it is too long, the longer text loses its last token,
    /// the second where both are as long; only then are the two swapped (richarddwang/electra_pytorch, <c>tokenize_sents_max_len</c>).
    /// </summary>
    internal static void Encode(TaskRow row, bool isPair, bool swap, ElectraTokenizer tokenizer, int maxLength, EncodingBuffers buffers)
    {
        var (a, b) = (buffers.A, buffers.B);
        a.Clear();
        b.Clear();
        tokenizer.Encode(row.TextA, a);
        if (isPair)
            tokenizer.Encode(row.TextB, b);
        int room = maxLength - (isPair ? 3 : 2), lengthA = a.Count, lengthB = b.Count;
        while (lengthA + lengthB > room)
            if (lengthA > lengthB)
                lengthA--;
            else
                lengthB--;
        Count(row, tokenizer, cut: a.Count + b.Count - lengthA - lengthB, buffers);
        ReadOnlySpan<int> first = CollectionsMarshal.AsSpan(a)[..lengthA], second = CollectionsMarshal.AsSpan(b)[..lengthB];
        buffers.Rows.Add(swap ? second : first, swap ? first : second, tokenizer.Vocabulary.ClsId, tokenizer.Vocabulary.SepId, isPair);
    }

    private static TaskRow Swapped(TaskRow row) => row with { TextA = row.TextB, TextB = row.TextA };

    private static void Count(TaskRow row, ElectraTokenizer tokenizer, int cut, EncodingBuffers buffers)
    {
        var (counts, unk) = (buffers.Counts, tokenizer.Vocabulary.UnkId);
        int tokens = buffers.A.Count + buffers.B.Count,
            unknown = CollectionsMarshal.AsSpan(buffers.A).Count(unk) + CollectionsMarshal.AsSpan(buffers.B).Count(unk);
        counts.Rows++;
        counts.Tokens += tokens;
        counts.CutTokens += cut;
        counts.CutRows += cut > 0 ? 1 : 0;
        counts.EmptyRows += tokens == 0 ? 1 : 0;
        counts.Unknown += unknown;
        counts.UnknownRows += tokens > 0 && unknown == tokens ? 1 : 0;
        if (unknown > 0)
            counts.UnknownWord ??= UnknownWords.Example(row.TextA, tokenizer) ?? UnknownWords.Example(row.TextB, tokenizer);
    }

    private static void Write(
        string folder,
        TaskDefinition task,
        TaskSplitText text,
        ElectraTokenizer tokenizer,
        EncodingOptions options,
        bool swapped,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        var vocabulary = tokenizer.Vocabulary;
        using var rows = new ExampleStoreWriter(
            new(folder, StoreName),
            new(vocabulary.Count, vocabulary.ClsId, vocabulary.SepId, vocabulary.PadId, vocabulary.UnkId),
            options.MaxLength,
            default
        );
        using var labels = File.Create(Path.Combine(folder, LabelsFile));
        var checksum = new Crc32();
        var counts = new RowCounts();
        foreach (bool swap in swapped ? [false, true] : new[] { false })
        {
            var pieces = text.Rows()
                .Chunk(PieceRows)
                .AsParallel()
                .AsOrdered()
                .WithMergeOptions(ParallelMergeOptions.NotBuffered)
                .WithCancellation(cancellation)
                .Select(piece =>
                {
                    var buffers = new EncodingBuffers();
                    foreach (var row in piece)
                        if (swap && options.SwapBeforeTruncation)
                            Encode(Swapped(row), task.IsPair, false, tokenizer, options.MaxLength, buffers);
                        else
                            Encode(row, task.IsPair, swap, tokenizer, options.MaxLength, buffers);
                    return (buffers.Rows, buffers.Counts, Labels: piece.Select(row => row.Label).ToArray());
                });
            foreach (var piece in pieces)
            {
                rows.Append(piece.Rows);
                var bytes = MemoryMarshal.AsBytes<float>(piece.Labels);
                labels.Write(bytes);
                checksum.Append(bytes);
                counts.Add(piece.Counts);
                progress?.Report(new ProgressReport($"encoding {task.DisplayName} {text.Split.Name}", rows.Counts.Examples, null, "rows"));
            }
        }
        if (rows.Counts.Examples == 0)
            throw new UserErrorException($"{task.DisplayName}: the split {text.Split.Name} has no row");
        counts.Add(text.LeftOut);
        SealedJson.Write(Path.Combine(folder, CountsFile), counts);
        labels.Write(BitConverter.GetBytes(checksum.GetCurrentHashAsUInt32()));
        rows.Finish();
    }
}

/// <summary>What encoding rows needs again and again.</summary>
internal sealed class EncodingBuffers
{
    /// <summary>The ids of the first text.</summary>
    public List<int> A { get; } = [];

    /// <summary>The ids of the second.</summary>
    public List<int> B { get; } = [];

    /// <summary>The rows encoded so far.</summary>
    public ExampleList Rows { get; } = new();

    /// <summary>What became of them.</summary>
    public RowCounts Counts { get; } = new();
}
