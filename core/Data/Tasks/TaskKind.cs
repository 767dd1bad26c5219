using Electra.Data.Answering;
using static TorchSharp.torch;

namespace Electra.Data.Tasks;

/// <summary>Reads the rows of one file of a task.</summary>
/// <param name="task">The task.</param>
/// <param name="file">The file, and what is in it.</param>
/// <param name="leftOut">Counts what is left out.</param>
internal delegate IEnumerable<TaskRow> RowReader(TaskDefinition task, TaskFile file, RowCounts leftOut);

/// <summary>The loss of outputs <c>[places, outputs]</c> against the labels of their rows, a mean: a scalar.</summary>
/// <param name="task">The task.</param>
/// <param name="logits">The outputs, float32.</param>
/// <param name="labels">The labels, float32, row after row.</param>
/// <param name="smoothing">The share of each label that is given to all classes alike.</param>
internal delegate Tensor TaskLoss(TaskDefinition task, Tensor logits, Tensor labels, double smoothing);

/// <summary>
/// A kind of task: how rows are read, become token ids, are learned and scored, and what outputs say. A task is a row of values
/// (<see cref="TaskDefinition"/>); what its values mean is a function here. Each kind is one file that fills in this record.
/// </summary>
/// <param name="Name">The name in configurations: <c>multi_label</c>.</param>
internal sealed record TaskKind(string Name)
{
    /// <summary>Classes of PyTorch that are applied to scores.</summary>
    public const string Sigmoid = "torch.nn.modules.activation.Sigmoid", Identity = "torch.nn.modules.linear.Identity";

    /// <summary>The metrics that a task with these labels is measured by.</summary>
    public required Func<IReadOnlyList<string>, IReadOnlyList<string>> Metrics { get; init; }

    /// <summary>The one of them that is reported where nothing else is asked for.</summary>
    public required string ReportedMetric { get; init; }

    /// <summary>Reads the rows of a file.</summary>
    public required RowReader Read { get; init; }

    /// <summary>Whether it can read a file, by its name.</summary>
    public Func<string, bool> ReadsFile { get; init; } = Readers.TableFile.IsTable;

    /// <summary>What it reads, in words.</summary>
    public string FileForms { get; init; } = Readers.TableFile.Extensions;

    /// <summary>A line of text as a row, by its place in words; null: a text, or two with a tab between.</summary>
    public Func<TaskDefinition, string, string, TaskRow>? Row { get; init; }

    /// <summary>What stands in such a line, in words.</summary>
    public Func<TaskDefinition, string> LineText { get; init; } = task =>
        task.IsPair ? string.Join("<tab>", task.TextColumns) : "a text";

    /// <summary>Adds the examples of a row.</summary>
    public required Action<TaskDefinition, TaskRow, TaskEncoder> Encode { get; init; }

    /// <summary>What of a task, and of the options, decides how its rows are encoded beside what decides it for all kinds.</summary>
    public Func<TaskDefinition, EncodingOptions, string> EncodedAs { get; init; } = (_, _) => "";

    /// <summary>Whether the head reads the position of each label; else the first token of each example.</summary>
    public bool ReadsPositions { get; init; }

    /// <summary>Whether the head reads a span of each example: its first position and the one after its last are kept, and one label.
    /// </summary>
    public bool ReadsSpans { get; init; }

    /// <summary>The places of an example of some tokens, where the head fills them from all of these; null: as above.</summary>
    public Func<TaskDefinition, int, int>? Places { get; init; }

    /// <summary>Whether outputs say places in a text: then rows are kept as text beside those that are measured.</summary>
    public bool KeepsText { get; init; }

    /// <summary>Why outputs of several runs have no mean; null where they have one.</summary>
    public Func<TaskDefinition, string?> NoMean { get; init; } = _ => null;

    /// <summary>What predictions depend on that rows with labels tell: a threshold; null: nothing.</summary>
    public Func<TaskOutputs, double?>? Threshold { get; init; }

    /// <summary>
    /// Whether the examples of a row are compared with each other: batches of training are then made of rows, and the loss has outputs
    /// <c>[rows, examples of a row, outputs]</c> and labels <c>[rows, examples of a row]</c>; what a row lacks of the most is −∞.
    /// </summary>
    public bool KeepsRowsWhole { get; init; }

    /// <summary>Whether the loss compares rows with each other too, so that a batch cannot be cut.</summary>
    public bool ComparesRows { get; init; }

    /// <summary>Whether outputs are vectors.</summary>
    public bool GivesVectors { get; init; }

    /// <summary>What is kept of the text of rows that are measured, a text for each place; null: nothing.</summary>
    public Func<TaskRow, IEnumerable<string>>? DevTexts { get; init; }

    /// <summary>What the model has on its encoder.</summary>
    public Func<TaskDefinition, TaskHead> Head { get; init; } = task => new TaskHead(task.Outputs);

    /// <summary>The outputs for a label that has no position, because its word has no token.</summary>
    public Func<TaskDefinition, float[]> Unread { get; init; } = task => new float[task.Outputs];

    /// <summary>Outputs at each place that the head reads.</summary>
    public required Func<TaskDefinition, int> Outputs { get; init; }

    /// <summary>The loss.</summary>
    public required TaskLoss Loss { get; init; }

    /// <summary>What some labels weigh in the mean that the loss is: their number, or the sum of their classes' weights.</summary>
    public Func<TaskDefinition, float[], double> Weight { get; init; } = (_, labels) => labels.Length;

    /// <summary>Whether a row has one label, a class or a value.</summary>
    public bool HasOneLabel { get; init; }

