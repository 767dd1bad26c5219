using System.Text;
using System.Text.Json;
using Electra.Data.Tagging;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>A tag for each word of a text: names, chunks, parts of speech.</summary>
internal static class WordTags
{
    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = new("tokens")
    {
        Metrics = labels => HasSpans(labels)
            ? [Metrics.F1, Metrics.Precision, Metrics.Recall, Metrics.StrictF1, Metrics.MacroF1, Metrics.WeightedF1, Metrics.Accuracy]
            : [Metrics.Accuracy, Metrics.MacroF1, Metrics.WeightedF1],
        ReportedMetric = Metrics.F1,
        Read = Read,
        ReadsFile = TaggedFiles.IsOne,
        FileForms = TaggedFiles.Extensions,
        Encode = (_, row, encoder) => encoder.AddWords(row),
        ReadsPositions = true,
        EncodedAs = (_, options) => $" {options.Overlap}",
        DevTexts = row => row.WordTexts,
        Unread = task => [.. task.Labels.Select(tag => tag == TagSchemes.Outside ? 0 : Unlikely)],
        Outputs = task => task.Labels.Count,
        Loss = (task, logits, labels, smoothing) =>
            labels.numel() == 0 ? logits.sum() : Classification.CrossEntropy(task, logits, labels, smoothing),
        Weight = Classification.Weight,
        LabelsIn = TypesIn,
        Measure = Measure,
        Report = Report,
        DevPredictions = sets => [(Tasks.DevPredictions.OfWords, string.Concat(sets.Select(set => Compared(set.Outputs))))],
        Text = (task, outputs) => string.Join(' ', Tags(task, outputs)),
        Answer = (rows, row) => JsonSerializer.Serialize(Found(rows.Task, rows.Texts[row], rows[row]), ReadableJson.Options),
        AnswerColumns = "spans",
        Row = (_, line, _) => Row(TaggedText.OfText(line, ""), null),
        Extension = ".conll",
        Files = (rows, texts) => [(".conll", Columns(rows, texts)), (".jsonl", Lines(rows, texts))],
        Pipeline = "token-classification",
        Architecture = _ => "ElectraForTokenClassification",
        HeadText = "one linear layer on the first token of each word",
        Described = task => $"a tag for each word ({task.Scheme.ToString().ToLowerInvariant()}): {string.Join(", ", task.Labels)}",
    };

    /// <summary>The output of a tag other than O for a word that the model does not see: it is O, and the loss of no model.</summary>
    private const float Unlikely = -100;

    /// <summary>The words of a text as a row.</summary>
    /// <param name="text">The text.</param>
    /// <param name="tags">The numbers of their tags; null where there are none.</param>
    private static TaskRow Row(TaggedText text, float[]? tags) =>
        new([text.Text], tags ?? [.. text.Words.Select(_ => float.NaN)]) { Words = text.Words };

