using System.Globalization;
using Electra.Data.Readers;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Running;
using Electra.Statistics;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Scoring;

/// <summary>
/// Pairs of sentences that differ in one point of grammar, one right and one wrong, a file for each phenomenon: BLiMP (Warstadt et al.
/// 2020) and what is made like it.
/// </summary>
internal static class MinimalPairs
{
    /// <summary>What BLiMP calls the columns of larger groups; other files need not have them.</summary>
    private static readonly string[] Groups = ["linguistics_term", "field"];

    /// <summary>The pairs of one file.</summary>
    /// <param name="Name">The phenomenon: the file's name without extensions.</param>
    /// <param name="Term">The group of phenomena; empty where the file does not say.</param>
    /// <param name="Field">The group of groups; empty where the file does not say.</param>
    /// <param name="Rows">The right and the wrong sentence of each, with its place in the file.</param>
    internal sealed record Phenomenon(
        string Name,
        string Term,
        string Field,
        IReadOnlyList<(string Right, string Wrong, string Place)> Rows
    );

    /// <summary>Scores the pairs with each model of the configuration, and prints and writes the accuracies.</summary>
    public static int Write(Run<FinetuneConfig> run, Compute compute)
    {
        var (config, options, console) = (run.Config, run.Config.Predict, run.Console);
        if (options.Output is not "" and not StandardInput.Name && SourceFile.ExtensionOf(options.Output) != ".csv")
            throw new UserErrorException(
                $"predict.output is a table of accuracies, a file named .csv, and not {options.Output}; the statistics read it"
            );
        var phenomena = Read(options);
        var models = StartModel.All(config);
        var correct = models.Select(model =>
        {
            using var scorer = SentenceScores.Open(run, model.Source, compute);
            return phenomena.Select((phenomenon, i) =>
            {
                int right = Correct(scorer, phenomenon, options.LengthNormalised, run.Stopping);
                console.Report(new ProgressReport($"scoring pairs, {model.Source}", i + 1, phenomena.Count, "files"));
                return right;
            }).ToArray();
        }).ToArray();
        console.EndProgress();
        var results = phenomena.Select((phenomenon, i) => new PairAccuracy(phenomenon, [.. correct.Select(model => model[i])])).ToList();
        PairAccuracy.Print(results, models.Select(model => model.Label ?? model.PretrainSeed).ToList(), console);
        if (LineAnswers.IsStandardOutput(options.Output))
            return 0;
        var scores =
            from model in models.Index()
            from result in results
            select new Score(config.Group, result.Phenomenon.Name, 0, result.Percent(model.Index), null, model.Item.PretrainSeed);
        var path = Paths.Output(options.Output);
        AtomicFile.WriteAllText(path, ScoreCsv.Write(ScoreSet.Of([.. scores], [])));
        console.Line($"{Paths.Shown(path)}: {phenomena.Count:N0} accuracies of {models.Count} model{(models.Count == 1 ? "" : "s")}");
        return 0;
    }

    /// <summary>How many right sentences score higher than their wrong ones; equal scores are wrong.</summary>
    internal static int Correct(SentenceScorer scorer, Phenomenon phenomenon, bool lengthNormalised, CancellationToken cancellation)
    {
        var sentences = phenomenon.Rows.SelectMany(row => new[] { (row.Right, row.Place), (row.Wrong, row.Place) });
        var scores = scorer
            .Score([.. sentences.Select(one => SentenceScores.Placed(one.Place, _ => Tokens(scorer, one.Item1)))], cancellation)
            .Select(score => lengthNormalised ? score.Mean : score.Sum)
            .ToArray();
        return Enumerable.Range(0, phenomenon.Rows.Count).Count(i => scores[2 * i] > scores[(2 * i) + 1]);
    }

    private static long[] Tokens(SentenceScorer scorer, string sentence) =>
        scorer.Encode(sentence) is { Length: > 2 } ids ? ids : throw new UserErrorException("a sentence of the pair has no token");

