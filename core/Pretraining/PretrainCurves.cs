using Electra.Running;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>The picture of a run: losses, what was measured on held-out text, the learning rate.</summary>
internal static class PretrainCurves
{
    /// <summary>Draws the run's log as <c>curves.png</c> in its folder.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="objective">Names its losses and what is measured of it: what else is in the log is the script's own.</param>
    public static void Draw(Run<PretrainConfig> run, Objective objective)
    {
        string[] averages = ["", .. run.Config.Training.Averages.Kept.Select(WeightAverages.Prefix)];
        var known = averages.SelectMany(average => objective.Figures.Select(figure => average + figure.Name));
        var shown = averages.SelectMany(average => objective.Figures.Where(figure => figure.IsDrawn).Select(f => average + f.Name));
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
            new CurvePanel("On held-out text", [.. HeldOut(shown), .. own], IsSmoothed: false),
            new CurvePanel("Learning rate", ["learning_rate"], IsSmoothed: false)
        );
    }

    private static IEnumerable<string> HeldOut(IEnumerable<string> names) => names.Select(name => Curves.HeldOut + name);
}
