using Electra.Running;

namespace Electra.Pretraining;

/// <summary>The picture of a run: losses, what was measured on held-out text, the learning rate.</summary>
internal static class PretrainCurves
{
    /// <summary>Draws the run's log as <c>curves.png</c> in its folder.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="objective">Names its losses and what is measured of it: what else is in the log is the script's own.</param>
    public static void Draw(Run<PretrainConfig> run, Objective objective)
    {
        var (known, shown) = (objective.Figures.Select(figure => figure.Name), objective.Figures.Where(figure => figure.IsDrawn));
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
            new CurvePanel("Losses", objective.LossNames, IsLogarithmic: true),
            new CurvePanel("On held-out text", [.. HeldOut(shown.Select(figure => figure.Name)), .. own], IsSmoothed: false),
            new CurvePanel("Learning rate", ["learning_rate"], IsSmoothed: false)
        );
    }

    private static IEnumerable<string> HeldOut(IEnumerable<string> names) => names.Select(name => Curves.HeldOut + name);
}
