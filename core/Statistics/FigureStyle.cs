using System.Globalization;

namespace Electra.Statistics;

/// <summary>How a figure is written.</summary>
/// <param name="Heading">Its name in tables and sentences.</param>
/// <param name="Unit">What follows a difference, with a space before it.</param>
/// <param name="Format">The format of a value without sign.</param>
/// <param name="IsLowerBetter">Whether less is better.</param>
/// <param name="MeasuredBy">What it depends on beside the model.</param>
internal sealed record FigureStyle(
    string Heading,
    string Unit,
    string Format,
    bool IsLowerBetter = false,
    MeasuredBy MeasuredBy = MeasuredBy.Itself
)
{
    /// <summary>Figures of pre-training: what every run has, in the order of tables.</summary>
    private static readonly Dictionary<string, FigureStyle> Pretraining = new()
    {
        ["auc"] = Detection("AUC"),
        ["token_auc"] = Detection("AUC of the token alone"),
        ["accuracy"] = Detection("accuracy"),
        ["precision"] = Detection("precision"),
        ["recall"] = Detection("recall"),
        ["masked_accuracy"] = new("masked-token accuracy", "", "0.000", MeasuredBy: MeasuredBy.Masks),
        ["perplexity"] = new("perplexity", "", "0.0", IsLowerBetter: true, MeasuredBy.Masks),
        ["generator_loss"] = new("generator loss", "", "0.000", IsLowerBetter: true, MeasuredBy.Masks),
        ["discriminator_loss"] = new("discriminator loss", "", "0.0000", IsLowerBetter: true, MeasuredBy.GeneratorAndMasks),
        ["loss"] = new("loss", "", "0.00", IsLowerBetter: true, MeasuredBy.GeneratorAndMasks),
        [Rise] = new("update of the rise", " updates", "0", IsLowerBetter: true),
    };

    /// <summary>The update at which the discriminator begins to use context, as a figure.</summary>
    public const string Rise = "rise";

    /// <summary>Of a task's score, in per cent.</summary>
    public static FigureStyle OfTask(string task) => new(TaskHeadings.Heading(task), " points", "0.0#");

    /// <summary>Of a figure of pre-training.</summary>
    public static FigureStyle OfPretraining(string name) =>
        Pretraining.GetValueOrDefault(name)
        ?? new(name, "", "0.####", IsLowerBetter: name.EndsWith("loss", StringComparison.Ordinal));

    /// <summary>Figures in the order of tables, those of scripts last.</summary>
    public static IReadOnlyList<string> Ordered(IEnumerable<string> names)
    {
        List<string> known = [.. Pretraining.Keys];
        return [.. names.Distinct().OrderBy(name => known.IndexOf(name) is >= 0 and var place ? place : known.Count).ThenBy(name => name)];
    }

    private static FigureStyle Detection(string heading) => new(heading, "", "0.000", MeasuredBy: MeasuredBy.GeneratorAndMasks);

    /// <summary>A value as text, – where there is none.</summary>
    public string Value(double? value) => value?.ToString(Format, CultureInfo.InvariantCulture) ?? "–";

    /// <summary>A difference as text, with its sign.</summary>
    public string Signed(double? value) =>
        value?.ToString($"+{Format};−{Format};{Format}", CultureInfo.InvariantCulture) ?? "–";
}
