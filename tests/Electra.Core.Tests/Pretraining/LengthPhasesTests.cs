using Electra.Configuration;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Training;

namespace Electra.Tests.Pretraining;

/// <summary>What a run's phases are as numbers, and what its updates cost.</summary>
public class LengthPhasesTests
{
    private static readonly TrainingOptions Two = new()
    {
        Steps = 100,
        BatchSize = 4,
        WarmupSteps = 10,
        LearningRate = 1,
        Schedule = ScheduleKind.SeparateLinear,
        Phases = [new() { MaxLength = 10, Share = 0.9 }, new() { MaxLength = 40, Share = 0.1, BatchSize = 2 }],
    };

    [Fact]
    public void One_schedule_is_counted_in_tokens()
    {
        // 90 updates of 40 positions, 10 of 80.
        var rates = Two.Rates();
        Assert.Equal(0.5, rates(5).LearningRate, 1e-12);
        Assert.Equal(1, rates(10).LearningRate, 1e-12);
        Assert.Equal(1.0 * (4400 - 3600) / (4400 - 400), rates(90).LearningRate, 1e-12);
        Assert.Equal(1.0 * 80 / (4400 - 400), rates(99).LearningRate, 1e-12);
    }

    [Fact]
    public void A_phase_with_a_rate_of_its_own_begins_the_schedule_anew()
    {
        var rates = (Two with { Phases = [Two.Phases[0], Two.Phases[1] with { LearningRate = 0.5, WarmupSteps = 5 }] }).Rates();
        Assert.Equal(1.0 / 80, rates(89).LearningRate, 1e-12);
        Assert.Equal(0, rates(90).LearningRate, 1e-12);
        Assert.Equal(0.5, rates(95).LearningRate, 1e-12);
    }

    [Fact]
    public void The_text_goes_on_where_the_phase_before_it_stopped()
    {
        var phases = LengthPhases.Of(Two, 40);
        long[] examples = [720, 200];
        Assert.Equal(40, phases.RowsBefore(10, examples, 0, 0));
        // 360 of 720 examples are half an epoch: 100 of 200.
        Assert.Equal(100, phases.RowsBefore(90, examples, 0, 0));
        Assert.Equal(106, phases.RowsBefore(93, examples, 0, 0));
        // From a place on that is known, in another phase too.
        Assert.Equal(106, phases.RowsBefore(93, examples, 10, 40));
        Assert.Equal(57, phases.RowsBefore(93, examples, 92, 55));
        // Without phases it is what it always was.
        Assert.Equal(28, LengthPhases.Of(Two with { Phases = [] }, 40).RowsBefore(7, [720], 0, 0));
    }

    [Theory]
    [InlineData("wsd")]
    [InlineData("wsd", "name=longer", "branch_from=checkpoints/pretrain/wsd_11081/states/step_180000", "training.steps=400_000")]
    [InlineData("wsd", "name=annealed", "training.steps=110_000", "training.decay.steps=10_000")]
    [InlineData("wsd", "training.budget=8h")]
    [InlineData("small", "training.budget=8h")]
    [InlineData("wsd", "training.decay.share=0.2", "training.budget=8h")]
    [InlineData("two-phases", "corpus=texts/*.txt.gz", "vocabulary=vocab.txt")]
    [InlineData("two-phases", "training.phases=[{max_length: 256, share: 1}]")]
    public void Configurations_are_right_as_they_are_and_with_the_keys_that_they_name(string file, params string[] keys)
    {
        var config = Config.Load<PretrainConfig>(Path.Combine(TestData.Repository, $"configs/{file}.yaml"), keys);
        Assert.Equal(
            config.Training.Phases.Select(phase => phase.MaxLength).DefaultIfEmpty(128).Max(),
            Config.Parse<PretrainConfig>(Config.ResolvedYaml(config), "resolved").Examples.MaxLength
        );
    }