    /// <summary>The pairs of all files.</summary>
    /// <exception cref="UserErrorException">A file is not there, or has not the columns of a pair.</exception>
    internal static IReadOnlyList<Phenomenon> Read(PredictOptions options)
    {
        string[] files = [.. options.Pairs.SelectMany(Files).Distinct()];
        foreach (var file in files)
            LineAnswers.RequireOther(file, options.Output);
        Phenomenon[] all = [.. files.Select(file => Read(file, options.PairColumns))];
        if (all.GroupBy(one => one.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"predict.pairs: {twice.Count()} files are named {twice.Key}, which names the phenomenon");
        return all;
    }

    private static Phenomenon Read(string file, IReadOnlyList<string> columns)
    {
        var (term, field) = ("", "");
        var rows = new List<(string, string, string)>();
        var form = new TableForm(AllowsMore: true, Optional: Groups.Length).Advising(
            "predict.pair_columns names the right sentence's and the wrong one's: [sentence_good, sentence_bad] in BLiMP."
        );
        foreach (var row in TableFile.Read(file, [.. columns, .. Groups], form))
        {
            var place = $"{Paths.Shown(file)}:{row.Line}";
            if (Array.FindIndex(row.Values, 0, columns.Count, string.IsNullOrWhiteSpace) is >= 0 and var empty)
                throw new UserErrorException($"{place}: {columns[empty]} is empty: a pair is two sentences");
            rows.Add((row.Values[0], row.Values[1], place));
            (term, field) = (row.Values[^2], row.Values[^1]);
        }
        return rows.Count > 0
            ? new Phenomenon(Name(file), term, field, rows)
            : throw new UserErrorException($"{Paths.Shown(file)} has no pair: a row with {string.Join(" and ", columns)} is one");
    }

    /// <summary><c>adjunct_island</c> of <c>blimp/adjunct_island.jsonl.gz</c>.</summary>
    private static string Name(string file)
    {
        var name = Path.GetFileName(file);
        if (Path.GetExtension(name).ToLowerInvariant() is ".gz" or ".zst")
            name = Path.GetFileNameWithoutExtension(name);
        return Path.GetFileNameWithoutExtension(name);
    }

    /// <summary>A file, the tables of a folder, or the files that fit a pattern, by name.</summary>
    private static IReadOnlyList<string> Files(string source)
    {
        var path = Paths.Find(source);
        if (Directory.Exists(path))
            return FolderFiles.Under(path, depth: 0).Where(TableFile.IsTable).ToArray() is { Length: > 0 } tables
                ? tables
                : throw new UserErrorException($"predict.pairs: there is no table ({TableFile.Extensions}) in the folder {source}");
        if (!Glob.IsPattern(source) || Path.Exists(path))
            return [path];
        int slash = source.LastIndexOf('/', source.IndexOfAny(['*', '?', '[', '{']));
        var folder = Paths.Find(slash < 0 ? "." : source[..(slash + 1)]);
        var pattern = source[(slash + 1)..];
        string[] fitting =
        [
            .. from file in Directory.Exists(folder) ? FolderFiles.Under(folder) : []
            where Glob.Fits(Path.GetRelativePath(folder, file).Replace('\\', '/'), pattern)
            select file,
        ];
        return fitting.Length > 0 ? fitting : throw new UserErrorException($"predict.pairs: no file fits {source}");
    }
}

/// <summary>How many pairs of a phenomenon each model got right.</summary>
internal sealed record PairAccuracy(MinimalPairs.Phenomenon Phenomenon, int[] Correct)
{
    private const double Z = 1.959963984540054;

    private int Count => Phenomenon.Rows.Count;

    /// <summary>The accuracy of one of the models, in per cent.</summary>
    public double Percent(int model) => 100.0 * Correct[model] / Count;

    /// <summary>Wilson's interval of 95% for one model's accuracy, in per cent (Wilson 1927).</summary>
    public static (double Low, double High) Interval(int correct, int count)
    {
        double share = (double)correct / count, scale = 1 / (1 + (Z * Z / count));
        double middle = (share + (Z * Z / (2 * count))) * scale;
        double half = Z * scale * Math.Sqrt((share * (1 - share) / count) + (Z * Z / (4.0 * count * count)));
        return (100 * (middle - half), 100 * (middle + half));
    }

    /// <summary>Prints each phenomenon, the means of groups, and the mean of all files.</summary>
    public static void Print(IReadOnlyList<PairAccuracy> results, IReadOnlyList<string> models, RunConsole console)
    {
        bool isOne = models.Count == 1;
        string[] columns = isOne ? ["accuracy", "95%"] : [.. models, "mean", "deviation"];
        console.Table(
            ["phenomenon", "pairs", .. columns],
            [.. results.Select(result => Row(result.Phenomenon.Name, $"{result.Count:N0}", result))]
        );
        foreach (var name in new[] { "term", "field" })
        {
            string Group(PairAccuracy result) => name == "term" ? result.Phenomenon.Term : result.Phenomenon.Field;
            if (results.All(result => Group(result) != ""))
                console.Table(
                    [name, "files", .. isOne ? ["accuracy"] : columns],
                    results
                        .GroupBy(Group)
                        .OrderBy(same => same.Key, StringComparer.Ordinal)
                        .Select(same => (IReadOnlyList<object?>)[same.Key, $"{same.Count():N0}", .. Means([.. same])])
                );
        }
        console.Table(["mean of", "files", .. isOne ? ["accuracy"] : columns], [["all files", $"{results.Count:N0}", .. Means(results)]]);

        IReadOnlyList<object?> Row(string name, string count, PairAccuracy result)
        {
            var (low, high) = Interval(result.Correct[0], result.Count);
            double[] values = [.. models.Select((_, i) => result.Percent(i))];
            return isOne ? [name, count, Shown(values[0]), $"{Shown(low)} to {Shown(high)}"] : [name, count, .. OverModels(values)];
        }
        object?[] Means(IReadOnlyList<PairAccuracy> of)
        {
            double[] values = [.. models.Select((_, i) => of.Average(result => result.Percent(i)))];
            return isOne ? [Shown(values[0])] : OverModels(values);
        }
    }

    private static object?[] OverModels(double[] values)
    {
        double mean = values.Average(), deviation = Math.Sqrt(values.Sum(value => Math.Pow(value - mean, 2)) / (values.Length - 1));
        return [.. values.Select(Shown), Shown(mean), Shown(deviation)];
    }

    private static string Shown(double percent) => percent.ToString("F1", CultureInfo.InvariantCulture);
}
