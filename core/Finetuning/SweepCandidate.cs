using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Configuration;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Finetuning;

/// <summary>One choice of values for the keys of a sweep.</summary>
/// <param name="Config">The configuration with these values, in a group of its own.</param>
internal sealed partial record SweepCandidate(FinetuneConfig Config)
{
    /// <summary>Draws without a new combination after which there is taken to be none.</summary>
    private const int MostDraws = 1000;

    /// <summary>Names of folders are at most 255 long, and task, seed and run stand in them too.</summary>
    private const int LongestName = 100;

    /// <summary>The group of its runs.</summary>
    public string Group => Config.Group;

    /// <summary>The candidates of a configuration: the whole grid, or as many as are to be drawn of it.</summary>
    /// <exception cref="UserErrorException">A value is not one that its key can have, or two candidates are the same.</exception>
    public static IReadOnlyList<SweepCandidate> All(FinetuneConfig config)
    {
        List<SweepCandidate> all = [.. (config.SweepSamples > 0 ? Drawn(config) : Grid(config)).Select(values => Of(config, values))];
        if (all.GroupBy(one => one.Config.Swept!.Shown).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"sweep: {twice.Key} is there {twice.Count()} times");
        return all;
    }

    /// <summary>The checkpoints of a pre-training, each with the models of all seeds that have it; none where there is one.</summary>
    public static IReadOnlyList<SweepCandidate> OfMilestones(FinetuneConfig config) =>
        [
            .. from milestone in StartModel.ByMilestone(config)
            let percent = milestone.Key.ToString("0.####", CultureInfo.InvariantCulture)
            select new SweepCandidate(
                config with
                {
                    Group = $"{config.Group}-{percent}",
                    Checkpoint = [.. milestone.Select(model => model.Source)],
                    Swept = new SweptKeys
                    {
                        Sweep = config.Group,
                        Values = new Dictionary<string, string> { ["checkpoint"] = $"{percent}%" },
                        Percent = milestone.Key,
                        Updates = milestone.Select(model => model.Updates).Distinct().Count() == 1 ? milestone.First().Updates : null,
                    },
                }
            ),
        ];

    /// <summary>The same values with fewer epochs, for a round of a search by halving.</summary>
    public SweepCandidate InRound(int epochs) =>
        new(
            Config with
            {
                Group = $"{Group}-epochs-{epochs}",
                Training = Config.Training with { Epochs = epochs },
                Swept = Config.Swept! with { Epochs = epochs },
            }
        );

    /// <summary>The same values with seeds that had no part in the choice.</summary>
    public SweepCandidate Confirmed(int runs) =>
        new(
            Config with
            {
                Group = ConfirmedGroup(Group),
                Runs = [.. Enumerable.Range(Config.Runs.Max() + 1, runs)],
                Seeds = [],
                Swept = Config.Swept! with { Confirms = true },
            }
        );

    /// <summary>The group of a candidate's runs with new seeds.</summary>
    public static string ConfirmedGroup(string group) => $"{group}-confirmed";

    private static IEnumerable<IReadOnlyList<(string Key, string Value)>> Grid(FinetuneConfig config) =>
        config.Sweep.Aggregate(
            (IEnumerable<IReadOnlyList<(string, string)>>)[[]],
            (grid, key) =>
                grid.SelectMany(values =>
                    key.Value.Values.Select(value => (IReadOnlyList<(string, string)>)[.. values, (key.Key, value)])
                )
        );

    /// <summary>The first candidates of a sequence that follows from the seed: more of them keep those that were drawn before.</summary>
    private static IEnumerable<IReadOnlyList<(string Key, string Value)>> Drawn(FinetuneConfig config)
    {
        var seen = new HashSet<string>();
        var key = RandomKey.FromSeed(config.Seed)[2];
        for (int draw = 0, last = 0; seen.Count < config.SweepSamples; draw++)
        {
            if (draw - last > MostDraws)
                throw new UserErrorException(
                    $"sweep_samples is {config.SweepSamples}, and the values of sweep have {seen.Count} combinations: "
                        + "sweep_samples=0 takes all"
                );
            var values = config.Sweep.Select((one, i) => (one.Key, one.Value.Drawn(key[draw][i], IsWhole(one.Key)))).ToList();
            if (!seen.Add(string.Join('\n', values)))
                continue;
            last = draw;
            yield return values;
        }
    }

    private static bool IsWhole(string key) =>
        Configuration.Config.TypeAt<FinetuneConfig>(key)?.Type is var type && (type == typeof(int) || type == typeof(long));

    private static SweepCandidate Of(FinetuneConfig config, IReadOnlyList<(string Key, string Value)> values)
    {
        var alone = config.WithoutSweep();
        var words = values.Select(value => $"{value.Key}={value.Value}").ToList();
        FinetuneConfig candidate;
        try
        {
            candidate = Configuration.Config.Parse<FinetuneConfig>(Configuration.Config.ResolvedYaml(alone), "the configuration", words);
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"sweep: {string.Join(", ", words)} cannot be: {e.Message}", e);
        }
        // One value has one name, however it is written.
        var read = ConfigValues.Of(Configuration.Config.LearnedYaml(candidate));
        var swept = new SweptKeys
        {
            Sweep = config.Group,
            Values = values.ToDictionary(value => value.Key, value => read.GetValueOrDefault(value.Key, value.Value)),
        };
        return new(candidate with { Group = $"{config.Group}-{Name(swept)}", Swept = swept });
    }

    private static string Name(SweptKeys swept)
    {
        var name = OtherLetters().Replace(
            string.Join('-', swept.Values.Select(value => $"{SweptKeys.ShortName(value.Key)}-{value.Value}")),
            "-"
        );
        return name.Length <= LongestName ? name : Fingerprint.Of(string.Join('\n', swept.Values))[..12];
    }

    [GeneratedRegex("[^A-Za-z0-9._-]+")]
    private static partial Regex OtherLetters();
}
