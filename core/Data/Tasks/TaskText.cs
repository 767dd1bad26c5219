namespace Electra.Data.Tasks;

/// <summary>A row of a task as text.</summary>
/// <param name="TextA">The text, or the first of two.</param>
/// <param name="TextB">The second text; empty where there is one only.</param>
/// <param name="Label">The number of the class, or the value of a regression; NaN where there is none.</param>
internal readonly record struct TaskRow(string TextA, string TextB, float Label);

/// <summary>The rows of a split, wherever they come from.</summary>
/// <param name="Split">Which split.</param>
/// <param name="Content">Names the content: it changes when a row may have changed. What was encoded under another name is not used
/// again.</param>
/// <param name="Rows">Reads the rows, the same ones in the same order at every call.</param>
internal sealed record TaskSplitText(TaskSplit Split, string Content, Func<IEnumerable<TaskRow>> Rows)
{
    /// <summary>What was left out when the rows were read last.</summary>
    public RowCounts LeftOut { get; init; } = new();
}

/// <summary>A task with its rows as text.</summary>
/// <param name="Task">The task.</param>
/// <param name="Splits">Those of its splits that are there.</param>
internal sealed record TaskText(TaskDefinition Task, IReadOnlyList<TaskSplitText> Splits)
{
    /// <summary>The splits of a role, in the task's order.</summary>
    public IEnumerable<TaskSplitText> Of(SplitRole role) => Splits.Where(split => split.Split.Role == role);
}
