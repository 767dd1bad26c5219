using System.Globalization;
using System.IO.Compression;
using System.Text;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;

namespace Electra.Finetuning.Prediction;

/// <summary>What was written, and what the site would say of it.</summary>
/// <param name="Files">The files of predictions.</param>
/// <param name="Zip">The zip to hand in; null where no file is GLUE's.</param>
/// <param name="Missing">GLUE's files that it lacks: it is partial.</param>
/// <param name="Stale">GLUE's files that lie in the folder from before: they are not in the zip.</param>
/// <param name="Problems">What the site would refuse in the files that are there; none if all is well.</param>
internal sealed record SubmissionSummary(
    IReadOnlyList<string> Files,
    string? Zip,
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> Stale,
    IReadOnlyList<string> Problems
);

/// <summary>Predictions in the form that gluebenchmark.com accepts: a file for each test set, zipped flat.</summary>
public static class Submission
{
    /// <summary>The zip's name.</summary>
    public const string ZipName = "submission.zip";

    /// <summary>The file that says which runs the predictions come from; it is not in the zip.</summary>
    public const string RunsName = "runs.tsv";

    private const string Header = "index\tprediction";

    /// <summary>The first moment a zip can tell: the same predictions make the same zip.</summary>
    private static readonly DateTimeOffset NoTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>GLUE's files with their tasks, in its order.</summary>
    internal static IReadOnlyList<(TaskDefinition Task, TaskSplit Split)> Official { get; } =
        [.. from task in GlueTasks.All from split in task.Splits where split.Role == SplitRole.Test select (task, split)];

    /// <summary>
    /// Writes the files and the zip, each whole or not at all, checks the zip by reading it again, and says what came of it.
    /// </summary>
    /// <param name="folder">Where they go.</param>
    /// <param name="tests">The predictions.</param>
    /// <param name="console">Told.</param>
    /// <returns>The exit code: 1 where the site would refuse the zip for what is in it; a zip that lacks files is merely partial.</returns>
    public static int Write(string folder, PredictedTests tests, RunConsole console)
    {
        var summary = Write(folder, tests.Predictions);
        console.EndProgress();
        console.Table(["file", "rows", "run"], tests.Predictions.Zip(summary.Files, (test, file) => new object?[]
        {
            Paths.Shown(file), $"{test.Rows.Count:N0}", string.Join(", ", test.Runs.Select(run => run.Run)),
        }));
        if (tests.Predictions.Where(test => test.Split.HasLabels).ToArray() is { Length: > 0 } scored)
            console.Table(["test set", "metric", "score"], scored.SelectMany(test => Metrics.Measure(test.Rows)
                .Select(score => new object?[] { test.Task.DisplayName, score.Key, Metrics.Shown(score.Value) })));
        foreach (var note in tests.Notes)
            console.Line(note);
        foreach (var warning in tests.Warnings)
            console.Warning(warning);
        foreach (var (task, why) in tests.Omitted)
            console.Line($"{task.DisplayName} is not predicted: {why}");
        if (summary.Stale.Count > 0)
            console.Warning(
                $"{string.Join(", ", summary.Stale)} {(summary.Stale.Count == 1 ? "is" : "are")} from an earlier call, and not in {ZipName}"
            );
        console.Line();
        if (summary.Zip is not { } zip)
        {
            console.Line($"No {ZipName}: none of these tasks is GLUE's.");
            return 0;
        }
        if (summary.Problems.Count > 0)
        {
            console.Warning($"gluebenchmark.com would refuse {Paths.Shown(zip)}:\n  {string.Join("\n  ", summary.Problems)}");
            return Experiment.UserError;
        }
        console.Line(
            summary.Missing.Count == 0
                ? $"{Paths.Shown(zip)} is complete: names, headers, numbers of rows and labels are as gluebenchmark.com wants them."
                : $"{Paths.Shown(zip)} is partial: what is in it is as gluebenchmark.com wants it, and it lacks "
                    + $"{string.Join(", ", summary.Missing)}."
        );
        return 0;
    }

