using System.Globalization;
using Electra.Configuration;
using Electra.Pretraining;
using Electra.Running;
using Electra.Statistics;

namespace Electra.Tests.Statistics;

public sealed class PretrainSetTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private string Begun(string name, int seed, double rate = 1e-3, long end = 100, double auc = 0.8)
    {
        var path = Directory.CreateDirectory(folder.File($"pretrain/{name}_{seed}")).FullName;
        var config = new PretrainConfig { Name = name, Seed = seed, Workers = seed };
        config = config with { Training = config.Training with { Steps = 100, WarmupSteps = 10, LearningRate = rate } };
        File.WriteAllText(Path.Combine(path, "config.yaml"), Config.ResolvedYaml(config));
        File.WriteAllLines(
            Path.Combine(path, "metrics.jsonl"),
            [
                Line(0, 0.5),
                """{"step":50,"loss":3}""",
                Line(end, auc),
            ]
        );
        return path;

        static string Line(long step, double auc) =>
            string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"held_out/auc\":{auc},\"held_out/loss\":{20 - auc}}}");
    }

    private void Finished(string name, int seed, double auc, string measuredWith = "own generator, 15% masked", long? rise = 50)
    {
        var path = Begun(name, seed, auc: auc);
        new PretrainResult
        {
            Name = name,
            Seed = seed,
            Updates = 100,
            Scores = new Dictionary<string, double> { ["auc"] = auc, ["token_auc"] = 0.6, ["perplexity"] = 30 },
            Rise = rise,
            MeasuredWith = measuredWith,
        }.Save(path);
        // The checkpoints that a run leaves beside its folder are no runs.
        Directory.CreateDirectory(folder.File($"pretrain/{name}_{seed}_100/discriminator"));
    }

    private PretrainSet Read(params string[] groups) => PretrainSet.Read<PretrainConfig>([folder.File("pretrain")], groups);

    private string Refused(params string[] groups) => Assert.Throws<UserErrorException>(() => Read(groups)).Message;

    private static string Lead(PretrainSet set) => string.Join("\n", PretrainTables.Of(set, new StatisticsConfig())[0].Notes);

    [Fact]
    public void Every_figure_is_described_over_seeds()
    {
        foreach (var (seed, auc) in new[] { 0.84, 0.86, double.NaN, 0.88 }.Index().Select(s => (s.Index + 1, s.Item)))
            Finished("base", seed, auc, rise: seed == 4 ? null : 40 + 10 * seed);
        Assert.True(PretrainSet.IsIn([folder.File("pretrain")]));
        var set = Read("base");
        var rows = PretrainTables.Figures(set).Rows;
        Assert.Equal(["base", "AUC", "3", "1", "0.860", "0.020", "0.810", "0.910", "0.840", "0.880"], rows[0]);
        Assert.Equal(["AUC", "AUC of the token alone", "perplexity", "update of the rise"], rows.Select(row => row[1]));
        Assert.Contains("base: AUC 0.860 ± 0.020 over 3 seeds (95%: 0.810 to 0.910), from 0.840 to 0.880.", Lead(set));
        Assert.Contains("at update 60 (from 50 to 70); not with seed 4.", Lead(set));
    }

    [Fact]
    public void Runs_that_left_no_result_are_read_from_their_log()
    {
        Begun("base", 1, auc: 0.8);
        Begun("base", 2, auc: 0.9);
        Begun("base", 3, end: 60);
        var diverged = Begun("base", 4, end: 70);
        File.WriteAllLines(
            Path.Combine(diverged, "skipped_updates.jsonl"),
            Enumerable.Range(60, 11).Select(step => $$"""{"step":{{step}},"reason":"not finite","loss":"NaN"}""")
        );
        Directory.CreateDirectory(folder.File("pretrain/base_5"));
        var set = Read();
        Assert.Equal([1, 2], set.Of("base").Select(run => run.Seed));
        Assert.Equal([0.8, 0.9], set.Of("base").Select(run => run.Scores["auc"]));
        Assert.Equal(
            [
                "at update 60 of 100",
                "at update 70 of 100: it diverged, 11 updates had a loss or gradients that were not finite (skipped_updates.jsonl)",
                "it has not begun",
            ],
            set.Unfinished.Select(run => run.Unfinished)
        );
        Assert.Contains("own generator, 15% masked", set.Of("base")[0].MeasuredWith);
        Assert.DoesNotContain("context", Lead(set));
        Assert.Contains("nearly worthless", Lead(set));
    }

    [Fact]
    public void Two_experiments_are_paired_by_seed()
    {
        for (int seed = 1; seed <= 6; seed++)
        {
            Finished("base", seed, 0.8 + 0.001 * seed);
            Finished("other", seed, 0.82 + 0.001 * seed + (seed % 2 == 0 ? 0.002 : 0));
        }
        Assert.StartsWith(
            "AUC: other is better than base by 0.021 (95%: 0.020 to 0.022; 6 seeds, paired; p = ",
            Lead(Read("base", "other"))
        );
        PretrainReport.Write(Read(), new StatisticsConfig { Out = folder.File("out") }, new RunConsole(TextWriter.Null, terminal: null));
        Assert.All(
            ["pretraining.md", "pretraining.csv", "pretraining.png"],
            file => Assert.True(new FileInfo(folder.File($"out/{file}")).Length > 100, file)
        );
    }

    [Fact]
    public void A_discriminator_is_not_compared_across_measures()
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            Finished("base", seed, 0.8, rise: 40 + 10 * seed);
            Finished("quarter", seed, 0.9, "own generator, 25% masked", rise: 60 + seed);
        }
        var set = Read();
        Assert.StartsWith(
            "AUC, AUC of the token alone and perplexity are not compared: base was measured with own generator, 15% masked, quarter with "
                + "own generator, 25% masked. What a discriminator scores depends on the generator",
            Lead(set)
        );
        // What is relative to the token alone is; each group's own figures stand, with what they were measured with.
        Assert.Contains("update of the rise: base and quarter cannot be told apart", Lead(set));
        Assert.Contains("base: AUC 0.800 ± 0.000 over 3 seeds (95%: 0.800 to 0.800), from 0.800 to 0.800, measured with own", Lead(set));
        var tests = PretrainTables.Of(set, new())[^1];
        Assert.Equal(["update of the rise"], tests.Rows.Select(row => row[0]));
        Assert.Contains("AUC of the token alone and perplexity are not compared", tests.Notes[^1]);
        Assert.Equal("own generator, 15% masked", PretrainTables.Figures(set).Rows[0][^1]);
    }

    [Fact]
    public void The_same_share_of_masks_leaves_the_generators_own_figures_comparable()
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            Finished("base", seed, 0.8);
            Finished("fixed", seed, 0.9, "generator of checkpoints/pretrain/x, 15% masked");
        }
        Assert.StartsWith("AUC and AUC of the token alone are not compared", Lead(Read()));
        Assert.Contains("perplexity", PretrainTables.Of(Read(), new())[^1].Rows.Select(row => row[0]));
    }

    [Fact]
    public void Seeds_that_were_measured_in_different_ways_have_no_mean()
    {
        Finished("base", 1, 0.8);
        Finished("base", 2, 0.9, "own generator, 25% masked");
        Finished("base", 3, 0.8);
        var set = Read();
        Assert.StartsWith(
            "base: AUC has no mean, for its seeds were measured in different ways: own generator, 15% masked (seeds 1, 3) and own "
                + "generator, 25% masked (seed 2). pretrain.csx with only=evaluation",
            Lead(set)
        );
        Assert.Equal(["base", "AUC", "3", "–", "–", "–", "–", "–", "–"], PretrainTables.Figures(set).Rows[0]);
        Assert.Equal("50", PretrainTables.Figures(set).Rows.Single(row => row[1] == "update of the rise")[3]);
        Assert.Contains("AUC of the token alone and perplexity have no mean", PretrainTables.Figures(set).Notes[^1]);
    }

    [Fact]
    public void A_single_seed_has_no_interval_and_groups_without_a_common_seed_are_not_paired()
    {
        Finished("base", 1, 0.8);
        Finished("other", 2, 0.9);
        Assert.StartsWith("AUC: other − base = +0.100 (1 seed). One seed on a side has no interval", Lead(Read()));
        Assert.Contains("base: AUC 0.800 with one seed: another may differ", Lead(Read()));
        Assert.Equal(
            "base and other have no seed of pre-training in common on auc: 1 against 2. test=welch compares them all the same",
            Assert.Throws<UserErrorException>(() => PretrainTables.Of(Read(), new() { Test = ComparisonTest.Paired })).Message
        );
    }

    [Fact]
    public void Seeds_that_have_not_risen_are_named_where_the_rise_is_compared()
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            Finished("base", seed, 0.8, rise: seed == 3 ? null : 60);
            Finished("other", seed, 0.8);
        }
        Assert.Contains("The update of the rise leaves out seeds that have not risen (1 of 3 of base)", Lead(Read()));
    }

    [Fact]
    public void Other_held_out_text_is_named()
    {
        Finished("base", 1, 0.8);
        Finished("other", 1, 0.8);
        var file = folder.File("pretrain/other_1/config.yaml");
        File.WriteAllText(file, File.ReadAllText(file).Replace("max_length: 128", "max_length: 64"));
        Assert.Contains("on different held-out text, which tells on every figure (examples.max_length).", Lead(Read()));
    }

    [Fact]
    public void Seeds_of_different_configurations_are_not_mixed()
    {
        Begun("base", 1);
        Begun("base", 2, rate: 2e-3);
        Begun("good", 1);
        var set = Read();
        Assert.Equal(["good"], set.Groups);
        Assert.Contains(
            "training.learning_rate is 1e-3 in base_1 and 2e-3 in base_2",
            Assert.Single(set.LeftOut).Replace("0.001", "1e-3").Replace("0.002", "2e-3")
        );
        Assert.Contains("the seeds of base are of different configurations: training.learning_rate", Refused("base"));
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        Begun("base", 1, end: 60);
        Assert.Contains("holds no finished run; unfinished: base_1 (at update 60 of 100). scripts/pretrain.csx resumes them", Refused());
        Finished("good", 1, 0.8);
        Assert.Contains("the group god has no finished run; did you mean good?", Refused("god"));
        Directory.Move(folder.File("pretrain"), folder.File("first"));
        Finished("good", 1, 0.8);
        var twice = Assert.Throws<UserErrorException>(() =>
            PretrainSet.Read<PretrainConfig>([folder.File("first"), folder.File("pretrain")])
        );
        Assert.Contains("seed 1 of good is there 2 times", twice.Message);
    }

    [Fact]
    public void Keys_that_change_what_is_learned_are_those_of_the_experiment()
    {
        var config = new PretrainConfig();
        PretrainConfig[] others =
        [
            config with { Seed = 5, Workers = 3, Datasets = "elsewhere" },
            config with { Evaluation = config.Evaluation with { Every = 7 }, Logging = config.Logging with { Every = 3 } },
            config with { Training = config.Training with { MaxMinutes = 5, MicroBatchSize = 2, MaxBadSteps = 99 } },
            config with { Training = config.Training with { LearningRate = 0.5 } },
            config with { Objective = config.Objective with { DiscriminatorWeight = 3 } },
        ];
        foreach (var other in others)
        {
            bool isSame = Config.LearnedYaml(config) == Config.LearnedYaml(other with { Seed = config.Seed });
            var differences = RunSettings.Differences<PretrainConfig>(Settings(config, "a"), Settings(other, "b"));
            Assert.Equal(isSame, differences.All(difference => difference.Key == "seed"));
        }

        IReadOnlyDictionary<string, string> Settings(PretrainConfig of, string name)
        {
            var path = Directory.CreateDirectory(folder.File(name)).FullName;
            File.WriteAllText(Path.Combine(path, "config.yaml"), Config.ResolvedYaml(of));
            return RunSettings.Read(path);
        }
    }
}
