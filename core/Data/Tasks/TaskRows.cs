using System.Globalization;
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
    public static TaskSplitText FromFiles(TaskDefinition task, TaskSplit split, IReadOnlyList<string> files, TaskColumns columns, TableForm form, LabelForm labelForm) => new(
        split,
        string.Join('\n', files.Select(Content).Append($"{columns.Label} {labelForm} {form} {string.Join(',', columns.Texts)} | {string.Join(',', task.Labels)} {task.Range} {task.DropsEmptyText}")),
        () => files.SelectMany(file => Read(task, split, file, columns, form, labelForm)));

    /// <summary>The number of a class, or the value, that a text says.</summary>
    /// <exception cref="UserErrorException">It says none of the task's.</exception>
    public static float Label(TaskDefinition task, LabelForm form, string text, string place)
    {
        if (task.IsRegression)
            return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value)
                && (task.Range is not var (low, high) || (value >= low && value <= high))
                ? value
                : throw new UserErrorException($"{place} is \"{text}\"; {task.DisplayName} has {(task.Range is var (from, to) ? $"numbers from {from} to {to}" : "numbers")}");
        int label = form == LabelForm.Name ? task.Labels.ToList().IndexOf(text)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < task.Labels.Count ? number : -1;
        return label >= 0 ? label : throw new UserErrorException(
            $"{place} is \"{text}\"; the labels of {task.DisplayName} are {string.Join(", ", form == LabelForm.Name ? task.Labels : task.Labels.Select((name, i) => $"{i} ({name})"))}");
    }

    private static IEnumerable<TaskRow> Read(TaskDefinition task, TaskSplit split, string file, TaskColumns columns, TableForm form, LabelForm labelForm)
    {
        bool hasLabels = split.Role != SplitRole.Test;
        string[] wanted = hasLabels ? [.. columns.Texts, columns.Label] : [.. columns.Texts];
        bool dropsEmpty = task.DropsEmptyText && split.Role == SplitRole.Train;
        foreach (var (line, values) in TableFile.Read(file, wanted, form))
        {
            var row = new TaskRow(values[0], task.IsPair ? values[1] : "",
                hasLabels ? Label(task, labelForm, values[^1], $"{ProjectPath.Shown(file)}:{line}: {columns.Label}") : float.NaN);
            if (!dropsEmpty || (row.TextA.Length > 0 && (row.TextB.Length > 0 || !task.IsPair)))
                yield return row;
        }
    }

    /// <summary>Names a file's content, wherever it lies.</summary>
    private static string Content(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
