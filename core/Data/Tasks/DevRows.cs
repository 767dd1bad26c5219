namespace Electra.Data.Tasks;

/// <summary>The rows of a development set, as a run has kept them.</summary>
/// <param name="Split">The set's name.</param>
/// <param name="Classes">The names of the classes; null of a regression.</param>
/// <param name="Labels">The class from 0, or the value.</param>
/// <param name="Predictions">What the run predicts: the class, or the value as it was computed.</param>
internal sealed record DevRows(string Split, IReadOnlyList<string>? Classes, double[] Labels, double[] Predictions)
{
    /// <summary>A label as it is written.</summary>
    public string LabelOf(int row) =>
        Classes?[(int)Labels[row]] ?? Labels[row].ToString(System.Globalization.CultureInfo.InvariantCulture);
}