    private static bool HasSpans(IReadOnlyList<string> tags) => tags.Contains(TagSchemes.Outside) && tags.All(TagSchemes.IsTag);

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var texts = TaggedFiles.Read(
            file.Path,
            file.Columns.Texts.FirstOrDefault(),
            file.Columns.Label is "label" ? null : file.Columns.Label,
            file.HasLabels,
            task.TagNames
        );
        foreach (var text in texts)
            if (!file.HasLabels)
                yield return Row(text, null);
            else
            {
                Check(task, text);
                leftOut.ExtendedSpans += text.Extended;
                yield return Labelled(task, text);
            }
    }

    /// <summary>A text whose words have tags, or lie in spans, of a task.</summary>
    public static TaskRow Labelled(TaskDefinition task, TaggedText text)
    {
        var tags = task.Scheme == TagScheme.None ? text.Tags!
            : TagSchemes.TagsOf(text.Spans ?? TagSpans.Lenient(text.Tags!), text.Words.Count, task.Scheme);
        string[] labels = [.. task.Labels];
        return Row(text, [.. tags.Select(tag => (float)Array.IndexOf(labels, tag))]);
    }

    /// <summary>Whether all tags, or spans, of a text are of the task.</summary>
    private static void Check(TaskDefinition task, TaggedText text)
    {
        if (task.Scheme == TagScheme.None && text.Tags is null)
            throw new UserErrorException(
                $"{text.Place}: {task.DisplayName} has a tag for each word (scheme: none), and this text has spans"
            );
        IReadOnlyList<string> known = task.Scheme == TagScheme.None ? task.Labels
            : [.. task.Labels.Select(TagSchemes.TypeOf).Where(type => type != "").Distinct()];
        if (task.Scheme != TagScheme.None && text.Tags?.FirstOrDefault(tag => !TagSchemes.IsTag(tag)) is { } odd)
            throw new UserErrorException(
                $"{text.Place}: \"{odd}\" is not a tag: O, or B-, I-, E-, S-, L- or U- and a type. Tags that say nothing of spans are "
                    + "scheme: none"
            );
        var said = task.Scheme == TagScheme.None ? text.Tags!
            : text.Spans?.Select(span => span.Type) ?? text.Tags!.Where(tag => tag != TagSchemes.Outside).Select(TagSchemes.TypeOf);
        if (said.FirstOrDefault(one => !known.Contains(one)) is { } unknown)
            throw new UserErrorException(
                $"{text.Place}: \"{unknown}\" is not one of the labels of {task.DisplayName}, {string.Join(", ", known)}"
                    + (Spelling.Nearest(unknown, known) is { } nearest ? $"; did you mean {nearest}?" : "")
            );
    }

    /// <summary>The tags that outputs say: the most probable of each word, or the most probable that may stand together.</summary>
    private static string[] Tags(TaskDefinition task, float[] outputs) =>
    [
        .. (
            task.ConstrainsTags ? ConstrainedTags.Best(outputs, task.Labels, task.Scheme) : Metrics.Classes(outputs, task.Outputs)
        ).Select(tag => task.Labels[tag]),
    ];

    private static IEnumerable<(string[] Gold, string[] Found)> Sentences(TaskOutputs rows) =>
        Enumerable.Range(0, rows.Count).Select(row =>
            (
                rows.LabelsAt(row).Select(tag => float.IsNaN(tag) ? TagSchemes.Outside : rows.Task.Labels[(int)tag]).ToArray(),
                Tags(rows.Task, rows[row])
            ));

    /// <summary>The tags of the types that are there: that a span of some type never has three words is nothing to warn of.</summary>
    private static IReadOnlySet<int> TypesIn(TaskDefinition task, float[] labels)
    {
        string Type(int tag) => task.Scheme == TagScheme.None ? task.Labels[tag] : TagSchemes.TypeOf(task.Labels[tag]);
        var types = labels.Distinct().Select(label => Type((int)label)).Append("").ToHashSet();
        return Enumerable.Range(0, task.Labels.Count).Where(tag => types.Contains(Type(tag))).ToHashSet();
    }

    private static IReadOnlyDictionary<string, double> Measure(TaskOutputs rows, IReadOnlyList<string> metrics)
    {
        var sentences = Sentences(rows).ToList();
        double accuracy = sentences.Sum(one => one.Gold.Zip(one.Found).Count(pair => pair.First == pair.Second))
            / (double)Math.Max(1, sentences.Sum(one => one.Gold.Length));
        if (!HasSpans(rows.Task.Labels))
        {
            var report = OfWords(rows.Task, sentences);
            return metrics.ToDictionary(name => name, name => name switch
            {
                Metrics.MacroF1 => report.MacroF1,
                Metrics.WeightedF1 => report.WeightedF1,
                _ => accuracy,
            });
        }
        var types = SpanScores.Of(sentences, TagSpans.Lenient);
        var all = ClassScores.Sum(types);
        return metrics.ToDictionary(name => name, name => name switch
        {
            Metrics.Precision => all.Precision,
            Metrics.Recall => all.Recall,
            Metrics.StrictF1 => ClassScores.Sum(SpanScores.Of(sentences, tags => TagSpans.Strict(tags, rows.Task.Scheme))).F1,
            Metrics.MacroF1 => types.Count == 0 ? 0 : types.Average(type => type.F1),
            Metrics.WeightedF1 => ClassScores.WeightedF1(types),
            Metrics.Accuracy => accuracy,
            _ => all.F1,
        });
    }

    private static string Report(TaskOutputs rows)
    {
        var sentences = Sentences(rows).ToList();
        return HasSpans(rows.Task.Labels) && SpanScores.Of(sentences, TagSpans.Lenient) is var types
            ? ClassScores.Table(types, types)
            : OfWords(rows.Task, sentences).ToString();
    }

    private static ClassReport OfWords(TaskDefinition task, IReadOnlyList<(string[] Gold, string[] Found)> sentences)
    {
        var numbers = task.Labels.Index().ToDictionary(tag => tag.Item, tag => tag.Index);
        return new ClassReport(
            task.Labels,
            [.. sentences.SelectMany(one => one.Found).Select(tag => numbers[tag])],
            [.. sentences.SelectMany(one => one.Gold).Select(tag => numbers[tag])]
        );
    }

    /// <summary>Each word, its tag and what is predicted, as conlleval reads them: a blank line after each sentence.</summary>
    private static string Compared(TaskOutputs rows)
    {
        var text = new StringBuilder();
        int word = 0;
        foreach (var (gold, found) in Sentences(rows))
            text.AppendJoin("", gold.Zip(found, (own, guess) => $"{rows.Words[word++]}\t{own}\t{guess}\n")).Append('\n');
        return text.ToString();
    }

    private static string Columns(TaskOutputs rows, IEnumerable<TaskRow> texts)
    {
        var text = new StringBuilder();
        foreach (var (i, row) in texts.Index())
            text.AppendJoin("", row.WordTexts.Zip(Tags(rows.Task, rows[i]), (word, tag) => $"{word}\t{tag}\n")).Append('\n');
        return text.ToString();
    }

    private static string Lines(TaskOutputs rows, IEnumerable<TaskRow> texts) =>
        string.Concat(texts.Select((row, i) =>
            JsonSerializer.Serialize(new { text = row.Texts[0], entities = Found(rows.Task, row, rows[i]) }, ReadableJson.Options) + "\n"));

    /// <summary>The spans of a text, or its words where tags say nothing of spans, with the mean probability of their words.</summary>
    public static IEnumerable<FoundSpan> Spans(TaskDefinition task, TaskRow row, float[] outputs)
    {
        var tags = Tags(task, outputs);
        var spans = HasSpans(task.Labels) ? TagSpans.Lenient(tags) : [.. tags.Select((tag, word) => new TagSpan(tag, word, word))];
        double Score(int word)
        {
            float[] own = outputs[(word * task.Outputs)..((word + 1) * task.Outputs)];
            float chosen = own[Array.IndexOf([.. task.Labels], tags[word])];
            return 1 / own.Sum(output => Math.Exp(output - chosen));
        }
        return spans.Select(span => new FoundSpan(
            row.Words[span.First].Start..row.Words[span.Last].End,
            span.Type,
            Enumerable.Range(span.First, span.Last - span.First + 1).Average(Score)
        ));
    }

    /// <summary>The same as files have it, with places in code points.</summary>
    private static IEnumerable<object> Found(TaskDefinition task, TaskRow row, float[] outputs)
    {
        int[] places = CodePoints.Starts(row.Texts[0]);
        return Spans(task, row, outputs).Select(span => new
        {
            start = Array.BinarySearch(places, span.Place.Start.Value),
            end = Array.BinarySearch(places, span.Place.End.Value),
            label = span.Label,
            text = row.Texts[0][span.Place],
            score = Math.Round(span.Score, 4),
        });
    }
}

