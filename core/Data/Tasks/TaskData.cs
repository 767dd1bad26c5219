
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>A task whose rows are encoded, ready to be put into batches.</summary>
/// <param name="Task">The task.</param>
/// <param name="Splits">The splits that are there, in the task's order.</param>
public sealed record TaskData(TaskDefinition Task, IReadOnlyList<EncodedSplit> Splits) : IDisposable
{
    /// <summary>The rows to train on, those of <c>double_unordered</c> included.</summary>
    /// <exception cref="UserErrorException">The task has none.</exception>
    public EncodedSplit Train => Splits.FirstOrDefault(split => split.Split.Role == SplitRole.Train)
        ?? throw new UserErrorException(Task.Model != Task.Name ? $"{Task.DisplayName} is predicted with the model of {Task.Model}, and has no rows to train on" : $"{Task.DisplayName} has no rows to train on: the files of its split train are missing");

    /// <summary>The rows to measure on: MNLI has two such splits.</summary>
    public IReadOnlyList<EncodedSplit> Dev => [.. Splits.Where(split => split.Split.Role == SplitRole.Dev)];

    /// <summary>The rows to predict; there may be none.</summary>
    public IReadOnlyList<EncodedSplit> Test => [.. Splits.Where(split => split.Split.Role == SplitRole.Test)];

    /// <summary>Encodes the rows of a task, or opens what was encoded before.</summary>
    /// <param name="text">The rows.</param>
    /// <param name="tokenizer">The tokenizer of the model that shall read them.</param>
    /// <param name="options">How they are encoded.</param>
    /// <param name="datasets">The folder of prepared data.</param>
    /// <param name="progress">Told of the rows done.</param>
    /// <param name="cancellation">Stops the work; nothing half-done is kept.</param>
    /// <exception cref="UserErrorException">A row is not as it should be: the message names file, line and column; or a split is empty.</exception>
    public static TaskData Prepare(TaskText text, ElectraTokenizer tokenizer, EncodingOptions options, string datasets,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        new(text.Task, [.. text.Splits.Select(split => TaskEncoding.Prepare(text.Task, split, tokenizer, options, datasets, progress, cancellation))]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var split in Splits)
            split.Dispose();
    }
}
