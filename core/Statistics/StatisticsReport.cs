
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>Tables on the terminal and in files.</summary>
public static class StatisticsReport
{
    /// <summary>
    /// Every table that a configuration asks for: tasks, averages, the original's tables, and a comparison where there are two groups for
    /// one.
    /// </summary>
    /// <exception cref="UserErrorException">A group to compare is not there.</exception>
    public static IReadOnlyList<ReportTable> Tables(ScoreSet scores, StatisticsConfig config)
    {
        if (scores.All.Count == 0)
            return [ScoreTables.PerTask(scores)];
        var groups = scores.ScoredGroups;
        var pair = config.Compare.Count == 2 ? config.Compare : groups.Count == 2 && HaveTasksInCommon(scores, groups) ? groups : [];
        return
        [
            ScoreTables.PerTask(scores), ScoreTables.Averages(scores),
            OriginalTables.Table1(scores), OriginalTables.Table4(scores), OriginalTables.Table5(scores),
            .. pair.Count == 2 ? [ScoreTables.Compared(scores, pair[0], pair[1], config.Test)] : Array.Empty<ReportTable>(),
        ];
    }

    /// <summary>Prints tables.</summary>
    public static void Print(IEnumerable<ReportTable> tables, RunConsole console)
    {
        foreach (var table in tables)
        {
            console.Heading(table.Title);
            console.Table(table.Header, table.Rows);
            foreach (var note in table.Notes)
                console.Line(note);
        }
    }

    /// <summary>
    /// Writes <c>statistics.md</c> (all tables), <c>statistics.csv</c> (the tasks), <c>comparison.csv</c>, <c>scores.csv</c> (every
    /// score, as <see cref="ScoreCsv"/> reads it) and <c>scores.png</c>.
    /// </summary>
    public static void Write(IReadOnlyList<ReportTable> tables, ScoreSet scores, StatisticsConfig config, RunConsole console)
    {
        var folder = Paths.Output(config.Out);
        string File(string name) => Path.Combine(folder, name);
        AtomicFile.WriteAllText(
            File("statistics.md"),
            "# Statistics over runs\n\n"
                + string.Join("\n", tables.Select(table => table.Markdown()))
                + (scores.All.Count > 0 ? "\n![scores](scores.png)\n" : "")
        );
        AtomicFile.WriteAllText(File("statistics.csv"), tables[0].Csv());
        AtomicFile.WriteAllText(File("scores.csv"), ScoreCsv.Write(scores));
        // Those of an earlier call would be taken for this one's.
        System.IO.File.Delete(File("comparison.csv"));
        System.IO.File.Delete(File("scores.png"));
        if (tables.FirstOrDefault(table => table.Header.Contains("p (Holm)")) is { } comparison)
            AtomicFile.WriteAllText(File("comparison.csv"), comparison.Csv());
        if (scores.All.Count > 0)
            ScorePlot.Draw(scores, File("scores.png"));

        console.Heading("Where it is");
        console.Table(
            ("all tables", Paths.Shown(File("statistics.md"))),
            ("tasks, as CSV", Paths.Shown(File("statistics.csv"))),
            ("every score, as CSV", Paths.Shown(File("scores.csv"))),
            ("every score, drawn", scores.All.Count > 0 ? Paths.Shown(File("scores.png")) : "there is none")
        );
    }

    private static bool HaveTasksInCommon(ScoreSet scores, IReadOnlyList<string> groups) =>
        scores.TasksOf(groups[0]).Intersect(scores.TasksOf(groups[1])).Any();
}
