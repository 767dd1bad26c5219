namespace Electra.Statistics;

/// <summary>A published row of a table: its numbers as they were printed.</summary>
/// <param name="Model">The model.</param>
/// <param name="Source">Where it was published.</param>
/// <param name="Cells">The numbers, in the order of the table's columns.</param>
internal sealed record PublishedRow(string Model, string Source, IReadOnlyList<string> Cells);

/// <summary>
/// What the original's authors measured, ELECTRA-Small pre-trained on OpenWebText, on GLUE's development sets, in per cent.
/// </summary>
internal static class Published
{
    private const string ElectraPytorch = "the README of richarddwang/electra_pytorch";

    /// <summary>Table 1: the mean of runs from one checkpoint, for GLUE's eight tasks, and the mean of those.</summary>
    public static IReadOnlyList<PublishedRow> Means { get; } =
    [
        new(
            "ELECTRA-Small-OWT",
            "the README of google-research/electra, expected results",
            Row("56.8 88.3 87.4 86.8 88.3 78.9 87.9 68.5 80.36")
        ),
        new(
            "ELECTRA-Small-OWT (electra_pytorch)",
            ElectraPytorch + ", table 1, 10 runs a task",
            Row("58.72 88.03 86.04 86.16 88.63 80.4 87.45 67.46 80.36")
        ),
    ];

    /// <summary>
    /// Table 4: the mean over tasks of the best of 10 runs, over models: mean, standard deviation, maximum, minimum, number of models.
    /// </summary>
    public static PublishedRow Models { get; } =
        new("ELECTRA-Small-OWT (electra_pytorch)", ElectraPytorch + ", table 4, best of 10 runs a task", Row("81.38 0.57 82.23 80.42 14"));

    /// <summary>Table 5: the standard deviation of 10 runs from one checkpoint, for GLUE's eight tasks.</summary>
    public static PublishedRow Deviations { get; } =
        new(
            "ELECTRA-Small-OWT (electra_pytorch)",
            ElectraPytorch + ", table 5, 10 runs a task",
            Row("1.30 0.49 0.7 0.29 0.1 0.15 0.33 1.93")
        );

    /// <summary>The published mean of a task, electra_pytorch's; null where there is none.</summary>
    public static double? Mean(string task)
    {
        var place = TaskHeadings.Glue.ToList().FindIndex(column => column.Task == task);
        return place < 0 ? null : double.Parse(Means[1].Cells[place], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string[] Row(string cells) => cells.Split(' ');
}
