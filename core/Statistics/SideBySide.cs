using System.Globalization;
using Electra.Configuration;
using Electra.Running;
using Electra.Statistics.Inference;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>
/// Experiments in one table: for each group the figures of its pre-training on held-out text, what that took, and the scores of the runs
/// that were fine-tuned under the same name.
/// </summary>
public static class SideBySide
{
    /// <summary>The figures that tell most; <c>pretraining.md</c> has all.</summary>
    private static readonly string[] Figures = ["auc", "masked_accuracy"];

    /// <summary>Whether sources hold both: pre-training runs in some, fine-tuning runs or scores in others.</summary>
    public static bool IsAskedOf(IReadOnlyList<string> sources) =>
        sources.Select(source => PretrainSet.IsIn([source])).Distinct().Count() == 2;

    /// <summary>Prints the table, and writes <c>side_by_side.md</c> and <c>side_by_side.csv</c>.</summary>
    /// <typeparam name="TPretrain">The configuration of pre-training.</typeparam>
    /// <typeparam name="TFinetune">The configuration of fine-tuning.</typeparam>
    /// <exception cref="UserErrorException">A group that is asked for has no finished run of either kind; or two groups are to be
    /// compared.</exception>
    public static void Write<TPretrain, TFinetune>(StatisticsConfig config, RunConsole console)
        where TPretrain : class, IExperimentConfig<TPretrain>
        where TFinetune : class, IExperimentConfig<TFinetune>
    {
        if (config.Compare.Count > 0)
            throw new UserErrorException(
                "compare tests two groups of one kind of run: give it checkpoints/pretrain or checkpoints/glue alone. Over both, group=[…] "
                    + "names the rows"
            );
        console.Heading("Runs");
        var ofPretraining = config.Scores.ToLookup(source => PretrainSet.IsIn([source]));
        var pretraining = PretrainSet.Read<TPretrain>([.. ofPretraining[true]], config.Groups);
        var scores = ScoreSet.Read<TFinetune>([.. ofPretraining[false]], config.Groups);
        pretraining.Describe(console);
        scores.Describe(console);
        var table = Table(pretraining, scores);
        StatisticsReport.Print([table], console);
        var folder = Paths.Output(config.Out);
        string[] files = [Path.Combine(folder, "side_by_side.md"), Path.Combine(folder, "side_by_side.csv")];
        AtomicFile.WriteAllText(files[0], table.Markdown());
        AtomicFile.WriteAllText(files[1], table.Csv());
        console.Heading("Where it is");
        console.Table(("the table", Paths.Shown(files[0])), ("as CSV", Paths.Shown(files[1])));
    }

    /// <summary>A row for each group; a cell is mean ± standard deviation over seeds.</summary>
    internal static ReportTable Table(PretrainSet pretraining, ScoreSet scores)
    {
        var groups = pretraining.Groups.Union(scores.Groups).ToList();
        string[] figures = [.. Figures.Where(figure => pretraining.Runs.Any(run => run.Scores.ContainsKey(figure)))];
        bool isOneMeasure = pretraining.Runs.Select(run => run.MeasuredWith).Distinct().Count() <= 1;
        return new(
            "Side by side",
            [
                "Model", "Seeds", "FLOPs", .. figures.Select(figure => FigureStyle.OfPretraining(figure).Heading),
                .. scores.Tasks.Select(TaskHeadings.Heading), .. isOneMeasure ? Array.Empty<string>() : ["Measured with"],
            ],
            [.. groups.Select(Row)],
            "Mean ± standard deviation (n − 1) over seeds of pre-training, else over runs; tasks in per cent. FLOPs "
                + "are those of one pre-training by Google's count.",
            isOneMeasure
                ? $"Measured: {EqualMeasure.Described(pretraining, pretraining.Groups)}."
                : "An AUC depends on the generator that wrote the replacements and on the share of masks: only those that were measured "
                    + $"with the same compare. {EqualMeasure.Advice}"
        );

        IReadOnlyList<string> Row(string group)
        {
            var runs = pretraining.Of(group);
            double[] flops = [.. runs.Select(run => run.Flops).OfType<double>()];
            return
            [
                group,
                runs.Count > 0 ? $"{runs.Count}" : "–",
                flops.Length > 0 ? flops.Average().ToString("0.0e+0", CultureInfo.InvariantCulture) : "–",
                .. figures.Select(figure => Cell(FigureStyle.OfPretraining(figure), Values(runs, figure))),
                .. scores.Tasks.Select(task => Cell(FigureStyle.OfTask(task), SeedTables.Units(scores, group, task))),
                .. isOneMeasure ? Array.Empty<string>() : [string.Join("; ", EqualMeasure.Ways(pretraining, group))],
            ];
        }
    }

    /// <summary>The values of a figure over seeds; none where the seeds were measured in different ways.</summary>
    private static double[] Values(IReadOnlyList<PretrainRun> runs, string figure) =>
        EqualMeasure.Holds(figure, runs)
            ? [.. runs.Select(run => run.Scores.GetValueOrDefault(figure, double.NaN)).Where(double.IsFinite)]
            : [];

    private static string Cell(FigureStyle style, double[] values) =>
        values.Length == 0 ? "–"
        : Sample.Of(values) is { StandardDeviation: { } deviation } sample
            ? $"{style.Value(sample.Mean)} ± {style.Value(deviation)}"
        : style.Value(values[0]);
}
