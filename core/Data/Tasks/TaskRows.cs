using System.Security.Cryptography;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>Rows of a task from its files.</summary>
internal static class TaskRows
{
    /// <summary>A split that lies in files.</summary>
    /// <param name="task">The task.</param>
    /// <param name="split">The split.</param>
    /// <param name="files">Its files, in order.</param>
    /// <param name="columns">Where they keep texts and label.</param>
    /// <param name="form">How strictly they are read.</param>
    /// <param name="labelForm">How they write labels.</param>
    public static TaskSplitText FromFiles(
        TaskDefinition task,
        TaskSplit split,
        IReadOnlyList<string> files,
        TaskColumns columns,
        TableForm form,
        LabelForm labelForm
    )
    {
        var leftOut = new RowCounts();
        return new(
            split,
            string.Join(
                '\n',
                files
                    .Select(Content)
                    .Append(
                        $"{columns.Label} {labelForm} {form} {string.Join(',', columns.Texts)} | {string.Join(',', task.Labels)} "
                            + $"{task.Range} {task.DropsEmptyText} | {string.Join(',', task.DropLabels)}"
                    )
            ),
            All
        )
        {
            LeftOut = leftOut,
        };

        IEnumerable<TaskRow> All()
        {
            (leftOut.DroppedLabels, leftOut.DroppedTexts, leftOut.TornLines) = (0, 0, 0);
            bool any = false;
            foreach (var row in files.SelectMany(file => Read(task, split, file, columns, form, labelForm, leftOut)))
            {
                any = true;
                yield return row;
            }
            if (!any)
                throw new UserErrorException($"{task.DisplayName}: there is no row in {string.Join(", ", files.Select(Paths.Shown))}"
                    + string.Concat(leftOut.Notes(split.Name, 0).Select(note => $"; {note}")));
        }
    }

    private static IEnumerable<TaskRow> Read(
        TaskDefinition task,
        TaskSplit split,
        string file,
        TaskColumns columns,
        TableForm form,
        LabelForm labelForm,
        RowCounts leftOut
    )
    {
        bool hasLabels = split.Role != SplitRole.Test;
        string[] wanted = hasLabels ? [.. columns.Texts, columns.Label] : [.. columns.Texts];
        bool dropsEmpty = task.DropsEmptyText && split.Role == SplitRole.Train;
        var labels = new LabelReader(task, labelForm);
        foreach (var (line, values) in TableFile.Read(file, wanted, form, _ => leftOut.TornLines++))
        {
            if (hasLabels && labels.IsDropped(values[^1]))
            {
                leftOut.DroppedLabels++;
                continue;
            }
            var row = new TaskRow(values[0], task.IsPair ? values[1] : "",
                hasLabels ? labels.Read(values[^1], $"{Paths.Shown(file)}:{line}: {columns.Label}") : float.NaN);
            if (!dropsEmpty || (row.TextA.Length > 0 && (row.TextB.Length > 0 || !task.IsPair)))
                yield return row;
            else
                leftOut.DroppedTexts++;
        }
    }

    /// <summary>Names a file's content, wherever it lies.</summary>
    private static string Content(string file)
    {
        InputFile.Check(file);
        using var stream = InputFile.Open(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
