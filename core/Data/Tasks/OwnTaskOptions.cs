using System.ComponentModel.DataAnnotations;
using Electra.Data.Tagging;

namespace Electra.Data.Tasks;

/// <summary>The kinds that a task of one's own may be of.</summary>
public enum OwnTaskKind
{
    /// <summary>One class of several for a text or a pair.</summary>
    Classification,

    /// <summary>A number for a text or a pair.</summary>
    Regression,

    /// <summary>Any number of labels for a text or a pair.</summary>
    MultiLabel,

    /// <summary>A tag for each word of a text.</summary>
    Tokens,

    /// <summary>The right one of some choices that follow a text.</summary>
    Choice,

    /// <summary>The part of a text that answers a question.</summary>
    Answers,

    /// <summary>A vector for each text, near those of texts that belong to it.</summary>
    Embedding,

    /// <summary>Passages in the order of their relevance to a query.</summary>
    Reranking,

    /// <summary>Which of some candidates a pronoun means.</summary>
    Winograd,
}

/// <summary>A task of one's own, in a few lines of YAML.</summary>
public sealed partial record OwnTaskOptions
{
    /// <summary>What kind of task it is; null: a regression where <c>regression</c> is true, else a classification.</summary>
    public OwnTaskKind? Kind { get; init; }

    /// <summary>
    /// The column of the text, or the two columns of a pair: by name, or by number from 1. Of tagged words, the field of the text or of the
    /// words in a .jsonl; none: <c>tokens</c>, <c>words</c>, <c>text</c> or <c>data.text</c>.
    /// </summary>
    public IReadOnlyList<string> Text { get; init; } = [];

    /// <summary>
    /// The column of the label. Several labels (<c>kind: multi_label</c>) stand in it with <c>|</c> between them, or as a list of a .jsonl.
    /// Of tagged words, the field of the tags or spans in a .jsonl, if not <c>tags</c>, <c>entities</c> or another usual one.
    /// </summary>
    [Required]
    public string Label { get; init; } = "label";

    /// <summary>Whether each of several labels has a column of its own name instead, with 1 where it is there and 0 where not.</summary>
    public bool LabelColumns { get; init; }

    /// <summary>
    /// The labels, as the files have them. None: the label is a number to come close to. Of spans of words, their types:
    /// <c>[person, place]</c>, and not <c>B-person</c>.
    /// </summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>
    /// How the model's tags say where a span begins and ends; files may be in any scheme. <c>auto</c>: as the training file. <c>none</c>:
    /// each word has a tag of its own, as parts of speech.
    /// </summary>
    public TagScheme Scheme { get; init; }

    /// <summary>Whether each word has its most probable tag, or all together the most probable that may follow each other.</summary>
    public TagDecoding Decode { get; init; }

    /// <summary>Of answers (<c>kind: answers</c>): the head, windows over long texts, and how answers are chosen.</summary>
    public AnswerOptions? Answers { get; init; }

    /// <summary>
    /// What stands in the place of the label where a row has none: such rows are left out, and counted. SNLI has <c>["-"]</c>, others
    /// <c>["-1"]</c> or <c>[""]</c>; an empty field, a null and NaN are <c>""</c>.
    /// </summary>
    public IReadOnlyList<string> DropLabels { get; init; } = [];

    /// <summary>Whether the label is a number to come close to (a regression): then no labels are given.</summary>
    public bool Regression { get; init; }

    /// <summary>The lowest and the highest value of a regression: <c>[0, 5]</c>. None: no limits.</summary>
    public IReadOnlyList<double> Range { get; init; } = [];

    /// <summary>The file to train on: .tsv (without quotes), .csv, .jsonl or .parquet.</summary>
    [ExecutionOnly]
    public string Train { get; init; } = "";

    /// <summary>The file to measure on; empty: rows held out from the training file.</summary>
    [ExecutionOnly]
    public string Dev { get; init; } = "";

    /// <summary>The file to predict; may be empty.</summary>
    [ExecutionOnly]
    public string Test { get; init; } = "";

    /// <summary>Whether the file to predict has labels: its predictions are then scored.</summary>
    [ExecutionOnly]
    public bool TestLabels { get; init; }

    /// <summary>The share of the training rows that is held out to measure on, where no file is given for that.</summary>
    [Range(0.0, 0.9)]
    public double HeldOut { get; init; }

    /// <summary>Whether the first line of a .tsv or .csv names the columns.</summary>
    public bool Header { get; init; } = true;

    /// <summary>Passes over the training rows.</summary>
    [Range(1, 1000)]
    public int Epochs { get; init; } = 3;

