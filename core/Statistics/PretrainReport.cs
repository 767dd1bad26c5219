using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>Statistics over pre-training runs, on the terminal and in files.</summary>
public static class PretrainReport
{
    /// <summary>
    /// Prints the tables, and writes <c>pretraining.md</c>, <c>pretraining.csv</c> (every figure over seeds) and
    /// <c>pretraining.png</c> (all curves, their mean and its band).
    /// </summary>
    /// <exception cref="UserErrorException">A group to compare is not there, or has no seed in common with the other.</exception>
    public static void Write(PretrainSet set, StatisticsConfig config, RunConsole console)
    {
        var tables = PretrainTables.Of(set, config);
        StatisticsReport.Print(tables, console, config.Detail);
        var folder = Paths.Output(config.Out);
        string File(string name) => Path.Combine(folder, name);
        bool isDrawn = PretrainPlot.Draw(set, File("pretraining.png"));
        AtomicFile.WriteAllText(
            File("pretraining.md"),
            "# Statistics over pre-training runs\n\n"
                + string.Join("\n", tables.Select(table => table.Markdown()))
                + (isDrawn ? "\n![curves](pretraining.png)\n" : "")
        );
        AtomicFile.WriteAllText(File("pretraining.csv"), PretrainTables.Figures(set, hasMeasure: true).Csv());
        console.Heading("Where it is");
        console.Table(
            ("all tables", Paths.Shown(File("pretraining.md"))),
            ("figures, as CSV", Paths.Shown(File("pretraining.csv"))),
            ("all curves, drawn", isDrawn ? Paths.Shown(File("pretraining.png")) : "there is none")
        );
    }
}
