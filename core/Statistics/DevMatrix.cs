using Electra.Data.Tasks;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>What runs predict for the same development examples.</summary>
/// <param name="Labels">The label of each example: a class from 0, or a value.</param>
/// <param name="Predictions">Of each run, what it predicts for each example.</param>
/// <param name="Classes">How many classes there are; 0 of a regression.</param>
internal sealed record DevMatrix(double[] Labels, IReadOnlyList<double[]> Predictions, int Classes)
{
    /// <summary>Whether labels are values.</summary>
    public bool IsRegression => Classes == 0;

    /// <summary>The metrics that predictions give: F1 is of two classes.</summary>
    public IReadOnlyList<string> Metrics =>
        IsRegression ? Data.Tasks.Metrics.ForValues
        : Classes == 2 ? Data.Tasks.Metrics.ForClasses
        : [Data.Tasks.Metrics.Accuracy, Data.Tasks.Metrics.Mcc];

    /// <summary>Reads the predictions that runs have kept.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="why">Why there are none, as a sentence's end; else null.</param>
    /// <returns>Null where a run has kept none.</returns>
    /// <exception cref="UserErrorException">Two runs were measured on other examples.</exception>
    public static DevMatrix? Read(IReadOnlyList<Score> runs, out string? why)
    {
        why = null;
        if (runs.FirstOrDefault(run => run.Folder is null || !DevPredictions.AreIn(run.Folder)) is { } without)
        {
            why = without.Folder is null
                ? $"run {without.Run} of {without.Group} comes from a file of scores, without predictions"
                : DevPredictions.WhyNotIn(without.Folder);
            return null;
        }
        // One after the other: the labels of a large development set are kept once.
        var first = DevPredictions.Read(runs[0].Folder!);
        var predictions = new List<double[]> { first.Predictions };
        foreach (var run in runs.Skip(1))
        {
            var read = DevPredictions.Read(run.Folder!);
            RequireSame(first, runs[0], read, run);
            predictions.Add(read.Predictions);
        }
        return new DevMatrix(first.Labels, predictions, first.Classes?.Count ?? 0);
    }

    private static void RequireSame(DevRows first, Score firstRun, DevRows other, Score otherRun)
    {
        string File(Score run) => Paths.Shown(Path.Combine(run.Folder!, DevPredictions.FileName));
        const string Advice = "Only runs that were measured on the same rows can be compared: do one of them over, or leave it out.";
        if (other.Labels.Length != first.Labels.Length)
            throw new UserErrorException(
                $"{File(otherRun)} has {Plural.Of(other.Labels.Length, "row")} of {other.Split}, and {File(firstRun)} "
                    + $"{first.Labels.Length:N0} of {first.Split}. {Advice}"
            );
        int row = Array.FindIndex([.. Enumerable.Range(0, other.Labels.Length)], i => other.Labels[i] != first.Labels[i]);
        if (row >= 0)
            throw new UserErrorException(
                $"{File(otherRun)}, row {row}: the label is {other.LabelOf(row)}, and in {File(firstRun)} it is {first.LabelOf(row)}. "
                    + Advice
            );
    }
}