    /// <summary>Writes the files and the zip, each whole or not at all, and checks the zip by reading it again.</summary>
    /// <param name="folder">Where they go.</param>
    /// <param name="predictions">The predictions.</param>
    internal static SubmissionSummary Write(string folder, IReadOnlyList<TestPredictions> predictions)
    {
        folder = Paths.Output(folder);
        foreach (var test in predictions)
        {
            var file = Path.Combine(folder, test.Split.Submission);
            if (test.Task.Kind.Files is { } files)
                foreach (var (extension, text) in files(test.Rows, [.. test.Texts()]))
                    AtomicFile.WriteAllText(Path.ChangeExtension(file, extension), text);
            else
                AtomicFile.WriteAllText(file, Table(test));
            var scores = Path.ChangeExtension(file, ".scores.md");
            if (test.Split.HasLabels)
                AtomicFile.WriteAllText(scores, Scores(test));
            else
                File.Delete(scores);
        }
        string[] written = [.. predictions.Select(test => Path.Combine(folder, test.Split.Submission))];
        AtomicFile.WriteAllText(Path.Combine(folder, RunsName), RunsTable(predictions));

        TestPredictions[] official = [.. predictions.Where(test => Official.Any(file => file.Split == test.Split))];
        string[] missing =
        [
            .. Official.Where(file => official.All(test => test.Split != file.Split)).Select(file => file.Split.Submission),
        ];
        string[] stale = [.. missing.Where(name => File.Exists(Path.Combine(folder, name)))];
        if (official.Length == 0)
            return new SubmissionSummary(written, null, missing, stale, []);
        var zip = Path.Combine(folder, ZipName);
        AtomicFile.Write(zip, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var test in official)
            {
                var entry = archive.CreateEntry(test.Split.Submission);
                entry.LastWriteTime = NoTime;
                using var content = entry.Open();
                content.Write(Encoding.UTF8.GetBytes(Table(test)));
            }
        });
        return new SubmissionSummary(written, zip, missing, stale, Check(zip));
    }

    /// <summary>
    /// What the site would refuse in a zip: names, headers, numbers of rows, labels. Files that are missing are not named.
    /// </summary>
    public static IReadOnlyList<string> Check(string zip)
    {
        var (problems, seen) = (new List<string>(), new HashSet<string>());
        using var archive = ZipFile.OpenRead(zip);
        foreach (var entry in archive.Entries)
        {
            var (task, split) = Official.FirstOrDefault(file => file.Split.Submission == entry.FullName);
            if (task is null)
            {
                problems.Add(
                    $"{entry.FullName} is not one of the site's files: {string.Join(", ", Official.Select(file => file.Split.Submission))}"
                );
                continue;
            }
            if (!seen.Add(entry.FullName))
                problems.Add($"{entry.FullName} is there twice");
            using var reader = new StreamReader(entry.Open());
            if (Problem(task, split, reader) is { } problem)
                problems.Add($"{entry.FullName}{problem}");
        }
        return problems;
    }

    private static string? Problem(TaskDefinition task, TaskSplit split, StreamReader reader)
    {
        if (reader.ReadLine() is var header && header != Header)
            return $":1: the header is \"{header}\", and must be \"index<tab>prediction\"";
        int rows = 0;
        while (reader.ReadLine() is { } line)
        {
            if (line.Split('\t') is not [var index, var label] || index != rows.ToString(CultureInfo.InvariantCulture))
                return $":{rows + 2}: the line must be the number {rows}, a tab and the prediction";
            if (!Labels.IsLabel(task, label))
                return $":{rows + 2}: the prediction \"{label}\" is not one of {Labels.Allowed(task)}";
            rows++;
        }
        return rows == split.OfficialRows ? null : $": there are {rows} predictions, and the site's test set has {split.OfficialRows}";
    }

    /// <summary>The scores of a test set with labels, and its report by class, in Markdown.</summary>
    private static string Scores(TestPredictions test) =>
        $"# {test.Task.DisplayName}, {test.Split.Name}\n\n"
        + ClassScores.Markdown(
            ["metric", "score"],
            Metrics.Measure(test.Rows).Select(score => (string[])[score.Key, Metrics.Shown(score.Value, "F2")])
        )
        + (test.Task.Kind.Report is { } report ? $"\n{report(test.Rows)}" : "");

    private static string Table(TestPredictions test)
    {
        var table = new StringBuilder(Header).Append('\n');
        for (int row = 0; row < test.Rows.Count; row++)
            table.Append(
                CultureInfo.InvariantCulture,
                $"{row}\t{test.Task.Kind.Text(test.Task, test.Rows[row])}\n"
            );
        return table.ToString();
    }

    private static string RunsTable(IReadOnlyList<TestPredictions> predictions)
    {
        var table = new StringBuilder("file\ttask\trun\tseed\tcheckpoint\tmetric\tscore\n");
        foreach (var test in predictions)
            foreach (var run in test.Runs)
                table.Append(
                    CultureInfo.InvariantCulture,
                    $"{test.Split.Submission}\t{run.Task}\t{run.Run}\t{run.Seed}\t{run.Checkpoint}\t{run.Metric}\t{run.Score}\n"
                );
        return table.ToString();
    }
}
