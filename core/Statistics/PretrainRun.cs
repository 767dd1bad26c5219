using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Running;
using Electra.Storage;

namespace Electra.Statistics;

/// <summary>A pre-training run, as far as it has come.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Group">The experiment's name.</param>
/// <param name="Seed">The seed.</param>
internal sealed partial record PretrainRun(string Folder, string Group, int Seed)
{
    /// <summary>Figures on held-out text at the end; none of an unfinished run.</summary>
    public IReadOnlyDictionary<string, double> Scores { get; init; } = new Dictionary<string, double>();

    /// <summary>The update at which the discriminator rose above what the token alone tells; null: never, or not known.</summary>
    public long? Rise { get; init; }

    /// <summary>Whether the run says when its discriminator rose: those of older versions do not.</summary>
    public bool KnowsRise { get; init; }

    /// <summary>Floating-point operations of training by Google's count; null where they were not counted.</summary>
    public double? Flops { get; init; }

    /// <summary>What the discriminator was measured with.</summary>
    public string MeasuredWith { get; init; } = "";

    /// <summary>Why it is not finished, as a sentence's end; null of a finished one.</summary>
    public string? Unfinished { get; init; }

    /// <summary>What it was made with.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The figures on held-out text, over updates.</summary>
    public IReadOnlyList<MetricsRow> Curve { get; init; } = [];

    /// <summary>Reads a run's folder.</summary>
    /// <returns>Null where it is not the folder of a pre-training run.</returns>
    /// <exception cref="UserErrorException">What it holds is damaged.</exception>
    public static PretrainRun? Read(string folder)
    {
        var named = Name().Match(Path.GetFileName(folder));
        if (!named.Success || !int.TryParse(named.Groups["seed"].Value, CultureInfo.InvariantCulture, out int seed) || IsModel(folder))
            return null;
        var settings = RunSettings.Read(folder);
        if (settings.Count > 0 && !settings.ContainsKey("objective.masking.probability") && !settings.ContainsKey("training.steps"))
            return null;
        var run = new PretrainRun(folder, named.Groups["name"].Value, seed) { Settings = settings };
        var log = File.Exists(Path.Combine(folder, MetricsLog.FileName)) ? MetricsLog.Read(folder) : [];
        run = run with { Curve = [.. log.Where(IsHeldOut)] };
        if (!PretrainResult.IsIn(folder))
            return run.FromLog(log);
        var result = PretrainResult.Load(folder);
        return (result.Name, result.Seed) == (run.Group, run.Seed)
            ? run with
            {
                Scores = result.Scores,
                Rise = result.Rise,
                KnowsRise = result.Scores.ContainsKey("token_auc"),
                MeasuredWith = result.MeasuredWith ?? run.OwnGenerator,
                Flops = result.Flops,
            }
            : throw new UserErrorException(
                $"{Paths.Shown(folder)} holds the result of {result.Name}_{result.Seed}: a copy, or renamed. Give the folder that name, or "
                    + "move it elsewhere"
            );
    }

    private string OwnGenerator =>
        Settings.TryGetValue("objective.masking.probability", out var text)
        && double.TryParse(text, CultureInfo.InvariantCulture, out double share)
            ? string.Create(CultureInfo.InvariantCulture, $"own generator, {100 * share:0.##}% masked")
            : "own generator";

    /// <summary>A run of a version that left no result is finished where it was measured after its last update.</summary>
    private PretrainRun FromLog(IReadOnlyList<MetricsRow> log)
    {
        if (!Settings.TryGetValue("training.steps", out var text) || !long.TryParse(text, CultureInfo.InvariantCulture, out long steps))
            return this with { Unfinished = "it has not begun" };
        if (Curve.LastOrDefault(row => row.Step == steps) is { } last)
            return this with
            {
                Scores = last.Values.Where(value => value.Key.StartsWith(Curves.HeldOut, StringComparison.Ordinal))
                    .ToDictionary(value => value.Key[Curves.HeldOut.Length..], value => value.Value),
                MeasuredWith = OwnGenerator,
            };
        return this with { Unfinished = WhyStopped(log.Select(row => row.Step).DefaultIfEmpty(0).Max(), steps) };
    }

    private string WhyStopped(long at, long steps)
    {
        var place = string.Create(CultureInfo.InvariantCulture, $"at update {at:N0} of {steps:N0}");
        int notFinite = SkippedUpdates.CountNotFinite(Folder);
        return notFinite >= 2
            ? $"{place}: it diverged, {notFinite} updates had a loss or gradients that were not finite ({SkippedUpdates.FileName})"
            : place;
    }

    private static bool IsHeldOut(MetricsRow row) => row.Values.Keys.Any(name => name.StartsWith(Curves.HeldOut, StringComparison.Ordinal));

    private static bool IsModel(string folder) => Directory.Exists(Path.Combine(folder, "discriminator"));

    [GeneratedRegex(@"^(?<name>[^.].*)_(?<seed>\d+)$")]
    private static partial Regex Name();
}
