using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Running;
using Electra.Storage;

namespace Electra.Finetuning;

/// <summary>One of the pre-trained models that runs begin with.</summary>
/// <param name="Source">The model, as it was given or found.</param>
/// <param name="PretrainSeed">The seed of its pre-training, or its name where it is another's.</param>
/// <param name="Label">What tells it apart from the others in the names of folders; null where it is the only one.</param>
internal sealed partial record StartModel(string Source, string PretrainSeed, string? Label)
{
    /// <summary>Which checkpoint of a run of this kit it is: 25 for <c>demo_36_25</c>; null of another model.</summary>
    public double? Percent { get; init; }

    /// <summary>The updates that this is, where the run's configuration says how many it had.</summary>
    public long? Updates { get; init; }

    /// <summary>The models that a configuration names, those of a pattern in the order of their seeds.</summary>
    /// <exception cref="UserErrorException">A pattern fits no model, or two models are of one seed.</exception>
    public static IReadOnlyList<StartModel> All(FinetuneConfig config)
    {
        var models = Found(config);
        if (models.Count == 0)
            throw new UserErrorException("checkpoint is missing: the model to fine-tune, such as checkpoints/pretrain/demo_36_100");
        if (models.GroupBy(model => model.PretrainSeed).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException(
                $"checkpoint: {string.Join(" and ", twice.Select(model => model.Source))} are both of the pre-training {twice.Key}: "
                    + "name one model of each"
            );
        return models;
    }

    /// <summary>
    /// The models by their share of the pre-training, where a configuration names several checkpoints of one run; none where each model is
    /// of a run of its own.
    /// </summary>
    public static IReadOnlyList<IGrouping<double, StartModel>> ByMilestone(FinetuneConfig config)
    {
        var models = Found(config);
        return models.DistinctBy(model => model.PretrainSeed).Count() == models.Count
            || models.Any(model => model.Percent is null)
            || models.DistinctBy(model => (model.PretrainSeed, model.Percent)).Count() < models.Count
            ? []
            : [.. models.GroupBy(model => model.Percent!.Value).OrderBy(milestone => milestone.Key)];
    }

    private static IReadOnlyList<StartModel> Found(FinetuneConfig config)
    {
        bool areSeveral = config.Checkpoint.Count > 1 || config.Checkpoint.Any(IsPattern);
        return
        [
            .. config
                .Checkpoint.SelectMany(name => IsPattern(name) ? Fitting(name) : [name])
                .Distinct()
                .Select(source => Named(source, config.PretrainSeed, areSeveral)),
        ];
    }

    /// <summary>Whether a name stands for all models that fit it.</summary>
    public static bool IsPattern(string name) => ModelPattern.Is(name);

    private static StartModel Named(string source, string? given, bool areSeveral)
    {
        var run = RunOf(source);
        var seed = given ?? run?.Settings.GetValueOrDefault("seed") ?? NameOf(source);
        return new StartModel(source, seed, areSeveral ? seed : null)
        {
            Percent = run?.Percent,
            Updates =
                run is var (settings, percent)
                && settings.GetValueOrDefault("training.budget", "null") == "null"
                && long.TryParse(settings.GetValueOrDefault("training.steps"), CultureInfo.InvariantCulture, out long steps)
                    ? Math.Clamp((long)Math.Round(steps * percent / 100), 1, steps)
                    : null,
        };
    }

    /// <summary>The models that fit a pattern, in the order of their seeds.</summary>
    private static IEnumerable<string> Fitting(string pattern) =>
        ModelPattern
            .Fitting("checkpoint", pattern)
            .OrderBy(source =>
                int.TryParse(RunOf(source)?.Settings.GetValueOrDefault("seed"), CultureInfo.InvariantCulture, out int seed)
                    ? seed
                    : int.MaxValue
            );

    /// <summary>
    /// <c>demo_36_100</c> is a model of the run <c>demo_36</c>, whose configuration says the seed; null where there is no such run.
    /// </summary>
    private static (IReadOnlyDictionary<string, string> Settings, double Percent)? RunOf(string source)
    {
        var folder = Path.TrimEndingDirectorySeparator(Paths.Find(source));
        if (Path.GetFileName(folder) == HuggingFaceFolder.FolderOf(ModelPart.Discriminator))
            folder = Path.GetDirectoryName(folder)!;
        if (Milestone().Match(folder) is not { Success: true } match)
            return null;
        var config = Path.Combine(match.Groups["run"].Value, Experiment.ConfigFile);
        return File.Exists(config)
            && double.TryParse(match.Groups["percent"].Value, CultureInfo.InvariantCulture, out double percent)
            && ConfigValues.Of(File.ReadAllText(config)) is var settings
            && settings.ContainsKey("seed")
            ? (settings, percent)
            : null;
    }

    /// <summary>The last part of a path or of a name on the hub, in letters that a folder's name may have.</summary>
    private static string NameOf(string source) =>
        OtherLetters().Replace(Path.GetFileName(ModelPattern.Portable(source).TrimEnd('/')), "-");

    [GeneratedRegex(@"^(?<run>.+)_(?<percent>[\d.]+)$")]
    private static partial Regex Milestone();

    [GeneratedRegex("[^A-Za-z0-9.-]")]
    private static partial Regex OtherLetters();
}
