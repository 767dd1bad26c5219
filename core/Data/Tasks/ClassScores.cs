namespace Electra.Data.Tasks;

/// <summary>How well a class, or a label, is found. What has nothing to divide by is 0, as in scikit-learn.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Right">How often it was predicted, and right.</param>
/// <param name="Predicted">How often it was predicted.</param>
/// <param name="Support">How often it is there.</param>
internal sealed record ClassScores(string Name, int Right, int Predicted, int Support)
{
    /// <summary>The share of what was predicted that is right.</summary>
    public double Precision => Predicted == 0 ? 0 : (double)Right / Predicted;

    /// <summary>The share of what is there that was found.</summary>
    public double Recall => Support == 0 ? 0 : (double)Right / Support;

    /// <summary>Their harmonic mean.</summary>
    public double F1 => Predicted + Support == 0 ? 0 : 2.0 * Right / (Predicted + Support);

    /// <summary>All of some together.</summary>
    public static ClassScores Sum(IReadOnlyList<ClassScores> classes) => new(
        "all",
        classes.Sum(one => one.Right),
        classes.Sum(one => one.Predicted),
        classes.Sum(one => one.Support)
    );

    /// <summary>The mean of F1 over classes, each weighted by its support.</summary>
    public static double WeightedF1(IReadOnlyList<ClassScores> classes) =>
        classes.Sum(one => one.Support) is > 0 and var all ? classes.Sum(one => one.F1 * one.Support) / all : 0;

    /// <summary>A table of them, in Markdown, the means below.</summary>
    /// <param name="classes">The classes.</param>
    /// <param name="counted">Those that the unweighted mean counts.</param>
    public static string Table(IReadOnlyList<ClassScores> classes, IReadOnlyList<ClassScores> counted)
    {
        string[][] rows =
        [
            .. classes.Append(Sum(classes)).Select(one => new[]
            {
                one.Name, Metrics.Shown(one.Precision), Metrics.Shown(one.Recall), Metrics.Shown(one.F1), $"{one.Support}",
            }),
            ["mean", "", "", Metrics.Shown(counted.Count == 0 ? 0 : counted.Average(one => one.F1)), ""],
            ["weighted mean", "", "", Metrics.Shown(WeightedF1(classes)), ""],
        ];
        return Markdown(["", "precision", "recall", "F1", "support"], rows);
    }

    /// <summary>A table in Markdown.</summary>
    public static string Markdown(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows) =>
        string.Concat(
            rows.Prepend([.. header.Select((_, column) => column == 0 ? "---" : "---:")])
                .Prepend(header)
                .Select(row => $"| {string.Join(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |\n")
        );
}

/// <summary>What was predicted for rows of one class each, class by class.</summary>
internal sealed class ClassReport
{
    private readonly IReadOnlyList<string> names;
    private readonly int[,] confusion;

    /// <param name="names">The names of the classes.</param>
    /// <param name="predicted">The class that is predicted for each row.</param>
    /// <param name="right">Its own.</param>
    public ClassReport(IReadOnlyList<string> names, int[] predicted, int[] right)
    {
        this.names = names;
        confusion = new int[names.Count, names.Count];
        foreach (var (guess, own) in predicted.Zip(right))
            confusion[own, guess]++;
        Classes =
        [
            .. Range.Select(one => new ClassScores(
                names[one],
                confusion[one, one],
                Range.Sum(own => confusion[own, one]),
                Range.Sum(guess => confusion[one, guess])
            )),
        ];
    }

    /// <summary>The classes.</summary>
    public IReadOnlyList<ClassScores> Classes { get; }

    /// <summary>The mean of F1 over the classes that are there or predicted.</summary>
    public double MacroF1 => Seen.Average(one => one.F1);

    /// <summary>The mean of F1, each class weighted by its rows.</summary>
    public double WeightedF1 => ClassScores.WeightedF1(Classes);

    /// <summary>The mean recall of the classes that are there.</summary>
    public double BalancedAccuracy => Classes.Where(one => one.Support > 0).Average(one => one.Recall);

    private IReadOnlyList<ClassScores> Seen => [.. Classes.Where(one => one.Support + one.Predicted > 0)];

    private IEnumerable<int> Range => Enumerable.Range(0, names.Count);

    /// <summary>The scores of each class, and which classes are taken for which, in Markdown.</summary>
    public override string ToString() =>
        ClassScores.Table(Classes, Seen)
        + "\nRows by their label (down) and by what is predicted (across):\n\n"
        + ClassScores.Markdown(
            ["", .. names],
            Range.Select(own => (string[])[names[own], .. Range.Select(guess => $"{confusion[own, guess]}")])
        );
}
