using System.ComponentModel.DataAnnotations;

namespace Electra.Data.Tasks;

// Keys of tasks in which texts are chosen, compared or ranked.
public sealed partial record OwnTaskOptions
{
    private const double UsualScale = 20;

    /// <summary>
    /// Of a task with choices: their columns, <c>[ending0, ending1]</c>, or one column with a list of them in a .jsonl. The text is the
    /// column of what they all follow, or two, of which the second stands before each choice. The label is the number of the right one
    /// from 0, its letter from A, or one of <c>labels</c>.
    /// </summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>
    /// Of pronouns (<c>kind: winograd</c>): the column of what a pronoun may mean, of which the label says whether it does, by the second
    /// of two <c>labels</c>; the candidates are others. Empty: the label says which of the candidates is right.
    /// </summary>
    public string Query { get; init; } = "";

    /// <summary>
    /// What embeddings or rerankers are learned by; <c>cosent</c> and <c>cosine</c> want pairs with a score as their label.
    /// </summary>
    public TextLoss Loss { get; init; }

    /// <summary>Of embeddings: the columns of the texts in the files to measure on and to predict, where they are others.</summary>
    public IReadOnlyList<string> DevText { get; init; } = [];

    /// <summary>Of embeddings: how the states of a text's tokens become one vector.</summary>
    public Pooling Pooling { get; init; }

    /// <summary>Of embeddings: whether vectors are divided by their length.</summary>
    public bool Normalise { get; init; } = true;

    /// <summary>Of embeddings: what cosines are multiplied by in the loss: 20 is a temperature of 0.05.</summary>
    [Range(1e-3, 1e6)]
    public double Scale { get; init; } = UsualScale;

    /// <summary>
    /// Of embeddings: beginnings of vectors, by their length, that are to be of use without the rest: <c>[128, 64]</c>. The loss is the sum
    /// over them and the whole (Kusupati et al. 2022).
    /// </summary>
    [Range(1, 1 << 16)]
    public IReadOnlyList<int> Dimensions { get; init; } = [];

    /// <summary>
    /// Of embeddings with <c>loss: ranking</c>: whether a batch may have a text twice, which is then a wrong partner where it is the right
    /// one. False: rows with a text in common go into different batches, as far as there are batches for them.
    /// </summary>
    public bool Duplicates { get; init; }

    /// <summary>The settings of embeddings; null of other tasks.</summary>
    internal EmbeddingSettings? Embeds => Kind != OwnTaskKind.Embedding ? null
        : new(Loss == TextLoss.Auto ? TextLoss.Ranking : Loss, Pooling, Scale, Normalise, Dimensions)
        {
            SeparatesDuplicates = !Duplicates && Loss is TextLoss.Auto or TextLoss.Ranking,
        };

    /// <summary>Whether pairs to measure on have scores.</summary>
    private bool IsScored => Embeds is { } embeds && (embeds.LearnsScores || Metrics.ForValues.Contains(Metric));

    private IEnumerable<(string Key, string Problem)> OfChoices()
    {
        if (Of() != Choice.Kind)
        {
            if (Choices.Count > 0 && Kind != OwnTaskKind.Winograd)
                yield return ("choices", "are columns of a task with choices (kind: choice)");
            yield break;
        }
        if (Choices.Count == 0)
            yield return ("choices", "is missing: the columns of the choices (choices: [ending0, ending1]), or the one of their list");
        if (Choices.Concat(Text).GroupBy(column => column).FirstOrDefault(same => same.Count() > 1) is { } twice)
            yield return ("choices", $"has {twice.Key} twice, here or as text");
        if (Unordered)
            yield return ("unordered", "is for pairs: choices follow their text");
    }

    /// <summary>The columns of texts, the query's among them.</summary>
    internal IReadOnlyList<string> TextColumns =>
        Kind != OwnTaskKind.Winograd ? Text
        : [.. Text.Count > 0 ? Text : Winograd.Texts, .. Query == "" ? Array.Empty<string>() : [Query]];

    /// <summary>The columns of choices.</summary>
    internal IReadOnlyList<string> ChoiceColumns => Kind == OwnTaskKind.Winograd && Choices.Count == 0 ? Winograd.Candidates : Choices;

