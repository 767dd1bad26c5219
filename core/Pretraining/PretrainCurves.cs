using Electra.Running;

namespace Electra.Pretraining;

/// <summary>The picture of a run: losses, what was measured on held-out text, the learning rate.</summary>
internal static class PretrainCurves
{
    private static readonly string[] Shown = ["masked_accuracy", "auc", "token_auc", "precision", "recall"];

    /// <summary>Draws the run's log as <c>curves.png</c> in its folder.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="losses">The names of its losses.</param>
    /// <param name="known">The names of all that every run measures: what else is in the log is the script's own.</param>
    public static void Draw(Run<PretrainConfig> run, IReadOnlyList<string> losses, IEnumerable<string> known)
    {
        var own = MetricsLog
            .Read(run.Folder)
            .SelectMany(row => row.Values.Keys)
            .Distinct()
            .Where(name => name.StartsWith(Curves.HeldOut, StringComparison.Ordinal))
            .Except(HeldOut(known));
        Curves.Draw(
            run.Folder,
            run.PathOf("curves.png"),
            run.Config.RunName,
            new CurvePanel("Losses", losses, IsLogarithmic: true),
            new CurvePanel("On held-out text", [.. HeldOut(Shown), .. own], IsSmoothed: false),
            new CurvePanel("Learning rate", ["learning_rate"], IsSmoothed: false)
        );
    }

    private static IEnumerable<string> HeldOut(IEnumerable<string> names) => names.Select(name => Curves.HeldOut + name);
}
