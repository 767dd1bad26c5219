using System.Globalization;
using System.Text;
using Electra.Storage;

namespace Electra.Data.Tasks;

/// <summary>
/// The file <c>dev_predictions.tsv</c> of a run: every row of the development sets, its label, what was predicted, and the outputs.
/// </summary>
internal static class DevPredictions
{
    public const string FileName = "dev_predictions.tsv";

    /// <summary>The column of the label, and the first of those of the outputs.</summary>
    private const int Label = 2, Outputs = 4;

    /// <summary>Writes the file.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="task">The task.</param>
    /// <param name="splits">Its development sets.</param>
    /// <param name="outputs">Of each set, <c>[rows · outputs]</c>.</param>
    public static void Write(string folder, TaskDefinition task, IReadOnlyList<EncodedSplit> splits, float[][] outputs)
    {
        var text = new StringBuilder("split\trow\tlabel\tprediction");
        foreach (var output in task.IsRegression ? ["value"] : task.Labels)
            text.Append("\toutput:").Append(output);
        text.Append('\n');
        foreach (var (split, all) in splits.Zip(outputs))
            for (int row = 0; row < split.Count; row++)
            {
                var logits = all.AsSpan(row * task.Outputs, task.Outputs);
                double predicted = task.IsRegression ? Tasks.Labels.Value(task, logits[0]) : Metrics.Classes(logits, task.Outputs)[0];
                text.Append(CultureInfo.InvariantCulture, $"{split.Split.Name}\t{row}\t{Name(split.Labels[row])}\t{Name(predicted)}");
                foreach (float output in logits)
                    text.Append(CultureInfo.InvariantCulture, $"\t{output}");
                text.Append('\n');
            }
        AtomicFile.WriteAllText(Path.Combine(folder, FileName), text.ToString());

        string Name(double label) => task.IsRegression ? label.ToString(CultureInfo.InvariantCulture) : task.Labels[(int)label];
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
