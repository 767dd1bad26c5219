using System.Security.Cryptography;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>Rows of a task from its files.</summary>
internal static class TaskRows
{
    /// <summary>A split that lies in files.</summary>
    /// <param name="task">The task.</param>
    /// <param name="files">Its files, in order: all alike but for their paths.</param>
    public static TaskSplitText FromFiles(TaskDefinition task, params IReadOnlyList<TaskFile> files)
    {
        var leftOut = new RowCounts();
        return new(
            files[0].Split,
            string.Join(
                '\n',
                files
                    .Select(file => Content(file.Path))
                    .Append(
                        $"{task.Kind.Name} {files[0]} | {string.Join(',', task.Labels)} "
                            + $"{task.Range} {task.DropsEmptyText} {task.Scheme} | {string.Join(',', task.DropLabels)}"
                            + task.Answers?.ReadAs
                            + (task.Embedding is { } embedding ? $" {embedding.Loss} {task.ReportedMetric}" : "")
                            + (task.HasQuery ? " query" : "")
                            + (task.TagNames.Count > 0 ? $" tags {string.Join(',', task.TagNames)}" : "")
                            + (Reranking.Is(task.Kind) ? task.Kind.Activation(task) : "")
                    )
            ),
            All
        )
        {
            LeftOut = leftOut,
        };

        IEnumerable<TaskRow> All()
        {
            (leftOut.DroppedLabels, leftOut.DroppedTexts, leftOut.TornLines, leftOut.ExtendedSpans) = (0, 0, 0, 0);
            leftOut.MisplacedAnswers = 0;
            bool any = false;
            foreach (var row in files.SelectMany(file => task.Kind.Read(task, file, leftOut)))
            {
                any = true;
                yield return row;
            }
            if (!any)
                throw new UserErrorException(
                    $"{task.DisplayName}: there is no row in {string.Join(", ", files.Select(file => Paths.Shown(file.Path)))}"
                        + string.Concat(leftOut.Notes(files[0].Split.Name, 0).Select(note => $"; {note}"))
                );
        }
    }

    /// <summary>The rows of a table: of each the texts, and the labels that its label columns say.</summary>
    /// <param name="task">The task.</param>
    /// <param name="file">The table.</param>
    /// <param name="leftOut">Counts what is left out.</param>
    /// <param name="columns">The columns of the labels.</param>
    /// <param name="labels">From the texts of these columns to labels, NaN of an unlabelled split; null leaves the row out.</param>
    public static IEnumerable<TaskRow> FromTable(
        TaskDefinition task,
        TaskFile file,
        RowCounts leftOut,
        IReadOnlyList<string> columns,
        Func<string[], int, float[]?> labels
    )
    {
        var texts = file.Columns.Texts;
        bool dropsEmpty = task.DropsEmptyText && file.Split.Role == SplitRole.Train;
        foreach (var (line, values) in TableFile.Read(file.Path, [.. texts, .. columns], file.Form, _ => leftOut.TornLines++))
        {
            if (labels(values[texts.Count..], line) is not { } row)
                leftOut.DroppedLabels++;
            else if (dropsEmpty && values.Take(texts.Count).Any(text => text.Length == 0))
                leftOut.DroppedTexts++;
            else
                yield return new TaskRow(values[..texts.Count], row);
        }
    }

    /// <summary>The rows of a table whose label stands in one column.</summary>
    public static IEnumerable<TaskRow> WithOneLabel(TaskDefinition task, TaskFile file, RowCounts leftOut)
    {
        var reader = new LabelReader(task, file.LabelForm);
        return file.HasLabels
            ? FromTable(
                task,
                file,
                leftOut,
                [file.Columns.Label],
                (values, line) =>
                    reader.IsDropped(values[0])
                        ? null
                        : [reader.Read(values[0], $"{Paths.Shown(file.Path)}:{line}: {file.Columns.Label}")]
            )
            : FromTable(task, file, leftOut, [], (_, _) => [float.NaN]);
    }

    /// <summary>Names a file's content, wherever it lies.</summary>
    private static string Content(string file)
    {
        InputFile.Check(file);
        using var stream = InputFile.Open(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
