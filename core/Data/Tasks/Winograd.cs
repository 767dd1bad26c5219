using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Data.Readers;
using Electra.Storage;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>
/// Which of some candidates a pronoun means, or whether it means the one that is asked about, the query (Winograd schemas; SuperGLUE's
/// WSC). Each candidate is put in the pronoun's place, and the discriminator, with the head of its pre-training, says how original it is
/// there: the mean of its logits over the candidate's tokens (richarddwang/electra_pytorch, <c>_utils/wsc_trick.py</c>). An output is that
/// mean with its sign changed: the highest is the most original.
/// </summary>
/// <remarks>
/// A row's texts are the sentence, the pronoun, the number of its word where files have it, then the candidates, the query first. A
/// candidate has the label 1 where it is right, else 0; a query may be wrong, and then no candidate is known to be right.
/// </remarks>
internal static class Winograd
{
    /// <summary>The columns of a table where a configuration does not name them.</summary>
    public static readonly string[] Texts = ["text", "pronoun"], Candidates = ["candidates"];

    /// <summary>The kind.</summary>
    public static TaskKind Kind { get; } = Choice.Kind with
    {
        Name = "winograd",
        Read = Read,
        ReadsFile = file => TableFile.IsTable(file) || IsBlocks(file),
        FileForms = $"{TableFile.Extensions}, or .txt with four lines for a row",
        Row = Row,
        LineText = task => string.Join("<tab>", task.TextColumns) + "<tab>candidate<tab>candidate…",
        Encode = Encode,
        ReadsSpans = true,
        Head = _ => TaskHead.OfDiscriminator,
        Loss = Loss,
        Measure = (rows, _) => new Dictionary<string, double>
        {
            [Metrics.Accuracy] = Enumerable.Range(0, rows.Count).Average(row => Said(rows.Task, rows[row]) == Truth(rows, row) ? 1 : 0),
        },
        DevPredictions = sets => [(DevPredictions.OfSeveralLabels, Choice.Predictions(sets, Truth, Said))],
        Text = Said,
        Answer = Answer,
        AnswerColumns = "candidate or label<tab>probability",
        Architecture = _ => "ElectraForPreTraining",
        Pipeline = null,
        HeadText = "the discriminator's head says how original each candidate is in the pronoun's place",
        Described = task => task.HasQuery
            ? $"a pronoun that means the query ({task.Labels[1]}) or not ({task.Labels[0]})"
            : $"the candidates of a pronoun{(task.Labels.Count > 0 ? $", which files call {string.Join(", ", task.Labels)}" : "")}",
    };

    /// <summary>Whether a file has a line each for sentence, pronoun, candidates with commas between, and the right one.</summary>
    public static bool IsBlocks(string file) => TableFile.Extension(file) == ".txt";

