
namespace Electra.Data.Tasks;

/// <summary>
/// The tasks of GLUE (Wang et al. 2019), one row each: columns, labels in the hub's order, metrics, epochs (ELECTRA paper, table 7)
/// and the files that the site accepts.
/// </summary>
internal static class GlueTasks
{
    private static readonly string[] Entailment = ["entailment", "not_entailment"], Inference = ["entailment", "neutral", "contradiction"];

    /// <summary>Every task, in the order of the original's tables; the diagnostic set AX is last.</summary>
    public static IReadOnlyList<TaskDefinition> All { get; } =
    [
        new()
        {
            Name = "cola", DisplayName = "CoLA", TextColumns = ["sentence"], Labels = ["unacceptable", "acceptable"],
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.Mcc], ReportedMetric = Metrics.Mcc,
            Splits = Splits("CoLA.tsv", 1063),
            ArchiveColumns = role => role == SplitRole.Test ? new(["sentence"]) : new(["4"], Label: "2", HasHeader: false),
        },
        new()
        {
            Name = "sst2", DisplayName = "SST-2", TextColumns = ["sentence"], Labels = ["negative", "positive"],
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.Accuracy], ReportedMetric = Metrics.Accuracy,
            Splits = Splits("SST-2.tsv", 1821),
        },
        new()
        {
            Name = "mrpc", DisplayName = "MRPC", TextColumns = ["sentence1", "sentence2"], Labels = ["not_equivalent", "equivalent"],
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.F1, Metrics.Accuracy], ReportedMetric = Metrics.Accuracy, IsUnordered = true,
            Splits = Splits("MRPC.tsv", 1725),
            ArchiveColumns = _ => new(["#1 String", "#2 String"], Label: "Quality"),
        },
        new()
        {
            Name = "stsb", DisplayName = "STS-B", TextColumns = ["sentence1", "sentence2"], Range = (0, 5),
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.Pearson, Metrics.Spearman], ReportedMetric = Metrics.Spearman, Epochs = 10, IsUnordered = true,
            Splits = Splits("STS-B.tsv", 1379),
            ArchiveColumns = _ => new(["sentence1", "sentence2"], Label: "score"),
        },
        new()
        {
            Name = "qqp", DisplayName = "QQP", TextColumns = ["question1", "question2"], Labels = ["not_duplicate", "duplicate"],
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.F1, Metrics.Accuracy], ReportedMetric = Metrics.Accuracy, DropsEmptyText = true, SkipsTornLines = true,
            Splits = Splits("QQP.tsv", 390965),
            ArchiveColumns = _ => new(["question1", "question2"], Label: "is_duplicate"),
        },
        new()
        {
            Name = "mnli", DisplayName = "MNLI", TextColumns = ["premise", "hypothesis"], Labels = Inference,
            Metrics = [Metrics.Accuracy], ReportedMetric = Metrics.Accuracy,
            Splits =
            [
                new("train", SplitRole.Train),
                new("dev_matched", SplitRole.Dev), new("dev_mismatched", SplitRole.Dev, Suffix: "_mm"),
                new("test_matched", SplitRole.Test, Submission: "MNLI-m.tsv", OfficialRows: 9796),
                new("test_mismatched", SplitRole.Test, Submission: "MNLI-mm.tsv", OfficialRows: 9847),
            ],
            ArchiveColumns = _ => new(["sentence1", "sentence2"], Label: "gold_label"),
        },
        new()
        {
            Name = "qnli", DisplayName = "QNLI", TextColumns = ["question", "sentence"], Labels = Entailment,
            Metrics = [Metrics.Accuracy], ReportedMetric = Metrics.Accuracy,
            Splits = Splits("QNLI.tsv", 5463),
        },
        new()
        {
            Name = "rte", DisplayName = "RTE", TextColumns = ["sentence1", "sentence2"], Labels = Entailment,
            Metrics = [Metrics.Accuracy], ReportedMetric = Metrics.Accuracy, Epochs = 10,
            Splits = Splits("RTE.tsv", 3000),
        },
        new()
        {
            Name = "wnli", DisplayName = "WNLI", TextColumns = ["sentence1", "sentence2"], Labels = ["not_entailment", "entailment"],
            LabelForm = LabelForm.Number,
            Metrics = [Metrics.Accuracy], ReportedMetric = Metrics.Accuracy,
            Splits = Splits("WNLI.tsv", 146),
        },
        new()
        {
            Name = "ax", DisplayName = "AX", TextColumns = ["premise", "hypothesis"], Labels = Inference, Model = "mnli",
            Metrics = [Metrics.Mcc], ReportedMetric = Metrics.Mcc,
            Splits = [new("test", SplitRole.Test, Submission: "AX.tsv", OfficialRows: 1104)],
            ArchiveColumns = _ => new(["sentence1", "sentence2"]),
            ArchiveFiles = ["AX/AX.tsv", "AX/test.tsv", "diagnostic/diagnostic.tsv", "diagnostic/AX.tsv"],
        },
    ];

    /// <summary>The task of a name; null where there is none.</summary>
    public static TaskDefinition? Find(string name) => All.FirstOrDefault(task => task.Name == name);

    /// <summary>The same with its classes in the order of google-research/electra (<c>classification_tasks.py</c>).</summary>
    internal static TaskDefinition? FindGoogles(string name) => Find(name) is not { } task ? null
        : task.Labels != Inference ? task
        : task with { Labels = ["contradiction", "entailment", "neutral"], NumberedLabels = Inference };

    private static TaskSplit[] Splits(string submission, int testRows) =>
    [
        new("train", SplitRole.Train),
        new("dev", SplitRole.Dev),
        new("test", SplitRole.Test, Submission: submission, OfficialRows: testRows),
    ];
}
