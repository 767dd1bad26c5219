using Electra.Data.Examples;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>Rows of text to token ids, in parallel, kept on disk.</summary>
internal static class TaskEncoding
{
    // Another way of encoding the same rows needs another name.
    private const string Method = "electra-task-4";

    private const string StoreName = "rows";
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
                + task.Kind.EncodedAs(task, options)
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
                task,
                text.Split,
                store,
                StoredLabels.Read(files, store.Count),
                text.Split is { HasLabels: true, Role: not SplitRole.Train } && task.Kind.DevTexts is { } kept
                    ? [.. text.Rows().SelectMany(kept)]
                    : [],
                text.Split.Role != SplitRole.Train && task.Kind.KeepsText
                    ? EncodedRows.Of(task, [.. text.Rows()], tokenizer, options, new RowCounts()).Questions
                    : [],
                files.Read<RowCounts>(Path.Combine(folder, CountsFile))
            );
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The two texts of a row the other way round.</summary>
    private static TaskRow Swapped(TaskRow row) => row with { Texts = [row.Texts[1], row.Texts[0]] };

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
        using var labels = new StoredLabels.Writer(folder);
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
                    var encoder = new TaskEncoder(tokenizer, options);
                    foreach (var row in piece)
                        if (!swap)
                            task.Kind.Encode(task, row, encoder);
                        else if (options.SwapBeforeTruncation)
                            encoder.Add(Swapped(row));
                        else
                            encoder.Add(row, swap: true);
                    return encoder;
                });
            foreach (var piece in pieces)
            {
                rows.Append(piece.Tokens);
                labels.Append(piece);
                counts.Add(piece.Counts);
                progress?.Report(new ProgressReport($"encoding {task.DisplayName} {text.Split.Name}", rows.Counts.Examples, null, "rows"));
            }
        }
        if (rows.Counts.Examples == 0)
            throw new UserErrorException($"{task.DisplayName}: the split {text.Split.Name} has no row");
        counts.Add(text.LeftOut);
        SealedJson.Write(Path.Combine(folder, CountsFile), counts);
        labels.Finish();
        rows.Finish();
    }
}
