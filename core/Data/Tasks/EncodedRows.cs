using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>Rows encoded in memory: text that is predicted as it comes, and not kept.</summary>
internal static class EncodedRows
{
    /// <summary>Encodes rows, as those of a task's files are encoded.</summary>
    /// <param name="task">The task.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="tokenizer">The tokenizer of the model that shall read them.</param>
    /// <param name="options">How they are encoded.</param>
    /// <param name="counts">What becomes of the rows is added here.</param>
    public static TaskExamples Of(
        TaskDefinition task,
        IReadOnlyList<TaskRow> rows,
        ElectraTokenizer tokenizer,
        EncodingOptions options,
        RowCounts counts
    )
    {
        var encoder = new TaskEncoder(tokenizer, options);
        foreach (var row in rows)
            task.Kind.Encode(task, row, encoder);
        counts.Add(encoder.Counts);
        var tokens = encoder.Tokens;
        return new TaskExamples(
            task,
            [.. Enumerable.Range(0, tokens.Count).Select(example => tokens[example].Length)],
            encoder.Labels.ToArray(),
            encoder.Positions.ToArray(),
            encoder.Ends.ToArray(),
            tokenizer.Vocabulary.PadId,
            (int example, Span<int> ids, out int lengthA) =>
            {
                tokens[example].CopyTo(ids);
                lengthA = tokens.Bounds[example].LengthA;
                return tokens[example].Length;
            }
        )
        {
            Questions = encoder.Questions,
        };
    }
}
