using CsCheck;
using Electra.Configuration;
using Electra.Finetuning;
using Electra.Pretraining;

namespace Electra.Tests.Configuration;

public sealed class ResolvedYamlTests
{
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char[" ~-:#\"'\\\n\t[]{}&*!|>%@`,?aä0.e_\u2028\u00a0\ufeff\u0085"], 0, 12],
        Gen.OneOf([
            .. new[]
            {
                "null",
                "true",
                "1e5",
                "0x1F",
                "01:30:00",
                "-",
                "yes",
                "~",
                ".inf",
                "😀",
                "<<",
                "---",
                "a: b",
                "1_000",
                "=",
                " x ",
            }.Select(Gen.Const),
        ])
    );

    private static readonly Gen<SampleConfig> Configs =
        from name in Text.Where(text => text.Trim() != "")
        from folder in Text.Null()
        from vocabulary in Text.Null()
        from fraction in Gen.Double.Nullable()
        from rate in Gen.Double[1e-12, 1]
        from steps in Gen.Long[1000, long.MaxValue]
        from seeds in Gen.Int.List[0, 4]
        from tasks in Text.List[1, 4]
        from settings in Gen.Dictionary(
            Text,
            Gen.Select(Gen.Int, Gen.Double.Nullable(), (epochs, lr) => new SampleTask { Epochs = epochs, LearningRate = lr })
        )[0, 3]
        from sources in Gen.Select(Text, Gen.Double[0, 10], (path, weight) => new SampleSource(path, weight)).List[0, 3]
        from size in Gen.Select(Gen.Int, Gen.Int, (layers, hidden) => new SampleSize(layers, hidden))
        from budget in Gen.TimeSpan.Nullable()
        from flag in Gen.Bool
        select new SampleConfig
        {
            Name = name,
            OutputFolder = folder,
            Vocabulary = vocabulary,
            HeldOutFraction = fraction,
            Seeds = seeds,
            Tasks = tasks,
            Recipe = flag ? SampleRecipe.Google : SampleRecipe.ElectraPytorch,
            Corpus = sources,
            Size = size,
            Budget = budget,
            DryRun = flag,
            Training = new SampleTraining { LearningRate = rate, Steps = steps },
            TaskSettings = Complete(settings),
        };

    [Fact]
    public void What_was_written_loads_back_to_an_equal_record() => Configs.Sample(config =>
    {
        var loaded = Config.Parse<SampleConfig>(Config.ResolvedYaml(config), "config.yaml");

        Assert.Equal(config.Tasks, loaded.Tasks);
        Assert.Equal(config.Seeds, loaded.Seeds);
        Assert.Equal(config.Corpus, loaded.Corpus);
        Assert.Equal(
            config.TaskSettings.OrderBy(p => p.Key, StringComparer.Ordinal),
            loaded.TaskSettings.OrderBy(p => p.Key, StringComparer.Ordinal)
        );
        // Lists and dictionaries compare by reference inside a record: with those of the original in place the rest must be equal.
        Assert.Equal(
            config,
            loaded with
            {
                Tasks = config.Tasks,
                Seeds = config.Seeds,
                Corpus = config.Corpus,
                TaskSettings = config.TaskSettings,
            }
        );
    },
            iter: 300
        );

    [Fact]
    public void Each_key_stands_under_what_its_documentation_says()
    {
        var yaml = Config.ResolvedYaml(new SampleConfig());

        Assert.StartsWith("""
            # Names the run; see RunFolder.
            name: sample
            # The seed of everything random.
            seed: 0
            # Whose defaults hold.
            recipe: electra_pytorch
            # What changes the result.
            training:
              # The highest learning rate.
              learning_rate: 0.0005
              steps: 1000000
              optimizer: adam
              schedule:
                warmup_steps: 10
                end_factor: 0
            # Held out of training; null for nothing.
            held_out_fraction: null
            vocabulary: null
            tasks: [cola, rte]
            seeds: [1]
            task_settings:
              rte:
                epochs: 10
                learning_rate: null
            corpus: []
            size: 12x256
            """.ReplaceLineEndings("\n"), yaml);
    }

    [Fact]
    public void Examples_in_the_help_are_of_keys_that_the_script_has()
    {
        Assert.Equal(["seed=36", "training.steps=1000"], ConfigHelp.Examples<PretrainConfig>().Take(2));
        Assert.Contains("'tasks=[rte, cola]'", ConfigHelp.Examples<FinetuneConfig>());
        Assert.DoesNotContain(ConfigHelp.Examples<FinetuneConfig>(), example => example.StartsWith("training.steps"));
        var keys = ConfigHelp.Examples<FinetuneConfig>().Select(example => example.Replace("'", ""));
        Assert.Equal(36, Config.Parse<FinetuneConfig>("checkpoint: x", "a.yaml", keys).Seed);
    }

    [Fact]
    public void Help_shows_every_key_with_its_type_its_default_and_its_meaning()
    {
        var help = ConfigHelp.Usage<SampleConfig>("dotnet script scripts/sample.csx", "Samples.");

        Assert.Contains("dotnet script scripts/sample.csx -- <configuration.yaml>", help);
        Assert.Contains(
            "  training.learning_rate = 0.0005\n      a number; a value of more than 0 and at most 1\n      The highest learning rate.\n",
            help
        );
        Assert.Contains("  recipe = electra_pytorch\n      one of electra_pytorch, google\n", help);
        Assert.Contains("  training.schedule.warmup_steps = 10\n", help);
    }

    /// <summary>A default entry that is not in the YAML stays: what is written back must hold it.</summary>
    private static Dictionary<string, SampleTask> Complete(IDictionary<string, SampleTask> settings) =>
        new(settings) { ["rte"] = new SampleTask { Epochs = 2 } };
}
