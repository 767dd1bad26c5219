using System.Globalization;
using System.Text;
using Electra.Data.Tasks;
using Electra.Storage;

namespace Electra.Finetuning;

/// <summary>The file <c>dev_predictions.tsv</c> of a run: every row of the development sets, its label, what was predicted, and the outputs.</summary>
internal static class DevPredictions
{
    private const string FileName = "dev_predictions.tsv";

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
                double predicted = task.IsRegression ? Prediction.Labels.Value(task, logits[0]) : Metrics.Classes(logits, task.Outputs)[0];
                text.Append(CultureInfo.InvariantCulture, $"{split.Split.Name}\t{row}\t{Name(split.Labels[row])}\t{Name(predicted)}");
                foreach (float output in logits)
                    text.Append(CultureInfo.InvariantCulture, $"\t{output}");
                text.Append('\n');
            }
        AtomicFile.WriteAllText(Path.Combine(folder, FileName), text.ToString());

        string Name(double label) => task.IsRegression ? label.ToString(CultureInfo.InvariantCulture) : task.Labels[(int)label];
    }
}