    /// <summary>
    /// The metric that is reported, and by which the best run is chosen; empty: accuracy, spearman, or f1_micro of several labels.
    /// </summary>
    [AllowedValues(
        "",
        Metrics.Accuracy,
        Metrics.F1,
        Metrics.Mcc,
        Metrics.MacroF1,
        Metrics.WeightedF1,
        Metrics.BalancedAccuracy,
        Metrics.MicroF1,
        Metrics.ExactMatch,
        Metrics.Precision,
        Metrics.Recall,
        Metrics.StrictF1,
        Metrics.BestF1,
        Metrics.BestExact,
        Metrics.Ndcg10,
        Metrics.Mrr10,
        Metrics.Map100,
        Metrics.MeanPrecision,
        Metrics.Accuracy1,
        Metrics.Recall10,
        Metrics.Pearson,
        Metrics.Spearman
    )]
    public string Metric { get; init; } = "";

    /// <summary>What classes weigh in the loss, by label: <c>{spam: 5}</c>; others weigh 1. None: all the same.</summary>
    public IReadOnlyDictionary<string, double> ClassWeights { get; init; } = new Dictionary<string, double>();

    /// <summary>Whether rare classes weigh more in the loss: rows / (classes · rows of the class).</summary>
    public bool BalanceClasses { get; init; }

    /// <summary>Whether the order of the two texts means nothing: training rows are then also shown with the two swapped.</summary>
    public bool Unordered { get; init; }

    /// <summary>What is wrong between values that are each right, by key.</summary>
    public IEnumerable<(string Key, string Problem)> Problems() =>
        Of() == Tasks.Answers.Kind
            ? [.. OfAnswers(), .. OfPronouns(), .. OfRanking(), .. OfMetric(), .. OfFiles()]
            : [.. OfWords(), .. OfChoices(), .. OfPronouns(), .. OfRanking(), .. OfLabels(), .. OfSeveral(), .. OfMetric(), .. OfFiles()];

    /// <summary>The kind of task.</summary>
    internal TaskKind Of() => Kind switch
    {
        OwnTaskKind.MultiLabel => MultiLabel.Kind,
        OwnTaskKind.Tokens => WordTags.Kind,
        OwnTaskKind.Choice => Choice.Kind,
        OwnTaskKind.Answers => Tasks.Answers.Kind,
        OwnTaskKind.Winograd => Winograd.Kind,
        OwnTaskKind.Reranking => Loss is TextLoss.Auto or TextLoss.Bce ? Reranking.OfPassages : Reranking.OfLists,
        OwnTaskKind.Embedding => IsScored ? Embedding.OfScores : Embedding.OfRetrieval,
        _ => IsRegression ? Tasks.Regression.Kind : Classification.Kind,
    };

    /// <summary>What the outputs of the model stand for, in their order.</summary>
    internal IReadOnlyList<string> Outputs => Kind == OwnTaskKind.Tokens ? TagSchemes.Tags(Labels, Scheme) : Labels;

    /// <summary>What it is measured by.</summary>
    internal IReadOnlyList<string> Measured =>
        Of() == Tasks.Answers.Kind ? Tasks.Answers.MetricsOf(Answers ?? new()) : Of().Metrics(Outputs);

    private bool IsRegression => Regression || Kind == OwnTaskKind.Regression;

    private IEnumerable<(string Key, string Problem)> OfAnswers()
    {
        foreach (var (key, isGiven) in new[]
        {
            ("text", Text.Count > 0), ("label", Label != "label"), ("label_columns", LabelColumns), ("labels", Labels.Count > 0),
            ("scheme", Scheme != TagScheme.Bio), ("decode", Decode != TagDecoding.Argmax), ("tags", Tags.Count > 0),
            ("drop_labels", DropLabels.Count > 0),
            ("regression", Regression), ("header", !Header), ("class_weights", ClassWeights.Count > 0),
            ("balance_classes", BalanceClasses), ("unordered", Unordered),
        })
            if (isGiven)
                yield return (key, "is not for answers (kind: answers), whose files say what is the question, its text and its answers");
        foreach (var (key, problem) in (Answers ?? new()).Problems())
            yield return ($"answers.{key}", problem);
    }