/// <summary>A span that a model has found.</summary>
/// <param name="Place">Where it lies in the text, in UTF-16 units.</param>
/// <param name="Label">What it is.</param>
/// <param name="Score">The mean probability of the tags of its words.</param>
internal readonly record struct FoundSpan(Range Place, string Label, double Score);

/// <summary>How well spans are found.</summary>
internal static class SpanScores
{
    /// <summary>The scores of each type, in order of their names.</summary>
    /// <param name="sentences">The tags of each sentence, and what was predicted.</param>
    /// <param name="read">From tags to spans.</param>
    public static IReadOnlyList<ClassScores> Of(
        IEnumerable<(string[] Gold, string[] Found)> sentences,
        Func<IReadOnlyList<string>, IReadOnlyList<TagSpan>> read
    )
    {
        var counts = new SortedDictionary<string, (int Right, int Found, int Gold)>(StringComparer.Ordinal);
        foreach (var (gold, found) in sentences)
        {
            var own = read(gold).ToHashSet();
            foreach (var span in own)
                counts[span.Type] = counts.GetValueOrDefault(span.Type) with { Gold = counts.GetValueOrDefault(span.Type).Gold + 1 };
            foreach (var span in read(found))
                counts[span.Type] = counts.GetValueOrDefault(span.Type) is var one && own.Contains(span)
                    ? one with { Found = one.Found + 1, Right = one.Right + 1 }
                    : one with { Found = one.Found + 1 };
        }
        return [.. counts.Select(type => new ClassScores(type.Key, type.Value.Right, type.Value.Found, type.Value.Gold))];
    }
}
