using System.Globalization;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// Reads the labels of a task as files have them: spaces around them do not count, a whole number may be written as another program
/// writes it (<c>1.0</c> is the label 1), and <c>True</c> is true.
/// </summary>
internal sealed class LabelReader
{
    private readonly TaskDefinition task;
    private readonly LabelForm form;
    private readonly Dictionary<string, int> numbers = [];
    private readonly HashSet<string> dropped;

    /// <param name="task">The task.</param>
    /// <param name="form">How its files write labels.</param>
    public LabelReader(TaskDefinition task, LabelForm form)
    {
        (this.task, this.form) = (task, form);
        dropped = [.. task.DropLabels.Select(Canonical)];
        foreach (var (number, name) in task.NumberedLabels.Index())
            numbers.TryAdd(Canonical(form == LabelForm.Name ? name : $"{number}"), Array.IndexOf([.. task.Labels], name));
        // Names that would be one label are told apart as they are written.
        foreach (var (number, name) in task.Labels.Index())
            if (form == LabelForm.Name)
                numbers[name] = number;
    }

    /// <summary>Whether a row with this label is left out.</summary>
    public bool IsDropped(string text) => dropped.Count > 0 && dropped.Contains(Canonical(text));

    /// <summary>The number of a class, or the value, that a text says.</summary>
    /// <param name="text">The text.</param>
    /// <param name="place">Where it stands: file, line and column.</param>
    /// <exception cref="UserErrorException">It says none of the task's.</exception>
    public float Read(string text, string place)
    {
        if (task.IsRegression)
            return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value)
                && (task.Range is not var (low, high) || (value >= low && value <= high))
                ? value
                : throw Wrong(
                    text,
                    place,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{task.DisplayName} has numbers{(task.Range is var (from, to) ? $" from {from} to {to}" : "")}"
                            + $"{(IsDecimalComma(text) ? ", with a decimal point" : "")}"
                    )
                );
        if (numbers.TryGetValue(text, out int label) || numbers.TryGetValue(Canonical(text), out label))
            return label;
        var nearest = form == LabelForm.Name && text.Any(char.IsLetter) ? Spelling.Nearest(text, task.Labels) : null;
        throw Wrong(
            text,
            place,
            $"the labels of {task.DisplayName} are "
                + $"{string.Join(", ", form == LabelForm.Name ? task.Labels : task.NumberedLabels.Select((name, i) => $"{i} ({name})"))}"
                + (nearest is null ? "" : $"; did you mean {nearest}?")
        );
    }

    /// <summary>Reads labels that are numbers as shares of their task's range: 0 is the lowest, 1 the highest.</summary>
    /// <param name="task">The task; without a range, numbers stay as they are.</param>
    /// <param name="file">The file.</param>
    /// <param name="problem">What is wrong with a number of the file; null: nothing.</param>
    /// <returns>From the label as it is written, the first of a row's values, and the row's line to its share; null leaves the row out.
    /// </returns>
    public static Func<string[], int, float[]?> OfShares(TaskDefinition task, TaskFile file, Func<float, string?> problem)
    {
        var reader = new LabelReader(task with { Kind = Regression.Kind }, file.LabelForm);
        var (low, high) = task.Range ?? (0, 1);
        return (values, line) =>
        {
            if (reader.IsDropped(values[0]))
                return null;
            var place = $"{Paths.Shown(file.Path)}:{line}: {file.Columns.Label}";
            float label = reader.Read(values[0], place);
            return problem(label) is { } wrong
                ? throw new UserErrorException($"{place} is {values[0]}, and {wrong}")
                : [(float)((label - low) / (high - low))];
        };
    }

    private UserErrorException Wrong(string text, string place, string allowed) => new(
        $"{place} is {(string.IsNullOrWhiteSpace(text) ? "empty" : $"\"{text}\"")}; {allowed}"
        + (TaskSources.IsBuiltIn(task.Name) ? "" : $". To leave out such rows: 'data.own.{task.Name}.drop_labels=[\"{text}\"]'"));

    private static bool IsDecimalComma(string text) =>
        text.Contains(',') && float.TryParse(text.Replace(',', '.'), NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static string Canonical(string text)
    {
        text = text.Trim();
        if (text.Equals("true", StringComparison.OrdinalIgnoreCase) || text.Equals("false", StringComparison.OrdinalIgnoreCase))
            return text.ToLowerInvariant();
        return
            text.AsSpan().IndexOfAny(".eE") > 0
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsInteger(value)
            && Math.Abs(value) < 1e9
            ? ((long)value).ToString(CultureInfo.InvariantCulture)
            : text;
    }
}