    private IEnumerable<(string Key, string Problem)> OfLabels()
    {
        if (Of() != WordTags.Kind && Kind is not (OwnTaskKind.Embedding or OwnTaskKind.Winograd) && Text.Count is < 1 or > 2)
            yield return ("text", "names the column of the text, or the two of a pair: text: [sentence1, sentence2]");
        if (Regression && Kind is not (null or OwnTaskKind.Regression))
            yield return ("regression", $"cannot be given with another kind: leave out one of the two");
        bool needsLabels = Kind is not (OwnTaskKind.Choice or OwnTaskKind.Embedding or OwnTaskKind.Reranking or OwnTaskKind.Winograd);
        if (needsLabels && IsRegression == Labels.Count > 0)
            yield return (
                "labels",
                IsRegression
                    ? "cannot be given for a regression: leave them out, or labels=null takes away those of the file"
                    : Of() == WordTags.Kind ? "is missing: give the types of spans (labels: [person, place]), or all tags with scheme: none"
                    : "is missing: give the labels (labels: [no, yes]), or regression: true"
            );
        if ((Labels.Count == 1 && Of() is var kind && kind != MultiLabel.Kind && (kind != WordTags.Kind || Scheme == TagScheme.None))
            || Labels.Distinct().Count() != Labels.Count)
            yield return ("labels", "must be two or more, each once");
        if (Labels.Intersect(DropLabels).ToArray() is { Length: > 0 } both)
            yield return ("drop_labels", $"cannot leave out {both[0]}, which is one of labels");
        if (Labels.FirstOrDefault(label => label.Contains(MultiLabel.Separator)) is { } divided && Of() == MultiLabel.Kind)
            yield return ("labels", $"cannot have {divided}: {MultiLabel.Separator} stands between the labels of a row");
    }

    private IEnumerable<(string Key, string Problem)> OfSeveral()
    {
        if (LabelColumns && Of() != MultiLabel.Kind)
            yield return ("label_columns", "is for several labels (kind: multi_label)");
        if (LabelColumns && DropLabels.Count > 0)
            yield return ("drop_labels", "cannot be given with label_columns, which are 0 or 1");
        if ((ClassWeights.Count > 0 || BalanceClasses) && Of() != Classification.Kind)
            yield return (ClassWeights.Count > 0 ? "class_weights" : "balance_classes", "is for one class of several");
        if (ClassWeights.Count > 0 && BalanceClasses)
            yield return ("class_weights", "cannot be given with balance_classes, which sets them");
        if (ClassWeights.Keys.Except(Labels).FirstOrDefault() is { } unknown && Of() == Classification.Kind)
            yield return ("class_weights", $"has {unknown}, which is not one of labels");
        if (ClassWeights.Values.Any(weight => !(weight > 0 && double.IsFinite(weight))))
            yield return ("class_weights", "must be numbers above 0");
    }

    private IEnumerable<(string Key, string Problem)> OfMetric()
    {
        if (Range.Count > 0 && !((IsRegression || IsScored || Kind == OwnTaskKind.Reranking) && Range.Count == 2 && Range[0] < Range[1]))
            yield return ("range", "is the lowest and the highest value of a regression, or label of a pair: range: [0, 5]");
        if (Metric == Metrics.F1 && Labels.Count > 2 && Of() == Classification.Kind)
            yield return ("metric", "f1 is for two labels: of more there are f1_macro and f1_weighted");
        else if (Metric != "" && !Measured.Contains(Metric))
            yield return (
                "metric",
                $"cannot be {Metric} for {(IsRegression ? "a regression"
                    : Of() == MultiLabel.Kind ? "several labels"
                    : Of() == Tasks.Answers.Kind ? "such answers"
                    : Kind == OwnTaskKind.Reranking ? "passages"
                    : Embeds is null ? "labels"
                    : IsScored ? "pairs with scores"
                    : "texts that are searched for")}: {string.Join(", ", Measured)}"
            );
    }

    private IEnumerable<(string Key, string Problem)> OfFiles()
    {
        if (Train != "" && Dev == "" && HeldOut == 0)
            yield return ("dev", "is missing: give a file to measure on, or a share of the training rows (held_out: 0.1)");
        if (Dev != "" && HeldOut > 0)
            yield return ("held_out", "cannot be given with a file to measure on (dev)");
        var files = new[] { ("train", Train), ("dev", Dev), ("test", Test) }.Where(file => file.Item2 != "").ToList();
        foreach (var (key, file) in files)
            if (Of() is var kind && (kind == WordTags.Kind || kind == Tasks.Answers.Kind) && !kind.ReadsFile(file))
                yield return (key, $"is {file}, and {(kind == WordTags.Kind ? "tagged words" : "questions")} are {kind.FileForms}");
        if (Of() == WordTags.Kind && (Text.Count > 0 || Label != "label") && !files.Exists(file => TaggedFiles.HasFields(file.Item2)))
            yield return (
                Text.Count > 0 ? "text" : "label",
                "names a field of a .jsonl or .parquet: files of columns have the word in the first and the tag in the last"
            );
        if (TestLabels && Test == "")
            yield return ("test_labels", "is said of a file that is not given (test)");
    }
}
