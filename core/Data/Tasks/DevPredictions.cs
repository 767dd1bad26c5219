using System.Globalization;
using System.Text;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// The file <c>dev_predictions.tsv</c> of a run: every row of the development sets, its label, what was predicted, and the outputs.
/// </summary>
internal static class DevPredictions
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = "dev_predictions.tsv";

    /// <summary>The files of tasks whose rows have any number of labels, or a label for each word, or an answer.</summary>
    public const string OfSeveralLabels = "dev_predictions.jsonl", OfWords = "dev_predictions.conll",
        OfAnswers = "dev_predictions.json";

    /// <summary>The columns of the label and of the prediction, and the first of those of the outputs.</summary>
    private const int Label = 2, Prediction = 3, Outputs = 4;

    private const string OutputPrefix = "output:", Value = "value";

    /// <summary>The text of the file.</summary>
    /// <param name="sets">The development sets of a task with one label a row.</param>
    public static string Text(IReadOnlyList<(TaskSplit Split, TaskOutputs Outputs)> sets)
    {
        var task = sets[0].Outputs.Task;
        var text = new StringBuilder("split\trow\tlabel\tprediction");
        foreach (var output in task.IsRegression ? [Value] : task.Labels)
            text.Append('\t').Append(OutputPrefix).Append(output);
        text.Append('\n');
        foreach (var (split, rows) in sets)
            for (int row = 0; row < rows.Count; row++)
            {
                float[] logits = rows[row];
                double predicted = task.IsRegression ? Tasks.Labels.Value(task, logits[0]) : Metrics.Classes(logits, task.Outputs)[0];
                text.Append(CultureInfo.InvariantCulture, $"{split.Name}\t{row}\t{Name(rows.Labels[row])}\t{Name(predicted)}");
                foreach (float output in logits)
                    text.Append(CultureInfo.InvariantCulture, $"\t{output}");
                text.Append('\n');
            }
        return text.ToString();

        string Name(double label) => task.IsRegression ? label.ToString(CultureInfo.InvariantCulture) : task.Labels[(int)label];
    }

    /// <summary>Whether a run has kept its predictions.</summary>
    public static bool AreIn(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Why <see cref="Read"/> cannot read them, as the end of a sentence.</summary>
    public static string WhyNotIn(string folder) =>
        $"{Paths.Shown(folder)} holds no {FileName}"
        + (
            Array.Find([OfSeveralLabels, OfWords, OfAnswers], name => File.Exists(Path.Combine(folder, name))) is { } other
                ? $", but {other}; examples are drawn where each has one class or one value"
                : ""
        );

    /// <summary>Reads the rows of the first development set, the one that tables show.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static DevRows Read(string folder)
    {
        var file = Path.Combine(folder, FileName);
        using var lines = File.ReadLines(file).GetEnumerator();
        string[] header = lines.MoveNext() ? lines.Current.Split('\t') : [];
        if (header.Length <= Outputs || header.Skip(Outputs).Any(name => !name.StartsWith(OutputPrefix, StringComparison.Ordinal)))
            throw new UserErrorException($"{Paths.Shown(file)}:1 is not the header of a file of predictions: split, row, label, prediction "
                + $"and columns {OutputPrefix}… are expected");
        List<string> outputs = [.. header.Skip(Outputs).Select(name => name[OutputPrefix.Length..])];
        bool isRegression = outputs is [Value];
        var (split, labels, predictions) = ("", new List<double>(), new List<double>());
        for (int number = 2; lines.MoveNext(); number++)
        {
            string[] fields = lines.Current.Split('\t');
            if (fields.Length != header.Length)
                throw new UserErrorException(
                    $"{Paths.Shown(file)}:{number} has {Plural.Of(fields.Length, "field")}, and the header {header.Length}"
                );
            if (labels.Count > 0 && fields[0] != split)
                break;
            split = fields[0];
            labels.Add(Parsed(number, fields[Label]));
            predictions.Add(Parsed(number, fields[isRegression ? Outputs : Prediction]));
        }
        return labels.Count == 0
            ? throw new UserErrorException($"{Paths.Shown(file)} holds no predictions: do the run over, or leave it out")
            : new DevRows(split, isRegression ? null : outputs, [.. labels], [.. predictions]);

        double Parsed(int line, string text) =>
            isRegression
                ? double.TryParse(text, CultureInfo.InvariantCulture, out double value)
                    ? value
                    : throw new UserErrorException($"{Paths.Shown(file)}:{line}: \"{text}\" is not a number")
                : outputs.IndexOf(text) is >= 0 and var place
                    ? place
                    : throw new UserErrorException(
                        $"{Paths.Shown(file)}:{line}: there is no class \"{text}\"; there are {string.Join(", ", outputs)}"
                    );
    }

    /// <summary>Why a metric over these rows is undefined, as the end of a sentence, as far as the file tells.</summary>
    /// <param name="folder">The run's folder.</param>
    public static string WhyUndefined(string folder)
    {
        string[][] rows = Rows(Path.Combine(folder, FileName));
        var split = rows.Where(fields => fields[0] == rows[0][0]).ToList();
        return split.Count == 0 ? "its predictions were not kept, so that the reason is not known"
            : split.Any(fields =>
                fields
                    .Skip(Outputs)
                    .Any(output => !double.TryParse(output, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            )
                ? "its outputs are not finite: it diverged"
            : split.All(fields => fields[Label] == split[0][Label]) ? $"all {split.Count} rows of the development set have the same label"
            : split.All(fields => fields[Outputs] == split[0][Outputs]) ? "it predicts the same for all rows"
            : "it is not a number";
    }

    /// <summary>The rows of a file, none where it cannot be read: nothing but a reason depends on them.</summary>
    private static string[][] Rows(string file)
    {
        try
        {
            InputFile.Check(file);
            return [.. File.ReadLines(file).Skip(1).Select(line => line.Split('\t')).Where(fields => fields.Length > Outputs)];
        }
        catch (Exception e) when (e is UserErrorException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
