using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Running;
using Electra.Storage;

namespace Electra.Finetuning;

/// <summary>One of the pre-trained models that runs begin with.</summary>
/// <param name="Source">The model, as it was given or found.</param>
/// <param name="PretrainSeed">The seed of its pre-training, or its name where it is another's.</param>
/// <param name="Label">What tells it apart from the others in the names of folders; null where it is the only one.</param>
internal sealed partial record StartModel(string Source, string PretrainSeed, string? Label)
{
    /// <summary>The models that a configuration names, those of a pattern in the order of their seeds.</summary>
    /// <exception cref="UserErrorException">A pattern fits no model, or two models are of one seed.</exception>
    public static IReadOnlyList<StartModel> All(FinetuneConfig config)
    {
        bool areSeveral = config.Checkpoint.Count > 1 || config.Checkpoint.Any(IsPattern);
        StartModel[] models =
        [
            .. config
                .Checkpoint.SelectMany(name => IsPattern(name) ? Fitting(name) : [name])
                .Distinct()
                .Select(source => Named(source, config.PretrainSeed, areSeveral)),
        ];
        if (models.GroupBy(model => model.PretrainSeed).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException(
                $"checkpoint: {string.Join(" and ", twice.Select(model => model.Source))} are both of the pre-training {twice.Key}: "
                    + "name one model of each"
            );
        return models;
    }

    /// <summary>Whether a name stands for all models that fit it.</summary>
    public static bool IsPattern(string name) => ModelPattern.Is(name);

    private static StartModel Named(string source, string? given, bool areSeveral)
    {
        var seed = given ?? SeedOf(source) ?? NameOf(source);
        return new StartModel(source, seed, areSeveral ? seed : null);
    }

    /// <summary>The models that fit a pattern, in the order of their seeds.</summary>
    private static IEnumerable<string> Fitting(string pattern) =>
        ModelPattern
            .Fitting("checkpoint", pattern)
            .OrderBy(source => int.TryParse(SeedOf(source), CultureInfo.InvariantCulture, out int seed) ? seed : int.MaxValue);

    /// <summary>
    /// <c>demo_36_100</c> is a model of the run <c>demo_36</c>, whose configuration says the seed; null where there is no such run.
    /// </summary>
    private static string? SeedOf(string source)
    {
        var folder = Path.TrimEndingDirectorySeparator(Paths.Find(source));
        if (Path.GetFileName(folder) == HuggingFaceFolder.FolderOf(ModelPart.Discriminator))
            folder = Path.GetDirectoryName(folder)!;
        var config = Milestone().Match(folder) is { Success: true } run
            ? Path.Combine(run.Groups["run"].Value, Experiment.ConfigFile)
            : "";
        return File.Exists(config)
            ? File.ReadLines(config).Select(line => Seed().Match(line)).FirstOrDefault(line => line.Success)?.Groups["seed"].Value
            : null;
    }

    /// <summary>The last part of a path or of a name on the hub, in letters that a folder's name may have.</summary>
    private static string NameOf(string source) =>
        OtherLetters().Replace(Path.GetFileName(ModelPattern.Portable(source).TrimEnd('/')), "-");

    [GeneratedRegex(@"^(?<run>.+)_[\d.]+$")]
    private static partial Regex Milestone();

    [GeneratedRegex(@"^seed: (?<seed>\d+)\s*$")]
    private static partial Regex Seed();

    [GeneratedRegex("[^A-Za-z0-9.-]")]
    private static partial Regex OtherLetters();
}
