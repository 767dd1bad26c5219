using Electra.Configuration;

namespace Electra.Finetuning;

/// <summary>What is wrong with the keys of a sweep.</summary>
internal static class SweepChecks
{
    /// <summary>Keys that no candidates can differ in, with the reason.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["recipe"] = "sets the defaults of other keys: sweep those",
        ["size"] = "sets the defaults of other keys: sweep those",
        ["tasks"] = "says what is learned: every task is searched on its own",
        ["joint"] = "says what is learned: every task is searched on its own",
        ["joint_mixing"] = "is about several tasks in one model, and every task is searched on its own",
        ["runs"] = "numbers the runs of each candidate",
        ["seed"] = "draws the seeds of each candidate's runs",
        ["seeds"] = "are those of each candidate's runs",
        ["group"] = "names the sweep",
    };

    /// <summary>What is wrong, by key.</summary>
    public static IEnumerable<ConfigProblem> Problems(FinetuneConfig config)
    {
        if (config.Sweep.Count == 0)
        {
            foreach (var (key, value) in new[]
            {
                ("sweep_samples", config.SweepSamples), ("sweep_halving", config.SweepHalving), ("sweep_confirm", config.SweepConfirm),
            })
                if (value > 0)
                    yield return new ConfigProblem(key, "is about sweep, which has no key: sweep: {training.learning_rate: [1e-4, 3e-4]}");
            yield break;
        }
        foreach (var (key, values) in config.Sweep)
            if ((OfKey(key) ?? values.Problem) is { } problem)
                yield return new ConfigProblem($"sweep.{key}", problem);
            else if (values.IsRange && config.SweepSamples == 0)
                yield return new ConfigProblem($"sweep.{key}", "is a range: sweep_samples says how many candidates are drawn");
        if (config.Swept is not null)
            yield return new ConfigProblem("sweep", "is another one, and this is the configuration of a candidate (swept)");
        if (config.SweepHalving == 1)
            yield return new ConfigProblem("sweep_halving", "cannot be 1: 3 keeps the best third of each round, 0 all");
        if (config.SweepHalving > 1 && config.Sweep.ContainsKey("training.epochs"))
            yield return new ConfigProblem("sweep_halving", "gives each round its epochs, and sweep has training.epochs");
        if (config.SweepHalving > 1 && config.Training.Epochs is > 0 and var epochs && epochs < config.SweepHalving)
            yield return new ConfigProblem(
                "sweep_halving",
                $"is {config.SweepHalving}: a first round with that part of the epochs needs {config.SweepHalving} or more, and "
                    + $"training.epochs is {epochs}"
            );
        if (config.SweepConfirm > 0 && config.Seeds.Count > 0)
            yield return new ConfigProblem("sweep_confirm", "draws new seeds, and seeds are listed: leave these out");
    }

    private static string? OfKey(string key) =>
        Refused.TryGetValue(key, out var why) ? $"cannot be swept: it {why}"
        : Config.TypeAt<FinetuneConfig>(key) is not { } type
            ? "is not a key" + (Spelling.Nearest(key, Config.Names<FinetuneConfig>()) is { } nearest ? $"; did you mean {nearest}?" : "")
        : type is ConfigRecordType { ShortForm: null } ? "is a mapping: sweep the keys in it"
        : !Config.ChangesLearning<FinetuneConfig>(key) ? "cannot be swept: it changes nothing that is learned"
        : null;
}
