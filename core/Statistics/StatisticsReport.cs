
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>Tables on the terminal and in files.</summary>
public static class StatisticsReport
{
    /// <summary>
    /// Every table that a configuration asks for. The conclusion leads, where two groups are compared; what stands behind it, the
    /// original's tables among it, is printed with <c>detail=true</c> only.
    /// </summary>
    /// <exception cref="UserErrorException">A group to compare is not there, or cannot be compared.</exception>
    public static IReadOnlyList<ReportTable> Tables(ScoreSet scores, StatisticsConfig config)
    {
        if (scores.All.Count == 0)
            return [.. new[] { ScoreTables.PerTask(scores), FailedRuns.Table(FailedRuns.Of(scores)) }.OfType<ReportTable>()];
        var (groups, failed) = (scores.ScoredGroups, FailedRuns.Of(scores));
        var pair = config.Compare.Count == 2 ? config.Compare : groups.Count == 2 && HaveTasksInCommon(scores, groups) ? groups : [];
        ReportTable?[] tables =
        [
            .. pair.Count == 2 ? Compared(scores, config, failed, pair[0], pair[1]) : [GroupText.Lead(scores, failed)],
            .. SweepTables.Of(scores),
            .. CheckpointTables.Of(scores),
            ScoreTables.PerTask(scores),
            FailedRuns.Table(failed),
            SeedTables.Nested(scores, config.PretrainCost),
            SeedTables.Crossed(scores),
            SeedTables.OverTasks(scores, config),
            SeedTables.Intervals(scores, config.Seed),
            SeedTables.BestOf(scores),
            ScoreTables.Averages(scores) with { IsDetail = true },
            OriginalTables.Table1(scores) with { IsDetail = true },
            OriginalTables.Table4(scores) with { IsDetail = true },
            OriginalTables.Table5(scores) with { IsDetail = true },
        ];
        return [.. tables.OfType<ReportTable>()];
    }

    /// <summary>The second group against the first: the sentences, and the tables behind them.</summary>
    private static IEnumerable<ReportTable> Compared(
        ScoreSet scores,
        StatisticsConfig config,
        IReadOnlyList<FailedRuns> failed,
        string first,
        string second
    )
    {
        var table = ScoreTables.Compared(scores, first, second, config.Test) with { IsDetail = true };
        var tasks = scores.TasksOf(first).Intersect(scores.TasksOf(second)).ToList();
        if (tasks.Count == 0)
            return [table with { IsDetail = false }];
        List<Conclusion> conclusions =
            [.. tasks.Select(task => Conclusion.Of(task, scores.Of(first, task), scores.Of(second, task), config, tasks.Count))];
        return
        [
            ConclusionTables.Lead(conclusions, failed, Protocols.Differences(scores, first, second), first, second),
            ConclusionTables.Bootstraps(conclusions, config, first, second),
            ConclusionTables.Seeds(conclusions, first, second),
            table,
        ];
    }

    /// <summary>Prints tables: the conclusion and what it rests on, or all.</summary>
    public static void Print(IReadOnlyCollection<ReportTable> tables, RunConsole console, bool detail = true)
    {
        foreach (var table in tables.Where(table => detail || !table.IsDetail))
        {
            console.Heading(table.Title);
            if (table.Header.Count > 0)
                console.Table(table.Header, table.Rows);
            foreach (var note in table.Notes)
                console.Line(note);
        }
        string[] more = detail ? [] : [.. tables.Where(table => table.IsDetail).Select(table => table.Title)];
        if (more.Length > 0)
            console.Line($"\nMore with detail=true: {string.Join(", ", more)}.");
    }

    /// <summary>
    /// Writes <c>statistics.md</c> (all tables), <c>statistics.csv</c> (the tasks), <c>comparison.csv</c>, <c>scores.csv</c> (every
    /// score, as <see cref="ScoreCsv"/> reads it), <c>scores.png</c>, and the expected best of n runs over n, <c>best_of_n.csv</c> and
    /// <c>best_of_n.png</c>.
    /// </summary>
    public static void Write(IReadOnlyList<ReportTable> tables, ScoreSet scores, StatisticsConfig config, RunConsole console)
    {
        var folder = Paths.Output(config.Out);
        string File(string name) => Path.Combine(folder, name);
        var best = BestOfCurves.Of(scores);
        AtomicFile.WriteAllText(
            File("statistics.md"),
            "# Statistics over runs\n\n"
                + string.Join("\n", tables.Select(table => table.Markdown()))
                + (scores.All.Count > 0 ? "\n![scores](scores.png)\n" : "")
                + (best.Count > 0 ? "\n![best of n runs](best_of_n.png)\n" : "")
        );
        AtomicFile.WriteAllText(File("statistics.csv"), ScoreTables.PerTask(scores).Csv());
        AtomicFile.WriteAllText(File("scores.csv"), ScoreCsv.Write(scores));
        // Those of an earlier call would be taken for this one's.
        foreach (var name in new[] { "comparison.csv", "scores.png", "best_of_n.csv", "best_of_n.png" })
            System.IO.File.Delete(File(name));
        if (tables.FirstOrDefault(table => table.Header.Contains("p (Holm)")) is { } comparison)
            AtomicFile.WriteAllText(File("comparison.csv"), comparison.Csv());
        if (scores.All.Count > 0)
            ScorePlot.Draw(scores, File("scores.png"));
        if (best.Count > 0)
        {
            AtomicFile.WriteAllText(File("best_of_n.csv"), BestOfCurves.Csv(best));
            BestOfCurves.Draw(best, scores.Groups, File("best_of_n.png"));
        }

        console.Heading("Where it is");
        console.Table(
            ("all tables", Paths.Shown(File("statistics.md"))),
            ("tasks, as CSV", Paths.Shown(File("statistics.csv"))),
            ("every score, as CSV", Paths.Shown(File("scores.csv"))),
            ("every score, drawn", scores.All.Count > 0 ? Paths.Shown(File("scores.png")) : "there is none"),
            ("best of n, drawn", best.Count > 0 ? $"{Paths.Shown(File("best_of_n.png"))}, best_of_n.csv" : "of two runs or more only")
        );
    }

    private static bool HaveTasksInCommon(ScoreSet scores, IReadOnlyList<string> groups) =>
        scores.TasksOf(groups[0]).Intersect(scores.TasksOf(groups[1])).Any();
}
