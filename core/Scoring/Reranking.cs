using System.Globalization;
using System.Text.Json;
using Electra.Data.Readers;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Scoring;

/// <summary>
/// Chooses from lists of hypotheses: the order is that of λ₁ · score of the system + λ₂ · score of the sentence (Salazar et al. 2020).
/// </summary>
internal static class Reranking
{
    private static readonly string[] Columns = ["id", "score", "text", "reference"];

    /// <summary>A hypothesis.</summary>
    /// <param name="Text">The sentence.</param>
    /// <param name="Base">The score of the system that made it.</param>
    /// <param name="Score">The score of the sentence.</param>
    /// <param name="Errors">Wrong words, where the reference is known.</param>
    internal readonly record struct Hypothesis(string Text, double Base, double Score, int? Errors);

    /// <summary>A list of hypotheses, and the words of its reference where this is known.</summary>
    internal sealed record HypothesisList(string Id, IReadOnlyList<Hypothesis> Hypotheses, int? Words)
    {
        /// <summary>The list, the best first; of equal ones the first in the list.</summary>
        public IEnumerable<Hypothesis> Ranked(double first, double second) =>
            Hypotheses.OrderByDescending(one => (first * one.Base) + (second * one.Score));
    }

    /// <summary>Chooses weights where it is asked to, orders the lists with them, and writes these.</summary>
    public static int Write(Run<FinetuneConfig> run, Compute compute)
    {
        var (options, rerank, console) = (run.Config.Predict, run.Config.Predict.Rerank, run.Console);
        if (rerank.Lists != "" && LineAnswers.IsStandardOutput(options.Output))
            console.LeaveStandardOutput();
        using var scorer = SentenceScores.Only(run, compute);
        // Both tables are checked before a sentence is scored, which may take hours.
        var tables = new[] { rerank.Tune, rerank.Lists }
            .Where(file => file != "")
            .Distinct()
            .ToDictionary(file => file, file => Read(file, scorer, needsReference: file == rerank.Tune));
        foreach (var file in tables.Keys)
            LineAnswers.RequireOther(file, options.Output);
        IReadOnlyList<HypothesisList> Lists(string file) => Scored(tables[file], scorer, options.LengthNormalised, run.Stopping);
        var tuning = rerank.Tune == "" ? [] : Lists(rerank.Tune);
        var (first, second) = rerank.Weights is [var a, var b] ? (a, b) : Tuned(tuning, console);
        if (rerank.Lists == "")
            return 0;
        var lists = rerank.Lists == rerank.Tune ? tuning : Lists(rerank.Lists);
        LineAnswers.Write(rerank.Lists, options.Output, output =>
        {
            bool isJson = SourceFile.FormatOf(options.Output) == SourceFormat.JsonLines;
            if (!isJson)
                output.WriteLine("id\trank\ttotal\tscore\tsentence_score\ttext");
            foreach (var list in lists)
                foreach (var (i, one) in list.Ranked(first, second).Index())
                    output.WriteLine(Line(isJson, list.Id, i + 1, (first * one.Base) + (second * one.Score), one));
        });
        if (lists.All(list => list.Words is not null))
            console.Table(["chosen by", "wrong words"], Report(lists, first, second));
        if (!LineAnswers.IsStandardOutput(options.Output))
            console.Line($"{Paths.Shown(Paths.Output(options.Output))}: {lists.Count:N0} lists");
        return 0;
    }

    /// <summary>
    /// The weights 1 and λ ≥ 0 with the fewest wrong words, found exactly: as λ grows, what a list chooses changes where two of its lines
    /// base + λ · score cross (Och 2003). Of the best values the middle of the widest range, which is the least chance.
    /// </summary>
    internal static (double First, double Second) BestWeights(IReadOnlyList<HypothesisList> lists)
    {
        var changes = lists.SelectMany(Changes).GroupBy(change => change.At).OrderBy(same => same.Key)
            .Select(same => (At: same.Key, Errors: same.Sum(change => change.Errors)))
            .Where(change => change.Errors != 0)
            .ToList();
        double[] ends = [0, .. changes.Select(change => change.At), changes is [.., { At: > 0 and var last }] ? 2 * last : 1];
        int errors = lists.Sum(list => list.Ranked(1, 0).First().Errors!.Value);
        var best = (Low: 0.0, High: ends[1], Errors: errors);
        foreach (var (i, change) in changes.Index())
        {
            errors += change.Errors;
            var (low, high) = (change.At, ends[i + 2]);
            if (errors < best.Errors || (errors == best.Errors && high - low > best.High - best.Low))
                best = (low, high, errors);
        }
        return (1, (best.Low + best.High) / 2);
    }

    /// <summary>Where λ, growing from 0, makes a list choose another hypothesis, and how many more errors this has: the upper envelope of
    /// its lines.</summary>
    private static IEnumerable<(double At, int Errors)> Changes(HypothesisList list)
    {
        var (chosen, at) = (list.Ranked(1, 0).First(), 0.0);
        while (true)
        {
            var crossings = list.Hypotheses
                .Where(one => one.Score > chosen.Score)
                .Select(one => (At: Math.Max(at, (chosen.Base - one.Base) / (one.Score - chosen.Score)), One: one))
                .ToList();
            if (crossings.Count == 0)
                yield break;
            var next = crossings.MinBy(crossing => (crossing.At, -crossing.One.Score));
            yield return (next.At, next.One.Errors!.Value - chosen.Errors!.Value);
            (at, chosen) = next;
        }
    }