    private IEnumerable<(string Key, string Problem)> OfPronouns()
    {
        if (Kind != OwnTaskKind.Winograd)
        {
            if (Query != "")
                yield return ("query", "is what a pronoun may mean (kind: winograd)");
            yield break;
        }
        if (Text.Count is 1 or > 3)
            yield return ("text", "names the columns of a sentence and its pronoun, and of the number of its word: text: [text, pronoun]");
        if (TextColumns.Concat(ChoiceColumns).GroupBy(column => column).FirstOrDefault(same => same.Count() > 1) is { } twice)
            yield return ("text", $"has {twice.Key} twice, here, as query or as choices");
        if (Query != "" && Labels.Count != 2)
            yield return ("labels", "are two, and the second says that the pronoun means the query: labels: [false, true]");
        foreach (var file in new[] { Train, Dev, Test })
            if (Query != "" && Winograd.IsBlocks(file))
                yield return ("query", $"is a column, and {file} has sentences with the right candidate");
        if (Unordered)
            yield return ("unordered", "is for pairs: candidates are put into their sentence");
    }

    private IEnumerable<(string Key, string Problem)> OfRanking() => [.. OfEmbeddings(), .. OfPassages()];

    private IEnumerable<(string Key, string Problem)> OfPassages()
    {
        if (Kind != OwnTaskKind.Reranking)
            yield break;
        if (Loss is TextLoss.Ranking or TextLoss.Cosent or TextLoss.Cosine)
            yield return ("loss", "of rerankers is bce, ranknet, listnet or margin_mse");
        if (Labels.Count > 0 || Unordered)
            yield return Labels.Count > 0 ? ("labels", "is not for passages, whose labels are numbers")
                : ("unordered", "is not for passages, which follow their query");
        if (Text.Count == 1 && (Label != "label" || Range.Count > 0 || DropLabels.Count > 0))
            yield return (
                Label != "label" ? "label" : Range.Count > 0 ? "range" : "drop_labels",
                "is for files with a line a passage: lists say what is right"
            );
        if (Text.Count == 2 && Loss == TextLoss.MarginMse && HeldOut > 0 && Range.Count == 0)
            yield return ("held_out", "has another model's scores as labels: give a file with relevance (dev), or their range: [0, 1]");
        foreach (var (key, file) in new[] { ("train", Train), ("dev", Dev), ("test", Test) })
            if (Text.Count == 1 && file != "" && Readers.TableFile.Extension(file) is not (".jsonl" or ".ndjson" or ".json"))
                yield return (key, $"is {file}, and lists of passages are .jsonl");
    }

    private IEnumerable<(string Key, string Problem)> OfEmbeddings()
    {
        if (Embeds is not { } embeds)
        {
            foreach (var (key, isGiven) in new[]
            {
                ("loss", Loss != TextLoss.Auto && Kind != OwnTaskKind.Reranking), ("dev_text", DevText.Count > 0),
                ("pooling", Pooling != default), ("normalise", !Normalise), ("scale", Scale != UsualScale),
                ("dimensions", Dimensions.Count > 0), ("duplicates", Duplicates),
            })
                if (isGiven)
                    yield return (key, key == "loss" ? "is for embeddings and rerankers (kind: embedding, kind: reranking)"
                        : "is for embeddings (kind: embedding)");
            yield break;
        }
        if (embeds.Loss is not (TextLoss.Ranking or TextLoss.Cosent or TextLoss.Cosine))
            yield return ("loss", "of embeddings is ranking, cosent or cosine");
        if (Duplicates && embeds.LearnsScores)
            yield return ("duplicates", "is about loss: ranking, which takes the texts of other rows for wrong ones");
        if (Text.Count < 2)
            yield return ("text", "names the columns of two texts that belong together, and of wrong ones: text: [query, passage, other]");
        else if (embeds.LearnsScores && Text.Count > 2)
            yield return ("text", $"is {Text.Count} columns, and pairs with scores are two: text: [sentence1, sentence2]");
        if (DevText.Count == 1 || (IsScored && !embeds.LearnsScores && (DevText.Count > 0 ? DevText : Text).Count > 2))
            yield return ("dev_text", "names the columns of pairs to measure on: dev_text: [sentence1, sentence2]");
        if (DevText.Count > 0 && Dev == "" && Test == "")
            yield return ("dev_text", "names columns of a file that is not given (dev)");
        if (IsScored && !embeds.LearnsScores && HeldOut > 0)
            yield return ("held_out", $"has no scores, which {Metric} wants: give a file of pairs with scores (dev)");
        if (Labels.Count > 0 || Unordered)
            yield return (Labels.Count > 0 ? "labels" : "unordered", "is not for embeddings");
    }
}
