
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>A task whose rows are encoded, ready to be put into batches.</summary>
/// <param name="Task">The task.</param>
/// <param name="Splits">The splits that are there, in the task's order.</param>
internal sealed record TaskData(TaskDefinition Task, IReadOnlyList<EncodedSplit> Splits) : IDisposable
{
    /// <summary>The rows to train on, those of <c>double_unordered</c> included.</summary>
    /// <exception cref="UserErrorException">The task has none.</exception>
    public EncodedSplit Train =>
        Splits.FirstOrDefault(split => split.Split.Role == SplitRole.Train)
        ?? throw new UserErrorException(
            Task.Model != Task.Name
                ? $"{Task.DisplayName} is predicted with the model of {Task.Model}, and has no rows to train on"
                : $"{Task.DisplayName} has no rows to train on: the files of its split train are missing"
        );

    /// <summary>The rows to measure on: MNLI has two such splits.</summary>
    public IReadOnlyList<EncodedSplit> Dev => [.. Splits.Where(split => split.Split.Role == SplitRole.Dev)];

    /// <summary>The rows to predict; there may be none.</summary>
    public IReadOnlyList<EncodedSplit> Test => [.. Splits.Where(split => split.Split.Role == SplitRole.Test)];

    /// <summary>What was dropped from the rows, or truncated: a sentence each.</summary>
    public IEnumerable<string> Notes => Splits.SelectMany(split => split.Counts.Notes(NameOf(split), split.MaxLength));

    /// <summary>What is probably wrong with the rows: a sentence each.</summary>
    public IEnumerable<string> Warnings => Splits.SelectMany(split => split.Counts.Warnings(NameOf(split)).Concat(LabelWarnings(split)));

    /// <summary>Encodes the rows of a task, or opens what was encoded before.</summary>
    /// <param name="text">The rows.</param>
    /// <param name="tokenizer">The tokenizer of the model that shall read them.</param>
    /// <param name="options">How they are encoded.</param>
    /// <param name="datasets">The folder of prepared data.</param>
    /// <param name="progress">Told of the rows done.</param>
    /// <param name="cancellation">Stops the work; nothing half-done is kept.</param>
    /// <exception cref="UserErrorException">A row is not as it should be: the message names file, line and column; or a split is
    /// empty.</exception>
    public static TaskData Prepare(
        TaskText text,
        ElectraTokenizer tokenizer,
        EncodingOptions options,
        string datasets,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        EncodedSplit[] splits =
        [
            .. text.Splits.Select(split => TaskEncoding.Prepare(text.Task, split, tokenizer, options, datasets, progress, cancellation)),
        ];
        var task = text.Task;
        if (task.BalancesClasses && splits.FirstOrDefault(split => split.Split.Role == SplitRole.Train) is { } train)
            task = task with { ClassWeights = Classification.Balanced(train.Examples.Labels, task.Labels.Count) };
        return new TaskData(task, splits);
    }

    private string NameOf(EncodedSplit split) => $"{Task.DisplayName}, {split.Split.Name}";

    private IEnumerable<string> LabelWarnings(EncodedSplit split)
    {
        if (split.Split.Role == SplitRole.Test)
            yield break;
        float[] labels = split.Examples.Labels;
        if (Task.Kind.HasOneLabel && labels.Distinct().ToArray() is [var only])
            yield return $"{NameOf(split)}: {(split.Count == 1 ? "there is one row" : $"all {split.Count:N0} rows have the same label")}, "
                + $"{(Task.IsRegression ? $"{only}" : Task.Labels[(int)only])}: "
                + (
                    split.Split.Role == SplitRole.Train
                        ? "there is nothing to learn from them"
                        : $"{Task.ReportedMetric} on them has no meaning{(Task.IsRegression ? ", it is undefined" : "")}"
                );
        else if (
            split.Split.Role == SplitRole.Train
            && !Task.IsRegression
            && Task.Kind.LabelsIn(Task, labels) is var seen
            && Task.Labels.Where((_, label) => !seen.Contains(label)).ToArray() is { Length: > 0 } missing
        )
            yield return $"{NameOf(split)}: no row has the label {string.Join(" or ", missing)}";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var split in Splits)
            split.Dispose();
    }
}