    /// <summary>The fewest changes of words that make one text another (Levenshtein 1966).</summary>
    internal static int WrongWords(string text, string reference)
    {
        string[] words = Words(text), wanted = Words(reference);
        int[] row = [.. Enumerable.Range(0, wanted.Length + 1)];
        foreach (var (i, word) in words.Index())
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 1; j <= wanted.Length; j++)
                (row[j], diagonal) = (
                    Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (word == wanted[j - 1] ? 0 : 1)),
                    row[j]
                );
        }
        return row[^1];
    }

    private static (double, double) Tuned(IReadOnlyList<HypothesisList> lists, RunConsole console)
    {
        var (first, second) = BestWeights(lists);
        var weights = string.Create(CultureInfo.InvariantCulture, $"[{first}, {second:G6}]");
        console.Line($"predict.rerank.weights={weights}, chosen on {lists.Count:N0} lists");
        console.Table(["chosen by", "wrong words"], Report(lists, first, second));
        return (first, second);
    }

    private static IEnumerable<IReadOnlyList<object?>> Report(IReadOnlyList<HypothesisList> lists, double first, double second)
    {
        int words = Math.Max(1, lists.Sum(list => list.Words!.Value));
        string Shown(int errors) => string.Create(CultureInfo.InvariantCulture, $"{errors} of {words} ({100.0 * errors / words:F1}%)");
        return
        [
            ["the system's score", Shown(Errors(lists, 1, 0))],
            ["the sentence's score", Shown(Errors(lists, 0, 1))],
            ["both", Shown(Errors(lists, first, second))],
            ["the reference", Shown(lists.Sum(list => list.Hypotheses.Min(one => one.Errors!.Value)))],
        ];
    }

    private static int Errors(IReadOnlyList<HypothesisList> lists, double first, double second) =>
        lists.Sum(list => list.Ranked(first, second).First().Errors!.Value);

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string Line(bool isJson, string id, int rank, double total, Hypothesis one) => isJson
        ? JsonSerializer.Serialize(
            new
            {
                id,
                rank,
                total = Math.Round(total, 6),
                score = one.Base,
                sentence_score = Math.Round(one.Score, 6),
                text = one.Text,
            },
            ReadableJson.Options
        )
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{OneLine(id)}\t{rank}\t{total:F6}\t{one.Base}\t{one.Score:F6}\t{OneLine(one.Text)}"
        );

    /// <summary>A text as a field of a table without quotes.</summary>
    private static string OneLine(string text) => string.Join(' ', text.Split('\t', '\r', '\n'));

    /// <summary>A row of a table: a hypothesis, its tokens, and where it stands.</summary>
    private sealed record HypothesisRow(string Id, double Base, string Text, string Reference, long[] Tokens, string Place);

    /// <summary>The rows of a table.</summary>
    private static IReadOnlyList<HypothesisRow> Read(string file, SentenceScorer scorer, bool needsReference)
    {
        var path = Paths.Find(file);
        var form = new TableForm(AllowsMore: true, Optional: needsReference ? 0 : 1).Advising(
            $"A row is a hypothesis: the {Columns[0]} of its list, the {Columns[1]} of the system, its {Columns[2]}; "
                + $"to choose weights, or to count errors, the {Columns[3]}."
        );
        var shown = Paths.Shown(path);
        HypothesisRow[] rows =
        [
            .. TableFile.Read(path, Columns, form).Select(row =>
            {
                var place = $"{shown}:{row.Line}";
                var (number, text) = (Number(row.Values[1], place), row.Values[2]);
                var tokens = SentenceScores.Placed(place, _ => scorer.Encode(text));
                return new HypothesisRow(row.Values[0], number, text, row.Values[3], tokens, place);
            }),
        ];
        if (rows.Length == 0)
            throw new UserErrorException($"{shown} has no hypothesis: a row with {string.Join(", ", Columns[..3])} is one");
        foreach (var list in rows.GroupBy(row => row.Id))
        {
            var (references, place) = (References(list).Count(), list.First().Place);
            if (references > 1)
                throw new UserErrorException($"{place}: the list {list.Key} has {references} references, and a list has one");
            if (needsReference && references == 0)
                throw new UserErrorException($"{place}: the list {list.Key} has no reference, which weights are chosen by");
        }
        return rows;
    }

    private static IEnumerable<string> References(IEnumerable<HypothesisRow> list) =>
        list.Select(row => row.Reference).Where(text => text != "").Distinct();

    /// <summary>The lists of a table, in the order in which they begin.</summary>
    private static IReadOnlyList<HypothesisList> Scored(
        IReadOnlyList<HypothesisRow> rows,
        SentenceScorer scorer,
        bool lengthNormalised,
        CancellationToken cancellation
    ) =>
    [
        .. rows.Zip(scorer.Score([.. rows.Select(row => row.Tokens)], cancellation)).GroupBy(one => one.First.Id).Select(list =>
        {
            var reference = References(list.Select(one => one.First)).SingleOrDefault();
            return new HypothesisList(
                list.Key,
                [
                    .. list.Select(one => new Hypothesis(
                        one.First.Text,
                        one.First.Base,
                        lengthNormalised ? one.Second.Mean : one.Second.Sum,
                        reference is null ? null : WrongWords(one.First.Text, reference)
                    )),
                ],
                reference is null ? null : Words(reference).Length
            );
        }),
    ];

    private static double Number(string text, string place) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? value
            : throw new UserErrorException($"{place}: score cannot be \"{text}\": a number is expected, higher where the system is surer");
}
