using System.Text.RegularExpressions;
using Electra.Configuration;
using Electra.Data.Examples;
using Electra.Finetuning;
using Electra.Pretraining;
using Electra.Running;

namespace Electra.Tests.Configuration;

/// <summary>Which keys make another experiment of a run is said by the keys themselves.</summary>
public sealed class ExecutionOnlyTests
{
    [Fact]
    public void These_keys_of_pretraining_do_not_change_what_is_learned() =>
        Assert.Equal(
            [
                "seeds",
                "training.micro_batch_size",
                "training.recompute",
                "training.max_bad_steps",
                "training.max_minutes",
                "evaluation",
                "checkpoints",
                "logging",
                "compute",
                "runs_at_once",
                "workers",
                "datasets",
                "resume",
                "dry_run",
                "only",
            ],
            ExecutionOnly(typeof(PretrainConfig))
        );

    [Fact]
    public void These_keys_of_finetuning_do_not_change_what_is_learned() =>
        Assert.Equal(
            [
                "recipe",
                "size",
                "pretrain_seed",
                "data.glue",
                "data.own.*.train",
                "data.own.*.dev",
                "data.own.*.test",
                "data.own.*.test_labels",
                "training.micro_batch_size",
                "training.recompute",
                "folder",
                "workers",
                "save_minutes",
                "logging",
                "compute",
                "datasets",
                "resume",
                "predict",
                "sweep",
                "sweep_samples",
                "sweep_halving",
                "sweep_confirm",
                "swept",
            ],
            ExecutionOnly(typeof(FinetuneConfig))
        );

    [Fact]
    public void A_key_without_the_attribute_counts_in_a_record_of_ones_own_however_deep()
    {
        var one = new Own();
        Same(one, one with { Note = "b", Parts = [new() { Place = "b" }], Inner = new() { Place = "b" } });
        Assert.Contains("  now   new_key: 2\n  then  new_key: 1\n", Differ(one, one with { NewKey = 2 }));
        Assert.Contains("  now   inner.new_key: 2\n  then  inner.new_key: 1\n", Differ(one, one with { Inner = new() { NewKey = 2 } }));
        Assert.Contains(
            "  now   parts: [{new_key: 2}]\n  then  parts: [{new_key: 1}]\n",
            Differ(one, one with { Parts = [new() { NewKey = 2 }] })
        );
        Assert.Contains(
            "  now   by_name.\"a: b\".new_key: 2\n  then  by_name.\"a: b\".new_key: 1\n",
            Differ(
                one with { ByName = new Dictionary<string, Part> { ["a: b"] = new(), ["a: c"] = new() } },
                one with { ByName = new Dictionary<string, Part> { ["a: b"] = new() { NewKey = 2 }, ["a: c"] = new() } }
            )
        );
    }

    [Fact]
    public void A_state_that_was_saved_with_all_keys_is_of_the_same_experiment()
    {
        var config = new PretrainConfig();
        Require(Config.ResolvedYaml(config with { Logging = new() { Every = 7 } }), Config.LearnedYaml(config));
        Assert.Contains(
            "  now   training.learning_rate: 0.001\n  then  training.learning_rate: 0.0005\n",
            Differ(config, config with { Training = config.Training with { LearningRate = 1e-3, MaxMinutes = 5 } })
        );
    }

    /// <summary>The state of an older version, which had fewer keys, and a number where there is a mapping now.</summary>
    [Fact]
    public void A_key_that_an_older_state_lacks_counts_as_its_default()
    {
        var config = Config.Parse<PretrainConfig>("{size: base, objective: {temperature: 2}, training: {steps: 9}}", "a.yaml");
        var older = Config.LearnedYaml(config).Split('\n').ToList();
        older.RemoveAll(line => line is "  temperature:" || Regex.IsMatch(line, "^ +(half_life|budget|ema|packing|final):"));
        older[older.FindIndex(line => line == "    start: 2")] = "  temperature: 2";
        older.Add("no_key_any_more: 1");
        var saved = string.Join('\n', older);
        void Resume(PretrainConfig now) =>
            SameExperiment.Require(Config.LearnedValues(saved, now), Config.LearnedYaml(now), "runs/a_1", "Advice.");
        string Refused(PretrainConfig now) => Assert.Throws<UserErrorException>(() => Resume(now)).Message;

        Assert.DoesNotContain("budget:", saved);
        Resume(config);
        Resume(config with { Logging = new() { Every = 7 } });
        Assert.Contains(
            "  now   examples.packing: best_fit\n  then  examples.packing: none\n",
            Refused(config with { Examples = config.Examples with { Packing = ExamplePacking.BestFit } })
        );
        Assert.Contains(
            "  now   objective.temperature.start: 1\n  then  objective.temperature.start: 2\n",
            Refused(config with { Objective = config.Objective with { Temperature = 1 } })
        );
    }

    /// <summary>The defaults of some keys follow from others, which a state does not keep.</summary>
    [Fact]
    public void The_default_of_such_a_key_is_that_of_the_recipe()
    {
        var config = Config.Parse<FinetuneConfig>("{recipe: google, checkpoint: a}", "a.yaml");
        var saved = string.Join('\n', Config.LearnedYaml(config).Split('\n').Where(line => !line.Contains("round_warmup:")));
        Assert.Equal("false", Config.LearnedValues(saved, config)["training.round_warmup"]);
    }

    [Fact]
    public void A_value_that_cannot_be_read_any_more_is_another_one()
    {
        var config = new PretrainConfig();
        var saved = Config.LearnedYaml(config).Replace("schedule: original_linear", "schedule: triangular");
        Assert.Equal("triangular", Config.LearnedValues(saved, config)["training.schedule"]);
    }

    [Fact]
    public void The_help_says_which_keys_may_change_when_a_run_is_resumed()
    {
        var help = ConfigHelp.Usage<PretrainConfig>("dotnet script scripts/pretrain.csx");
        Assert.Equal(ExecutionOnly(typeof(PretrainConfig)).Count(), help.Split("A run can be resumed with another value.").Length - 1);
    }

    private static IEnumerable<string> ExecutionOnly(Type record) => ExecutionOnly((ConfigRecordType)ConfigTypes.Of(record), "");

    private static IEnumerable<string> ExecutionOnly(ConfigRecordType type, string prefix) =>
        type.Keys.SelectMany(key =>
            key.ChangesLearning
                ? key.Type switch
                {
                    ConfigRecordType record => ExecutionOnly(record, $"{prefix}{key.Name}."),
                    ConfigDictionaryType { Value: ConfigRecordType record } => ExecutionOnly(record, $"{prefix}{key.Name}.*."),
                    _ => [],
                }
                : [prefix + key.Name]
        );

    private static void Same(object saved, object wanted) => Require(Config.LearnedYaml(saved), Config.LearnedYaml(wanted));

    private static string Differ(object saved, object wanted) =>
        Assert.Throws<UserErrorException>(() => Same(saved, wanted)).Message;

    private static void Require(string saved, string wanted) =>
        SameExperiment.Require(ConfigValues.Of(saved), wanted, "runs/a_1", "Advice.");

    private sealed record Own
    {
        public int NewKey { get; init; } = 1;

        [ExecutionOnly]
        public string Note { get; init; } = "a";

        public Part Inner { get; init; } = new();

        public IReadOnlyList<Part> Parts { get; init; } = [new()];

        public IReadOnlyDictionary<string, Part> ByName { get; init; } = new Dictionary<string, Part>();
    }

    private sealed record Part
    {
        public int NewKey { get; init; } = 1;

        [ExecutionOnly]
        public string Place { get; init; } = "a";
    }
}
