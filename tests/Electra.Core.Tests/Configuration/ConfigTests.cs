
using Electra.Configuration;
using Electra.Data.Corpora;
using Electra.Pretraining;

namespace Electra.Tests.Configuration;

public sealed class ConfigTests
{
    private static SampleConfig Parse(string yaml, params string[] overrides) => Config.Parse<SampleConfig>(yaml, "a.yaml", overrides);

    private static string ErrorOf(string yaml, params string[] overrides) =>
        Assert.Throws<UserErrorException>(() => Parse(yaml, overrides)).Message;

    [Fact]
    public void A_file_that_extends_another_changes_what_it_says()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("demo.yaml"), "name: demo\ncorpus: a.txt\nmodel: {layers: 2, hidden_size: 64, attention_heads: 1}\n");
        Directory.CreateDirectory(folder.File("more"));
        File.WriteAllText(folder.File("more/deep.yaml"), "extends: ../demo.yaml\nname: deep\nmodel: {layers: 4}\n");
        var config = Config.Load<PretrainConfig>(folder.File("more/deep.yaml"), "model.layers=6");
        Assert.Equal(("deep", 6, 64), (config.Name, config.Model.Layers, config.Model.HiddenSize));
        Assert.Equal(["a.txt"], config.Corpus.Source);

        string Refused(string text)
        {
            File.WriteAllText(folder.File("more/deep.yaml"), text);
            return Assert.Throws<UserErrorException>(() => Config.Load<PretrainConfig>(folder.File("more/deep.yaml"))).Message;
        }
        Assert.Contains("deep.yaml:1:10: extends names nothing.yaml, and there is no file", Refused("extends: nothing.yaml\nname: a\n"));
        Assert.Contains("extends cannot be deep.yaml", Refused("extends: deep.yaml\nname: a\n"));
        Assert.Contains("extends is the name of one configuration", Refused("extends: [a.yaml]\nname: a\n"));
        File.WriteAllText(folder.File("demo.yaml"), "layer: 2\n");
        Assert.Contains("demo.yaml:1:1: layer", Refused("extends: ../demo.yaml\nname: a\n"));
    }

    [Fact]
    public void Every_kind_of_value_is_read()
    {
        var config = Parse("""
            name: "null"
            seed: 1_000
            recipe: google
            held_out_fraction: 5e-4
            vocabulary: ~
            tasks: [mnli, sts-b]
            seeds: [0..2, 7]
            dry_run: true
            budget: 01:30:00
            size: 24x1024
            training:
              steps: 1e6
              schedule: {end_factor: -.inf}
            corpus:
              - books/*.txt
              - {path: "c:\\d#1", weight: 2}
            """);

        Assert.Equal("null", config.Name);
        Assert.Equal(1000, config.Seed);
        Assert.Equal(SampleRecipe.Google, config.Recipe);
        Assert.Equal(0.0005, config.HeldOutFraction);
        Assert.Null(config.Vocabulary);
        Assert.Equal(["mnli", "sts-b"], config.Tasks);
        Assert.Equal([0, 1, 2, 7], config.Seeds);
        Assert.True(config.DryRun);
        Assert.Equal(TimeSpan.FromMinutes(90), config.Budget);
        Assert.Equal(new SampleSize(24, 1024), config.Size);
        Assert.Equal(1_000_000, config.Training.Steps);
        Assert.Equal(double.NegativeInfinity, config.Training.Schedule.EndFactor);
        Assert.Equal([new SampleSource("books/*.txt"), new SampleSource(@"c:\d#1", 2)], config.Corpus);
    }

    [Fact]
    public void A_scalar_alone_is_a_list_of_one() =>
        Assert.Equal(["mnli"], Parse("tasks: mnli").Tasks);

    [Fact]
    public void A_recipe_sets_defaults_and_nested_mappings_are_laid_over_them()
    {
        var config = Parse("recipe: google\ntraining: {schedule: {end_factor: 0.5}}");

        Assert.Equal(1e-4, config.Training.LearningRate);
        Assert.Equal(new SampleSchedule { WarmupSteps = 20, EndFactor = 0.5 }, config.Training.Schedule);
    }

    [Fact]
    public void A_mapping_by_name_is_laid_over_its_defaults_too()
    {
        var tasks = Parse("task_settings: {rte: {learning_rate: 1e-4}, cola: {}}").TaskSettings;

        Assert.Equal(new SampleTask { Epochs = 10, LearningRate = 1e-4 }, tasks["rte"]);
        Assert.Equal(new SampleTask { Epochs = 3 }, tasks["cola"]);
    }

    [Fact]
    public void A_key_with_everything_below_it_commented_out_keeps_its_defaults() =>
        Assert.Equal(new SampleTraining(), Parse("name: x\ntraining:\n#  steps: 3\n").Training);

    [Fact]
    public void Binding_does_not_change_the_defaults_it_is_laid_over()
    {
        var defaults = new SampleConfig();
        var type = ConfigTypes.Of(typeof(SampleConfig));
        var problems = new List<ConfigProblem>();
        var node = ConfigYaml.Parse("training: {steps: 30}\ntask_settings: {rte: {epochs: 1}}", _ => new ConfigPlace("a.yaml"), problems)!;

        var config = (SampleConfig)new ConfigBinder(type).Bind(type, node, defaults, "")!;

        Assert.Equal((30, 1), (config.Training.Steps, config.TaskSettings["rte"].Epochs));
        Assert.Equal((1_000_000, 10), (defaults.Training.Steps, defaults.TaskSettings["rte"].Epochs));
    }

    [Fact]
    public void Overrides_reach_nested_keys_and_the_later_one_wins()
    {
        var config = Parse(
            "training: {steps: 5}\ncorpus: {path: x}",
            "training.steps=6",
            "training.schedule.warmup_steps=1",
            "training.steps=7",
            "seed=36",
            "tasks=[rte, cola]",
            "task_settings.rte.epochs=4",
            "corpus=books/*.txt #1.gz"
        );

        Assert.Equal(7, config.Training.Steps);
        Assert.Equal(1, config.Training.Schedule.WarmupSteps);
        Assert.Equal(36, config.Seed);
        Assert.Equal(["rte", "cola"], config.Tasks);
        Assert.Equal(4, config.TaskSettings["rte"].Epochs);
        Assert.Equal([new SampleSource("books/*.txt #1.gz")], config.Corpus);
    }

    [Fact]
    public void Null_takes_away_the_list_that_a_file_gives()
    {
        Assert.Empty(Parse("seeds: [1, 2]", "seeds=null").Seeds);
        Assert.Empty(Parse("seeds:").Seeds);
        Assert.Contains("tasks must have at least 1 item", ErrorOf("tasks: [rte]", "tasks=null"));
    }

    [Fact]
    public void A_key_laid_over_a_short_form_keeps_what_it_stands_for()
    {
        Assert.Equal([new SampleSource("books/*.txt", 3)], Parse("corpus: books/*.txt", "corpus.weight=3").Corpus);
        Assert.Equal([new SampleSource("b", 3)], Parse("corpus: a", "corpus.weight=3", "corpus.path=b").Corpus);
        Assert.Equal([new SampleSource("c")], Parse("corpus: a", "corpus.weight=3", "corpus=c").Corpus);
        Assert.Equal(60, Parse("training:", "training.steps=60").Training.Steps);
        Assert.Contains("a.yaml:1:11: training is a single value", ErrorOf("training: 3", "training.steps=6"));
    }

    [Fact]
    public void An_override_sets_the_recipe_before_defaults_are_chosen() =>
        Assert.Equal(1e-4, Parse("name: x", "recipe=google").Training.LearningRate);

    [Theory]
    [InlineData("nmae: x", "a.yaml:1:1: nmae is not a key; did you mean name? Keys at the top level:\n    name, seed, recipe,")]
    [InlineData(
        "training:\n  lr: 1",
        "a.yaml:2:3: training.lr is not a key. Keys of training:\n    learning_rate, steps, optimizer, schedule"
    )]
    [InlineData("warmup_steps: 1", "a.yaml:1:1: warmup_steps is not a key; did you mean training.schedule.warmup_steps?")]
    [InlineData(
        "training:\n  schedule: {warmupsteps: 1}",
        "a.yaml:2:14: training.schedule.warmupsteps is not a key; did you mean training.schedule.warmup_steps?"
    )]
    [InlineData("seed: 1\nname: x\nseed: 2", "a.yaml:3:1: seed is given twice: the first time in line 1")]
    [InlineData("seed: x1", "a.yaml:1:7: seed cannot be \"x1\": a whole number is expected")]
    [InlineData("seed: 1.5", "a.yaml:1:7: seed cannot be \"1.5\": a whole number is expected")]
    [InlineData("seed: 3_000_000_000", "a.yaml:1:7: seed cannot be \"3_000_000_000\": it must lie between -2147483648 and 2147483647")]
    [InlineData("seed:", "a.yaml:1:6: seed has no value: a whole number is expected")]
    [InlineData("dry_run: yes", "a.yaml:1:10: dry_run cannot be \"yes\": true or false is expected; yes is a text in YAML 1.2")]
    [InlineData("held_out_fraction: [1]", "a.yaml:1:20: held_out_fraction is a list: a number is expected")]
    [InlineData("held_out_fraction: 1,5", "a.yaml:1:20: held_out_fraction cannot be \"1,5\": a number is expected")]
    [InlineData(
        "recipe: electra-pytorch",
        "a.yaml:1:9: recipe cannot be \"electra-pytorch\": did you mean electra_pytorch? Allowed: electra_pytorch, google"
    )]
    [InlineData(
        "training: 3",
        "a.yaml:1:11: training is a single value: a mapping is expected, with the keys\n    learning_rate, steps, optimizer, schedule"
    )]
    [InlineData(
        "training: {learning_rate: 0}",
        "a.yaml:1:27: training.learning_rate cannot be 0: a value of more than 0 and at most 1 is expected"
    )]
    [InlineData("training: {steps: 0}", "a.yaml:1:19: training.steps cannot be 0: a value of at least 1 is expected")]
    [InlineData("training: {optimizer: sgd}", "a.yaml:1:23: training.optimizer cannot be sgd: one of adam, adamw is expected")]
    [InlineData("tasks: []", "a.yaml:1:8: tasks must have at least 1 item")]
    [InlineData("name: \"\"", "a.yaml:1:7: name is missing, and has no default")]
    [InlineData("seeds: 9..0", "a.yaml:1:8: seeds cannot be \"9..0\": a range goes upwards")]
    [InlineData("seeds: [1, 2, x]", "a.yaml:1:15: seeds[2] cannot be \"x\": a whole number is expected")]
    [InlineData("size: big", "a.yaml:1:7: size cannot be \"big\": a size looks like 12x256")]
    [InlineData("corpus: [{weight: 1}]", "a.yaml:1:10: corpus[0].path is missing: a text is expected")]
    [InlineData(
        "corpus: {path: x, weight: 11}",
        "a.yaml:1:27: corpus.weight cannot be 11: a value of at least 0 and at most 10 is expected"
    )]
    [InlineData(
        "training: {schedule: {warmup_steps: 6}, steps: 5}",
        "a.yaml:1:37: training.schedule.warmup_steps is more than training.steps (5)"
    )]
    [InlineData("training: {steps: 5}", "a.yaml:1:11: training.schedule.warmup_steps is more than training.steps (5)")]
    [InlineData("name: [x", "a.yaml:2:1: this is not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'")]
    [InlineData("name: {a: 1\nseed: 2\n", "this is not valid YAML: a bracket before this place was not closed")]
    [InlineData(
        "name: x\ntraining:\n\tsteps: 1",
        "a.yaml:3:1: this is not valid YAML: while scanning a mapping, found invalid tab as indentation"
    )]
    [InlineData("seed: 1\nname: !!Y3x+e(L", "this is not valid YAML: a tag after this place (!…) is not valid")]
    [InlineData("name: *x", "a.yaml:1:7: this is not valid YAML: no value before this one has the anchor &x")]
    [InlineData("- a", "a.yaml:1:1: a configuration is a mapping")]
    [InlineData("# nothing", "a.yaml:1:1: the file is empty")]
    [InlineData("name: x\n---\nname: y", "a.yaml:2:1: a second document begins here")]
    public void A_mistake_is_named_with_its_place_its_key_and_what_is_right(string yaml, string message) =>
        Assert.Contains(message, ErrorOf(yaml));

    [Theory]
    [InlineData("sede=1", "argument sede=1: sede is not a key; did you mean seed?")]
    [InlineData("seed=x", "argument seed=x: seed cannot be \"x\": a whole number is expected")]
    [InlineData("training=3", "argument training=3: training is a single value")]
    [InlineData("seed", "argument seed: an override has the form key=value")]
    [InlineData("training..steps=1", "argument training..steps=1: an override has the form key=value")]
    [InlineData("tasks=[rte", "argument tasks=[rte: this is not valid YAML")]
    public void A_mistake_in_an_override_names_the_argument(string argument, string message) =>
        Assert.Contains(message, ErrorOf("name: x", argument));

    [Fact]
    public void All_mistakes_are_told_at_once_in_the_order_of_the_file()
    {
        var lines = ErrorOf("dry_run: 1\nnmae: x\ntraining:\n  steps: -1\nseed: 1\nseed: 2", "recipe=bert").Split('\n');

        Assert.Equal("5 things are wrong with the configuration:", lines[0]);
        Assert.Equal(
            ["a.yaml:1:10", "a.yaml:2:1", "a.yaml:4:10", "a.yaml:6:1", "argument recipe=bert"],
            lines[1..].Where(line => !line.StartsWith("   ", StringComparison.Ordinal)).Select(line => line.Trim().Split(": ")[0])
        );
    }

    [Theory]
    [InlineData("dry_run: {0}", "True", "TRUE", "true")]
    [InlineData("vocabulary: {0}", "~", "null", "Null", "NULL", "")]
    [InlineData("training: {{learning_rate: {0}}}", "1e-1", "1E-1", ".1", "0.1", "0.1_0", "\"0.1\"", "+.1")]
    [InlineData("training: {{steps: {0}}}", "1000", "1_000", "1e3", "1E3", "+1000", "1000.0", "'1000'", "!!int 1000", "01000")]
    [InlineData("held_out_fraction: {0}", ".inf", ".Inf", ".INF", "+.inf")]
    public void A_value_is_the_same_however_people_write_it(string yaml, params string[] texts)
    {
        var values = texts.Select(text => Config.ResolvedYaml(Parse(string.Format(yaml, text)))).Distinct();
        Assert.Single(values);
        Assert.NotEqual(
            Config.ResolvedYaml(Parse("name: sample")),
            yaml.StartsWith("vocab", StringComparison.Ordinal) ? "" : values.Single()
        );
    }

    [Theory]
    [InlineData(
        "vocabulary: *.txt",
        "a.yaml:1:13: this is not valid YAML: no value before this one has the anchor &.txt; a text that begins with * must be in quotes"
    )]
    [InlineData("vocabulary: * x", "a.yaml:1:13: ", "a text that begins with * must be in quotes")]
    [InlineData("tasks: [rte, **/x]", "a.yaml:1:14: ", "a text that begins with * must be in quotes")]
    [InlineData("vocabulary: !x/y", "a.yaml:1:13: ", "the tag !x/y has no meaning here; a text that begins with ! must be in quotes")]
    [InlineData("seed: !!python/int 3", "a.yaml:1:7: ", "has no meaning here")]
    [InlineData("vocabulary: &x", "a.yaml:1:13: ", "no value follows the anchor &x; a text that begins with & must be in quotes")]
    [InlineData("vocabulary: %x", "a.yaml:1:13: ", "a text that begins with % must be in quotes")]
    [InlineData("vocabulary: @x", "a.yaml:1:13: ", "a text that begins with @ must be in quotes")]
    [InlineData("vocabulary: |x", "a.yaml:1:13: ", "a text that begins with | must be in quotes")]
    [InlineData("vocabulary: \"C:\\data\"", "a.yaml:1:13: ", "a backslash means itself in single quotes")]
    [InlineData("vocabulary: 'a", "a.yaml:1:13: ", "the quote that opens here is not closed")]
    [InlineData("vocabulary: 'it's'", "a.yaml:1:", "a quote within single quotes is written twice: 'it''s'")]
    [InlineData("vocabulary: a: b", "a.yaml:1:14: ", "a text that holds a colon and a space must be in quotes")]
    [InlineData("seed:10", "a.yaml:1:1: a configuration is a mapping: lines of the form key: value; a space is missing after \"seed:\"")]
    [InlineData("name: x\nseed:10", "a.yaml:2:1: ", "; a space is missing after \"seed:\"")]
    [InlineData(
        "training:\n  steps:10",
        "a.yaml:2:3: training is a single value; a space is missing after \"steps:\": a mapping is expected, with the keys\n"
            + "    learning_rate,"
    )]
    [InlineData("training:\n  steps:10\n  optimizer: adam", "a.yaml:3:12: ", "; a space is missing after \"steps:\"")]
    [InlineData("training:\n  steps: 10\n   optimizer: adam", "a.yaml:3:13: ", "; the keys of one mapping begin in the same column")]
    [InlineData("training:\n  steps: 10\n optimizer: adam", "a.yaml:3:2: ", "; the keys of one mapping begin in the same column")]
    [InlineData("training:\n\tsteps: 10", "a.yaml:2:1: ", "; indent with spaces, not with tabs")]
    [InlineData(
        "training: {steps: 1,000}",
        "a.yaml:1:21: training.000 is not a key: in {…} a comma ends the value before it. Write 1000 or 1_000"
    )]
    [InlineData(
        "training:\n  steps: 1,000",
        "a.yaml:2:10: training.steps cannot be \"1,000\": a whole number is expected; without commas: 1000 or 1_000"
    )]
    [InlineData(
        "training: {steps: 10k}",
        "a.yaml:1:19: training.steps cannot be \"10k\": a whole number is expected; written out: 10_000 or 10e3"
    )]
    [InlineData("training: {steps: 0x10}", "a whole number is expected in decimal digits")]
    [InlineData("training: {learning_rate: 50%}", "a number is expected; a percentage is written as a fraction: 0.5")]
    [InlineData("held_out_fraction: 0,5", "a number is expected; with a point: 0.5")]
    [InlineData("seed: 3\u00a0", "it holds the special space U+00A0: type it again")]
    [InlineData("seed: 2024-01-01", "a.yaml:1:7: seed cannot be \"2024-01-01\": a whole number is expected")]
    [InlineData(
        "training.steps: 10",
        "a.yaml:1:1: training.steps is not a key here; a key with dots is nested in a file: training: {steps: …}."
    )]
    [InlineData("training:\n  name: x", "a.yaml:2:3: training.name is not a key here; name stands at the top level.")]
    [InlineData("dry_run: On", "true or false is expected; On is a text in YAML 1.2")]
    [InlineData("training:\n  <<: 3", "a.yaml:2:7: training.<< merges mappings")]
    public void What_people_write_in_YAML_is_refused_with_what_would_be_right(string yaml, params string[] said) =>
        Assert.All(said, part => Assert.Contains(part, ErrorOf(yaml)));

    [Fact]
    public void Merged_mappings_give_the_keys_that_a_mapping_does_not_have()
    {
        var tasks = Parse("""
            task_settings:
              cola: &base {epochs: 5, learning_rate: 1e-3}
              rte: {<<: *base, epochs: 6}
              sst-2: {epochs: 7, <<: [{epochs: 1}, *base]}
            """).TaskSettings;
        Assert.Equal(new SampleTask { Epochs = 6, LearningRate = 1e-3 }, tasks["rte"]);
        Assert.Equal(new SampleTask { Epochs = 7, LearningRate = 1e-3 }, tasks["sst-2"]);
    }

    [Fact]
    public void A_list_in_the_place_of_a_corpus_is_its_files_or_its_mix()
    {
        CorpusOptions Corpus(string yaml, params string[] overrides) => Config.Parse<PretrainConfig>(yaml, "a.yaml", overrides).Corpus;
        Assert.Equal(["a.txt", "b.txt"], Corpus("corpus: [a.txt, b.txt]").Source);
        Assert.Equal(["a.txt", "b.txt"], Corpus("name: x", "corpus=[a.txt, b.txt]", "corpus.name=two").Source);
        Assert.Equal([["a"], ["b"]], Corpus("corpus: [{source: a, weight: 2}, b]").Mix.Select(part => part.Source));
    }

    [Fact]
    public void Anchors_are_followed() =>
        Assert.Equal(1e-3, Parse("task_settings:\n  cola: &few {learning_rate: 1e-3}\n  rte: *few").TaskSettings["rte"].LearningRate);

    [Fact]
    public void A_missing_file_names_its_nearest_neighbour()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("small.yaml"), "name: x");

        Assert.Contains(
            $"did you mean {folder.File("small.yaml")}?",
            Assert.Throws<UserErrorException>(() => Config.Load<SampleConfig>(folder.File("smal.yml"))).Message
        );
        Assert.Contains("that is a folder", Assert.Throws<UserErrorException>(() => Config.Load<SampleConfig>(folder.Path)).Message);
        Assert.Equal("x", Config.Load<SampleConfig>(folder.File("small.yaml")).Name);
    }

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "acb", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("learning_rate", "lerning_rtae", 2)]
    public void A_swap_of_neighbours_is_one_slip(string from, string to, int distance) =>
        Assert.Equal(distance, Spelling.Distance(from, to));

    [Fact]
    public void A_word_near_to_none_has_no_nearest() =>
        Assert.Null(Spelling.Nearest("zebra", ["name", "seed"]));
}