    /// <summary>What is typed says in another way what a file says; null says nothing.</summary>
    [Theory]
    [InlineData("steps: 90, warmup_steps: 9, decay: {steps: 8, final: 0}", "training.budget=8h", 0, 0, null, null)]
    [InlineData("steps: 90, warmup_steps: 9, decay: {share: 0.2, final: 0}", "training={budget: 8h}", 0, 0, null, 0.2)]
    [InlineData("budget: 8h, warmup_share: 0.2", "training.steps=90", 90, 0, 0.2, null)]
    [InlineData("steps: 90, warmup_steps: 9", "training.warmup_share=0.2", 90, 0, 0.2, null)]
    [InlineData("steps: 90, warmup_share: 0.2", "training.warmup_steps=9", 90, 9, null, null)]
    [InlineData("steps: 90, warmup_steps: 9, decay: {steps: 8}", "training.decay.share=0.3", 90, 9, null, 0.3)]
    [InlineData("steps: 90, warmup_steps: 9", "training.budget=null", 90, 9, null, null)]
    public void A_key_takes_the_place_of_those_that_say_the_same(
        string file,
        string key,
        long steps,
        long warmup,
        double? warmupShare,
        double? decayShare
    )
    {
        using var folder = new TemporaryFolder();
        var yaml = $"name: x\ncorpus: x\nvocabulary: x\ntraining: {{schedule: warmup_stable_decay, {file}}}\n";
        File.WriteAllText(folder.File("file.yaml"), yaml);
        var (name, value) = key.Split('=', 2) is [var first, var second] ? (first, second) : throw new ArgumentException(key);
        foreach (var part in name.Split('.').Reverse())
            value = $"{{{part}: {value}}}";
        File.WriteAllText(folder.File("other.yaml"), $"extends: file.yaml\n{value[1..^1]}\n");
        foreach (
            var training in new[]
            {
                Config.Parse<PretrainConfig>(yaml, "here", key).Training, Config.Load<PretrainConfig>(folder.File("other.yaml")).Training,
            }
        )
        {
            Assert.Equal(
                (steps, warmup, warmupShare, decayShare),
                (training.Steps, training.WarmupSteps, training.WarmupShare, training.Decay.Share)
            );
            Assert.Equal(steps == 0 ? "8h" : null, training.Budget);
            Assert.Equal(file.Contains("final") ? 0 : (double?)null, training.Decay.Final);
        }
    }

    [Fact]
    public void A_temperature_that_falls_by_updates_has_no_budget()
    {
        const string Yaml = "{name: x, corpus: x, vocabulary: x, objective: {temperature: {start: 2, half_life: 0.1}}}";
        Assert.NotNull(Config.Parse<PretrainConfig>(Yaml, "here"));
        Assert.Contains(
            "objective.temperature.half_life is a share of a number of updates",
            Assert.Throws<UserErrorException>(() => Config.Parse<PretrainConfig>(Yaml, "here", "training.budget=8h")).Message
        );
        Assert.Contains(
            "training.budget cannot be 99999999999999d",
            Assert
                .Throws<UserErrorException>(() =>
                    Config.Parse<PretrainConfig>("{name: x, corpus: x, vocabulary: x}", "here", "training.budget=99999999999999d")
                )
                .Message
        );
    }

    /// <summary>Published settings (paper, table 8, at 30,522 tokens).</summary>
    [Theory]
    [InlineData("small", 1.293743798272e18)]
    [InlineData("base", 6.424541834277683e19)]
    [InlineData("large", 7.117606040895488e20)]
    public void A_run_of_a_published_size_takes_the_operations_of_the_paper(string size, double flops)
    {
        var config = Config.Parse<PretrainConfig>($"size: {size}\nname: x\ncorpus: x\nvocabulary: x", "here");
        var model = config.Model with { VocabularySize = 30522 };
        double row = ComputeAccount.OfRow([(model, false), (model.GeneratorShape, true)], config.Examples.MaxLength);
        Assert.Equal(1, row * config.Training.BatchSize * config.Training.Steps / flops, 1e-12);
    }

    [Fact]
    public void Averages_are_those_of_their_formulas()
    {
        using var pair = TinyPair.Load();
        var first = pair.Store.Values.clone();
        using var averages = new WeightAverages(new() { Ema = 0.75, Last = 2, Every = 2 }, pair.Store);
        for (int at = 1; at <= 7; at++)
        {
            using (TorchSharp.torch.no_grad())
                pair.Store.Values.copy_(first * (1 + at));
            averages.Update(at);
        }
        double ema = 1;
        for (int at = 1; at <= 7; at++)
            ema = (0.75 * ema) + (0.25 * (1 + at));
        // Snapshots at 2, 4 and 6, of which the latest two are kept.
        foreach (var (which, factor) in new[] { (SavedWeights.Ema, ema), (SavedWeights.Last, 6), (SavedWeights.Weights, 8) })
            averages.With(which, () => Golden.AssertClose(first * factor, pair.Store.Values, 1e-4, $"{which}"));
        Golden.AssertClose(first * 8, pair.Store.Values, 0, "the weights");
    }
}
