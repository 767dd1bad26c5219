using Electra.Running;

namespace Electra.Pretraining;

/// <summary>The steps of a run that are measured on held-out text, those before it was stopped too.</summary>
internal sealed class MeasuredSteps
{
    private readonly SortedDictionary<long, bool> isAbove = [];

    /// <param name="log">What the log of the run has so far.</param>
    public MeasuredSteps(IEnumerable<MetricsRow> log)
    {
        foreach (var row in log.Where(IsMeasurement))
            Add(row.Step, name => row.Values.GetValueOrDefault(Curves.HeldOut + name, double.NaN));
    }

    /// <summary>Whether a row of the log is of a measurement.</summary>
    public static bool IsMeasurement(MetricsRow row) => row.Values.ContainsKey(Curves.HeldOut + "loss");

    /// <summary>
    /// The measurement since which the discriminator has stayed above what the token alone tells; null where it is not at the latest one.
    /// </summary>
    public long? Rise
    {
        get
        {
            var since = isAbove.Reverse().TakeWhile(step => step.Value).Select(step => step.Key).ToList();
            return since.Count > 0 ? since[^1] : null;
        }
    }

    /// <summary>Whether a step is measured.</summary>
    public bool Contains(long step) => isAbove.ContainsKey(step);

    /// <summary>Adds a step, with its figures by name, NaN where there is none. At step 0 no discriminator has learned anything.</summary>
    /// <returns>Whether it is a new one.</returns>
    public bool Add(long step, Func<string, double> figure) => isAbove.TryAdd(step, step > 0 && IsAbove(figure));

    /// <summary>Whether a discriminator is above what the token alone tells.</summary>
    public static bool IsAbove(Func<string, double> figure) =>
        figure("auc") >= figure(TokenBaseline.Figure) + TokenBaseline.Margin;
}