    /// <summary>The numbers of the classes or labels that are among a split's labels.</summary>
    public Func<TaskDefinition, float[], IReadOnlySet<int>> LabelsIn { get; init; } = (_, labels) =>
        labels.Select(label => (int)label).ToHashSet();

    /// <summary>Measures some of a task's metrics, by name. Outputs are finite, and there is a row.</summary>
    public required Func<TaskOutputs, IReadOnlyList<string>, IReadOnlyDictionary<string, double>> Measure { get; init; }

    /// <summary>A report on rows with labels, class by class, in Markdown; null where there are no classes.</summary>
    public Func<TaskOutputs, string>? Report { get; init; }

    /// <summary>The names and the texts of the files in which a run keeps what it predicts for its development sets.</summary>
    public required Func<IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)>, (string Name, string Text)[]> DevPredictions { get; init; }

    /// <summary>The prediction for a row, as tables of predictions have it.</summary>
    public Func<TaskDefinition, float[], string> Text { get; init; } = (_, _) => "";

    /// <summary>The extension of the file of predictions.</summary>
    public string Extension { get; init; } = ".tsv";

    /// <summary>The files of predictions for rows, by their extensions; null: a table of <see cref="Text"/>.</summary>
    public Func<TaskOutputs, IReadOnlyList<TaskRow>, IReadOnlyList<(string Extension, string Text)>>? Files { get; init; }

    /// <summary>The answer to a line of text, by the number of its row, in columns.</summary>
    public required Func<TaskOutputs, int, string> Answer { get; init; }

    /// <summary>Whether the line follows, after a tab.</summary>
    public bool AnswersRepeatLine { get; init; } = true;

    /// <summary>The names of these columns.</summary>
    public required string AnswerColumns { get; init; }

    /// <summary>What outputs say of a whole text; null where they say something else.</summary>
    public Func<TaskDefinition, float[], TextLabels>? Decode { get; init; }

    /// <summary>
    /// What a classifier of texts is in Hugging Face's library, as <c>problem_type</c> of its <c>config.json</c>; null of another model.
    /// </summary>
    public string? ProblemType { get; init; }

    /// <summary>The class of the model in Hugging Face's library, whose head has the kit's weights as they are; null: a classifier of
    /// texts, whose head is written in two layers.</summary>
    public Func<TaskDefinition, string?> Architecture { get; init; } = _ => null;

    /// <summary>The class of PyTorch that sentence-transformers applies to the scores of a cross-encoder; null: as it does by itself.
    /// </summary>
    public Func<TaskDefinition, string?> Activation { get; init; } = _ => null;

    /// <summary>The pipeline of Hugging Face's that the model is for; null: there is none.</summary>
    public string? Pipeline { get; init; } = "text-classification";

    /// <summary>What the head is, in words.</summary>
    public string HeadText { get; init; } = "one linear layer on the encoder's first token";

    /// <summary>The labels of a task in a few words.</summary>
    public Func<TaskDefinition, string> Described { get; init; } = task => $"the labels {string.Join(", ", task.Labels)}";
}

/// <summary>A file of rows.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Split">Which split it is.</param>
/// <param name="Columns">Where it keeps texts and label.</param>
/// <param name="Form">How strictly it is read.</param>
/// <param name="LabelForm">How it writes labels.</param>
internal sealed record TaskFile(string Path, TaskSplit Split, TaskColumns Columns, Readers.TableForm Form, LabelForm LabelForm)
{
    /// <summary>Whether its rows have labels.</summary>
    public bool HasLabels => Split.HasLabels;

    /// <summary>Names all but the content.</summary>
    public override string ToString() =>
        $"{Readers.TableFile.Extension(Path)} {Columns.Label} {LabelForm} {Form} {string.Join(',', Columns.Texts)}"
            + $"{(HasLabels ? "" : " no labels")}{(Columns.LabelColumns ? " label columns" : "")}"
            + string.Concat(Columns.Choices.Select(choice => $" {choice}"));
}

/// <summary>What a model puts out for rows, beside their labels.</summary>
/// <param name="Task">The task.</param>
/// <param name="Outputs"><c>[places · outputs]</c>, row after row: one place for each row of a text.</param>
/// <param name="Labels">The labels, row after row; NaN where there is none.</param>
/// <param name="Ends">Of each row, the places up to its end.</param>
internal sealed record TaskOutputs(TaskDefinition Task, float[] Outputs, float[] Labels, int[] Ends)
{
    /// <summary>The text of each place, row after row (<see cref="TaskKind.DevTexts"/>); empty where it was not kept.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The rows as text, where they were kept.</summary>
    public IReadOnlyList<TaskRow> Texts { get; init; } = [];

    /// <summary>The questions as the model reads them, a row each, where rows are questions.</summary>
    public IReadOnlyList<ReadQuestion> Questions { get; init; } = [];

    /// <summary>The outputs of a row.</summary>
    public float[] this[int row] => Outputs[(Start(row) * Width)..(Ends[row] * Width)];

    /// <summary>The labels of a row that has one at each place.</summary>
    public float[] LabelsAt(int row) => Labels[Start(row)..Ends[row]];

    /// <summary>Outputs at a place.</summary>
    public int Width => Count == 0 || Ends[^1] == 0 ? Task.Outputs : Outputs.Length / Ends[^1];

    /// <summary>How many rows there are.</summary>
    public int Count => Ends.Length;

    private int Start(int row) => row == 0 ? 0 : Ends[row - 1];
}

/// <summary>What a model says of a text.</summary>
/// <param name="Labels">The labels that are predicted; none of a regression.</param>
/// <param name="Scores">The probability of each label, in the order of the outputs; of a regression, the value.</param>
internal sealed record TextLabels(IReadOnlyList<string> Labels, IReadOnlyList<(string Label, double Score)> Scores);
