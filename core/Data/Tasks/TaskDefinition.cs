using Electra.Data.Tagging;

namespace Electra.Data.Tasks;

/// <summary>What the rows of a split are for.</summary>
internal enum SplitRole
{
    /// <summary>Training.</summary>
    Train,

    /// <summary>Measuring, with labels.</summary>
    Dev,

    /// <summary>Predicting, without labels.</summary>
    Test,
}

/// <summary>How labels are written, in the task's files and in its submission.</summary>
internal enum LabelForm
{
    /// <summary>As the name: <c>entailment</c>.</summary>
    Name,

    /// <summary>As the place in <see cref="TaskDefinition.Labels"/>, from 0; the value itself in a regression.</summary>
    Number,
}

/// <summary>Some rows of a task.</summary>
/// <param name="Name">The archive's name of it: <c>train</c>, <c>dev_matched</c>. The hub says <c>validation</c> for <c>dev</c>.</param>
/// <param name="Role">What the rows are for.</param>
/// <param name="Suffix">What is added to the names of metrics measured on it: <c>_mm</c> makes <c>accuracy_mm</c>.</param>
/// <param name="Submission">The file that its predictions are handed in as; empty where they are not.</param>
/// <param name="OfficialRows">The rows that such a file must have; 0: as many as there are.</param>
internal sealed record TaskSplit(string Name, SplitRole Role, string Suffix = "", string Submission = "", int OfficialRows = 0)
{
    /// <summary>Whether its rows have labels.</summary>
    public bool HasLabels { get; init; } = Role != SplitRole.Test;
}

/// <summary>Where a table's file keeps what belongs to a row: columns by name, or by number from 1.</summary>
/// <param name="Texts">The columns of the texts, one or two.</param>
/// <param name="Label">The column of the label.</param>
/// <param name="HasHeader">Whether the first line names the columns.</param>
internal sealed record TaskColumns(IReadOnlyList<string> Texts, string Label = "label", bool HasHeader = true)
{
    /// <summary>Whether each label has a column of its name, with 0 or 1; else they stand in <see cref="Label"/>.</summary>
    public bool LabelColumns { get; init; }

    /// <summary>The columns of choices, or the one with a list of them.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
}

/// <summary>
/// A task to fine-tune on: what its texts and labels are, how it is measured, and where its rows lie. Adding a task is adding a
/// value of this type to a table such as <see cref="GlueTasks.All"/>.
/// </summary>
public sealed record TaskDefinition
{
    /// <summary>The name in configurations and folders: <c>rte</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The name in tables, and of the folder in the official archive: <c>RTE</c>.</summary>
    public required string DisplayName { get; init; }

    /// <summary>What kind of task it is: by default classification where there are classes, else a regression.</summary>
    internal TaskKind Kind { get => field ?? (Labels.Count > 0 ? Classification.Kind : Regression.Kind); init; }

    /// <summary>The columns of the texts, as the hub calls them: one, or two for a pair.</summary>
    public required IReadOnlyList<string> TextColumns { get; init; }

    /// <summary>Whether rows may have a second text too: a model of Hugging Face's does not say what it reads.</summary>
    internal bool MayBePair { get; init; }

    /// <summary>The names of the classes, in the order of the model's outputs; none for a regression.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>The classes in the order of the numbers that stand for them in files, where that is not the outputs'.</summary>
    public IReadOnlyList<string> NumberedLabels { get => field ?? Labels; init; }

    /// <summary>What stands in the place of a label where a row has none: such rows are left out.</summary>
    internal IReadOnlyList<string> DropLabels { get; init; } = [];

    /// <summary>How labels are written in the task's files and in its submission.</summary>
    internal LabelForm LabelForm { get; init; }

    /// <summary>
    /// The lowest and the highest value of a regression: predictions that are handed out are clamped to it. Null: no limits.
    /// </summary>
    public (double Low, double High)? Range { get; init; }

    /// <summary>What is measured, by the names in <see cref="Electra.Data.Tasks.Metrics"/>.</summary>
    public required IReadOnlyList<string> Metrics { get; init; }

    /// <summary>The metric that stands in tables, and by which the best run is chosen.</summary>
    public required string ReportedMetric { get; init; }

    /// <summary>Passes over the training rows, where a configuration does not say otherwise.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Whether the order of the two texts means nothing: training rows are then also shown with the two swapped.</summary>
    public bool IsUnordered { get; init; }

    /// <summary>Whether training rows without a text are dropped; elsewhere an empty text is a text.</summary>
    internal bool DropsEmptyText { get; init; }

    /// <summary>Whether lines with too few columns are passed over: one file of the official archive has torn lines.</summary>
    internal bool SkipsTornLines { get; init; }

    /// <summary>The splits, in the order of training, measuring and predicting.</summary>
    internal IReadOnlyList<TaskSplit> Splits { get; init; } = [];

    /// <summary>The columns in the official archive; null: as the hub calls them, under a header.</summary>
    internal Func<SplitRole, TaskColumns>? ArchiveColumns { get; init; }

    /// <summary>Where a split may lie in the official archive, if not at <c>DisplayName/split.tsv</c>.</summary>
    internal IReadOnlyList<string> ArchiveFiles { get; init; } = [];

    /// <summary>The task whose model predicts this one, where it has no training rows of its own; else its own name.</summary>
    public string Model { get => field ?? Name; init; }

    /// <summary>How tags of words say where a span begins and ends.</summary>
    internal TagScheme Scheme { get; init; } = TagScheme.None;

    /// <summary>The tags that numbers in files stand for, from 0.</summary>
    internal IReadOnlyList<string> TagNames { get; init; } = [];

    /// <summary>Whether tags are predicted that may follow each other alone.</summary>
    internal bool ConstrainsTags { get; init; }

    /// <summary>How answers are found, of a task of answers.</summary>
    internal AnswerOptions? Answers { get; init; }

    /// <summary>What predictions depend on that a run has found on its development set (<see cref="TaskKind.Threshold"/>).</summary>
    internal double? Threshold { get; init; }

    /// <summary>What each class weighs in the loss; none: all the same.</summary>
    public IReadOnlyList<double> ClassWeights { get; init; } = [];

    /// <summary>Whether the classes weigh as much as makes them equal together: rows / (classes · rows of the class).</summary>
    internal bool BalancesClasses { get; init; }

    /// <summary>Whether a candidate is asked about, and the label says whether it is right; else which candidate is.</summary>
    internal bool HasQuery { get; init; }

    /// <summary>How embeddings are made and learned, where the task is one of embeddings.</summary>
    internal EmbeddingSettings? Embedding { get; init; }

    /// <summary>What passages are learned by, where the task ranks them.</summary>
    internal TextLoss RankingLoss { get; init; }

    /// <summary>The columns of the texts of rows to measure on and to predict, where they are others than those of training.</summary>
    internal IReadOnlyList<string> MeasuredColumns { get => field ?? TextColumns; init; }

    /// <summary>Whether the label is a number to come close to, not a class.</summary>
    public bool IsRegression => Kind == Regression.Kind;

    /// <summary>Whether a row has two texts.</summary>
    public bool IsPair => TextColumns.Count == 2;

    /// <summary>The outputs of the head at each place that it reads: one for each class, or one number.</summary>
    public int Outputs => Kind.Outputs(this);
}