    /// <summary>
    /// The mean over rows whose right candidate is known of the mean over candidates of the binary cross-entropy: the right one is
    /// original, the others are replaced. Smoothing moves each target towards a half.
    /// </summary>
    private static Tensor Loss(TaskDefinition task, Tensor logits, Tensor labels, double smoothing)
    {
        var scores = logits.squeeze(-1);
        var there = scores.isfinite();
        var known = labels.eq(1).any(1).to(float32);
        var right = labels.masked_fill(there.logical_not(), 0);
        if (smoothing > 0)
            right = (right * (1 - smoothing)) + (smoothing / 2);
        var each = binary_cross_entropy_with_logits(scores.masked_fill(there.logical_not(), 0), right, reduction: nn.Reduction.None);
        return ((each * there).sum(1) / there.sum(1) * known).sum() / known.sum().clamp(min: 1);
    }

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var reader = new LabelReader(task, file.LabelForm);
        foreach (var row in IsBlocks(file.Path) ? Blocks(file) : Choice.Values(task, file, leftOut))
            yield return Made(task, row, candidates =>
            {
                var place = $"{row.Place}: {file.Columns.Label}";
                if (task.HasQuery)
                    return reader.Read(row.Label!, place) == 1 ? 0 : -1;
                return Array.IndexOf(candidates, row.Label!.Trim()) is >= 0 and var right
                    ? right
                    : Choice.Number(task, row.Label, candidates.Length, place);
            });
    }

    private static TaskRow Row(TaskDefinition task, string line, string place) =>
        Made(task, Choice.Values(task, line, place), _ => throw new InvalidOperationException("a line has no label"));

    /// <summary>A row of some values.</summary>
    /// <param name="task">The task.</param>
    /// <param name="row">The values.</param>
    /// <param name="right">Which candidate is right, where there is a label; −1: not the query.</param>
    private static TaskRow Made(TaskDefinition task, ChoiceValues row, Func<string[], int> right)
    {
        var (texts, candidates) = (row.Texts, row.Choices);
        if (task.HasQuery)
        {
            var query = Cleaned(texts[^1]);
            if (query == "")
                throw new UserErrorException($"{row.Place}: {task.TextColumns[^1]} is empty; it is what the pronoun may mean");
            (texts, candidates) = (texts[..^1], [query, .. Others(query, candidates)]);
        }
        Find(texts, row.Place);
        int? known = row.Label is null ? null : right(candidates);
        return new TaskRow(
            [.. texts, .. candidates],
            [.. candidates.Select((_, i) => known is null ? float.NaN : i == known ? 1f : 0f)]
        );
    }

    private static string Cleaned(string query)
    {
        query = query.Replace('\n', ' ').Trim();
        return query.EndsWith('.') || query.EndsWith(',') ? query[..^1] : query;
    }

    /// <summary>The candidates that are others than the query: neither has the other in it.</summary>
    private static IEnumerable<string> Others(string query, IEnumerable<string> candidates) =>
        candidates
            .Select(candidate => candidate.Trim())
            .Where(candidate =>
                !candidate.Contains(query, StringComparison.OrdinalIgnoreCase)
                && !query.Contains(candidate, StringComparison.OrdinalIgnoreCase)
            )
            .Distinct();

    /// <summary>
    /// Where the pronoun stands in its sentence: the first whole word that is the same, or the word of that number, from 0 between single
    /// spaces. Some rows of SuperGLUE count a word too few: then it is the next one.
    /// </summary>
    /// <exception cref="UserErrorException">It is not there.</exception>
    private static (int Start, int End) Find(IReadOnlyList<string> texts, string place)
    {
        var (sentence, pronoun) = (texts[0], texts[1].Trim().TrimEnd('.', ',', '"'));
        if (pronoun == "")
            throw new UserErrorException($"{place}: the pronoun is empty");
        if (texts.Count == 2)
            return Regex.Match(sentence, $@"(?<!\w){Regex.Escape(pronoun)}(?!\w)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)
                is { Success: true } found
                ? (found.Index, found.Index + found.Length)
                : throw new UserErrorException($"{place}: the pronoun \"{pronoun}\" is not a word of \"{sentence}\"");
        if (!int.TryParse(texts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            throw new UserErrorException($"{place}: \"{texts[2]}\" is not the number of the pronoun's word, from 0");
        string[] words = sentence.Split(' ');
        for (int word = number; word <= number + 1 && word < words.Length; word++)
            if (words[word].TrimEnd('.', ',', '"').Equals(pronoun, StringComparison.OrdinalIgnoreCase))
                return words[..word].Sum(before => before.Length + 1) is var start ? (start, start + pronoun.Length) : default;
        throw new UserErrorException(
            $"{place}: the pronoun \"{pronoun}\" is not word {number} of its sentence, from 0 between single spaces: "
                + (number < words.Length ? $"that is \"{words[number]}\"" : $"it has {words.Length}")
        );
    }

    private static void Encode(TaskDefinition task, TaskRow row, TaskEncoder encoder)
    {
        string[] texts = [.. row.Texts.SkipLast(row.Labels.Count)], candidates = [.. row.Texts.Skip(texts.Length)];
        var (start, end) = Find(texts, task.DisplayName);
        encoder.AddInPlace(row, texts[0][..start], candidates, texts[0][end..]);
    }

    /// <summary>Rows of four lines with an empty one between: sentence, pronoun, candidates, the right one (WSC273, DPR).</summary>
    private static IEnumerable<ChoiceValues> Blocks(TaskFile file)
    {
        var info = new FileInfo(file.Path);
        var source = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        var block = new List<string>();
        foreach (var (i, line) in SourceStreams.Lines(source, new ReadPosition(_ => { })).Append("").Index())
        {
            if (line.Trim('\uFEFF', ' ', '\t') is not "" and var text)
                block.Add(text);
            else if (block.Count > 0)
            {
                var place = $"{Paths.Shown(file.Path)}:{i + 1 - block.Count}";
                if (block.Count != 4 && (file.HasLabels || block.Count != 3))
                    throw new UserErrorException(
                        $"{place}: {Plural.Of(block.Count, "line")} between empty ones; four are expected: the sentence, its pronoun, the "
                            + "candidates with commas between, and the right one"
                    );
                string[] candidates = [.. block[2].Split(',').Select(candidate => candidate.Trim())];
                Choice.Check(candidates, place, least: 2);
                yield return new ChoiceValues(place, [block[0], block[1]], candidates, file.HasLabels ? block[3] : null);
                block.Clear();
            }
        }
    }

    /// <summary>The most original candidate, or whether the query is that: it also is where another is as original.</summary>
    private static string Said(TaskDefinition task, float[] outputs) =>
        task.HasQuery ? task.Labels[Choice.Best(outputs) == 0 ? 1 : 0] : Choice.Name(task, Choice.Best(outputs));

    private static string Truth(TaskOutputs rows, int row) =>
        rows.Task.HasQuery ? rows.Task.Labels[(int)rows.LabelsAt(row)[0]] : Choice.Name(rows.Task, Choice.Best(rows.LabelsAt(row)));

    /// <summary>The candidate itself, or the label of the query, with the share that it has of all candidates.</summary>
    private static string Answer(TaskOutputs rows, int row)
    {
        var (task, outputs) = (rows.Task, rows[row]);
        int best = Choice.Best(outputs);
        var said = task.HasQuery ? Said(task, outputs) : rows.Texts[row].Texts[^(outputs.Length - best)];
        double share = Labels.Probabilities(outputs)[task.HasQuery ? 0 : best];
        return string.Create(CultureInfo.InvariantCulture, $"{said}\t{(task.HasQuery && best != 0 ? 1 - share : share):F4}");
    }
}
