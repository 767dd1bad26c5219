using Electra.Data.Answering;

namespace Electra.Data.Tasks;

/// <summary>A row of a task as text.</summary>
/// <param name="Texts">The text, or the two of a pair.</param>
/// <param name="Labels">The number of the class, the value of a regression, a 0 or 1 for each of several labels, or the number of each
/// word's tag; NaN where there is none.</param>
internal sealed record TaskRow(IReadOnlyList<string> Texts, IReadOnlyList<float> Labels)
{
    /// <summary>Where the words lie that have a label each; none where labels are the whole row's.</summary>
    public IReadOnlyList<Range> Words { get; init; } = [];

    /// <summary>These words.</summary>
    public IEnumerable<string> WordTexts => Words.Select(word => Texts[0][word]);

    /// <summary>The question with its answers, of a task of answers; its labels follow from the tokens.</summary>
    public Question? Question { get; init; }

    /// <summary>Whether the values are the same.</summary>
    public bool Equals(TaskRow? other) => other is not null && Texts.SequenceEqual(other.Texts) && Labels.SequenceEqual(other.Labels)
        && Words.SequenceEqual(other.Words) && Question == other.Question;

    /// <inheritdoc/>
    public override int GetHashCode() => string.Join('\n', Texts).GetHashCode(StringComparison.Ordinal);
}

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
