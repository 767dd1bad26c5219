using System.Globalization;
using System.IO.Compression;
using System.Text;
using Electra.Files;
using Electra.Finetuning.Tasks;

namespace Electra.Finetuning.Prediction;

/// <summary>The predictions of a test set.</summary>
/// <param name="Task">The task.</param>
/// <param name="Split">The test set.</param>
/// <param name="Logits">The outputs for each row, in the file's order, <c>[rows · outputs]</c>.</param>
public sealed record TestPredictions(TaskDefinition Task, TaskSplit Split, float[] Logits)
{
    /// <summary>The number of rows.</summary>
    public int Rows => Logits.Length / Task.Outputs;
}

/// <summary>What was written, and what the site would say of it.</summary>
/// <param name="Files">The files of predictions.</param>
/// <param name="Zip">The zip to hand in; null where no file is GLUE's.</param>
/// <param name="Missing">GLUE's files that it lacks: it is partial.</param>
/// <param name="Problems">What the site would refuse in the files that are there; none if all is well.</param>
public sealed record SubmissionSummary(IReadOnlyList<string> Files, string? Zip, IReadOnlyList<string> Missing, IReadOnlyList<string> Problems);

/// <summary>Predictions in the form that gluebenchmark.com accepts: a file for each test set, zipped flat.</summary>
public static class Submission
{
    /// <summary>The zip's name.</summary>
    public const string ZipName = "submission.zip";

    private const string Header = "index\tprediction";

    /// <summary>GLUE's files with their tasks, in its order.</summary>
    public static IReadOnlyList<(TaskDefinition Task, TaskSplit Split)> Official { get; } =
        [.. from task in GlueTasks.All from split in task.Splits where split.Role == SplitRole.Test select (task, split)];

    /// <summary>Writes the files and the zip, each whole or not at all, and checks the zip by reading it again.</summary>
    /// <param name="folder">Where they go.</param>
    /// <param name="predictions">The predictions.</param>
    public static SubmissionSummary Write(string folder, IReadOnlyList<TestPredictions> predictions)
    {
        folder = ProjectPath.Output(folder);
        foreach (var test in predictions)
            AtomicFile.WriteAllText(Path.Combine(folder, test.Split.Submission), Table(test));
        string[] files = [.. predictions.Select(test => Path.Combine(folder, test.Split.Submission))];

        TestPredictions[] official = [.. predictions.Where(test => Official.Any(file => file.Split == test.Split))];
        string[] missing = [.. Official.Where(file => official.All(test => test.Split != file.Split)).Select(file => file.Split.Submission)];
        var zip = Path.Combine(folder, ZipName);
        if (official.Length == 0)
            return new SubmissionSummary(files, null, missing, []);
        AtomicFile.Write(zip, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create);
            foreach (var test in official)
            {
                using var entry = archive.CreateEntry(test.Split.Submission).Open();
                entry.Write(Encoding.UTF8.GetBytes(Table(test)));
            }
        });
        return new SubmissionSummary(files, zip, missing, Check(zip));
    }

    /// <summary>What the site would refuse in a zip: names, headers, numbers of rows, labels. Files that are missing are not named.</summary>
    public static IReadOnlyList<string> Check(string zip)
    {
        var problems = new List<string>();
        using var archive = ZipFile.OpenRead(zip);
        foreach (var entry in archive.Entries)
        {
            var (task, split) = Official.FirstOrDefault(file => file.Split.Submission == entry.FullName);
            if (task is null)
            {
                problems.Add($"{entry.FullName} is none of the site's files: {string.Join(", ", Official.Select(file => file.Split.Submission))}");
                continue;
            }
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
                return $":{rows + 2}: the prediction \"{label}\" is none of {(task.IsRegression ? $"the numbers from {task.Range?.Low} to {task.Range?.High}" : string.Join(", ", task.LabelForm == LabelForm.Name ? task.Labels : Enumerable.Range(0, task.Outputs).Select(n => $"{n}")))}";
            rows++;
        }
        return rows == split.OfficialRows ? null : $": there are {rows} predictions, and the site's test set has {split.OfficialRows}";
    }

    private static string Table(TestPredictions test)
    {
        var table = new StringBuilder(Header).Append('\n');
        for (int row = 0; row < test.Rows; row++)
            table.Append(CultureInfo.InvariantCulture, $"{row}\t{Labels.Text(test.Task, test.Logits.AsSpan(row * test.Task.Outputs, test.Task.Outputs))}\n");
        return table.ToString();
    }
}
