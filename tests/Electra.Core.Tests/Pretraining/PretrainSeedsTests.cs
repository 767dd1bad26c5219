using Electra.Configuration;
using Electra.Pretraining;
using Electra.Running;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx with several seeds: what single runs would leave, each made once.</summary>
public sealed class PretrainSeedsTests : IDisposable
{
    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Seeds_that_are_killed_on_the_way_end_with_the_bits_of_single_runs()
    {
        foreach (int seed in new[] { 1, 2, 3, 4 })
            await tiny.Done("name=single", $"seed={seed}");
        var killed = new KilledScript(() => tiny.Start("name=many", "seeds=1..4"), new Random(7), reach: 16);
        await killed.RunToEnd(kills: 3);
        foreach (int seed in new[] { 1, 2, 3, 4 })
            AssertSame("single", "many", seed);
        // Finished runs are not made again, and seeds can be added.
        var times = Results("many").Select(File.GetLastWriteTimeUtc).ToList();
        var more = await tiny.Done("name=many", "seeds=[2, 1, 4, 3, 9]");
        Assert.Contains("4 of 5 runs are finished already", more.Output);
        Assert.Contains("Results on held-out text", more.Output);
        Assert.Equal(times, Results("many").Where(file => !file.Contains("_9")).Select(File.GetLastWriteTimeUtc));
        Assert.Equal(5, Results("many").Count());
    }

    [Fact]
    public async Task Runs_at_once_are_single_runs_on_their_share_of_the_threads()
    {
        foreach (int seed in new[] { 1, 2 })
            await tiny.Done("name=single", $"seed={seed}");
        var run = await tiny.Done("name=many", "seeds=1..2", "runs_at_once=2", "compute.threads=2");
        Assert.Contains("2, on 1 thread each", run.Output);
        foreach (int seed in new[] { 1, 2 })
            AssertSame("single", "many", seed);
        Assert.Contains("threads: 1", File.ReadAllText(tiny.File("runs/many_1/config.yaml")));
    }

    [Fact]
    public async Task Two_processes_share_the_seeds_and_make_none_twice()
    {
        await tiny.Done("only=data"); // the vocabulary and the compiled script are there for both
        var ended = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => tiny.Done("seeds=1..6", "training.steps=60")));
        for (int seed = 1; seed <= 6; seed++)
            Assert.Equal(1, ended.Sum(run => run.Lines.Count(line => line.StartsWith($"tiny_{seed} ") && line.Contains("done:"))));
        Assert.All(ended, run => Assert.Contains("done:", run.Output));
    }

    [Fact]
    public async Task A_seed_that_was_made_with_other_settings_is_refused()
    {
        await tiny.Done("seed=2", "training.steps=12");
        await tiny.Refused(["seeds=1..3", "training.learning_rate=2e-3"], "tiny_2 is another experiment", "learning_rate: 0.002");
    }

    [Fact]
    public async Task A_file_in_the_place_of_one_seeds_folder_fails_that_seed_alone()
    {
        Directory.CreateDirectory(tiny.File("runs"));
        File.WriteAllText(tiny.File("runs/tiny_1"), "");
        await tiny.Refused(["seeds=1..2"], "a run is not finished", "tiny_1 is a file: a folder is to be written there");
        Assert.True(PretrainResult.IsIn(tiny.File("runs/tiny_2")));
    }

    [Fact]
    public async Task Seeds_that_diverge_are_named_each()
    {
        await tiny.Refused(
            [
                "seeds=1..2",
                "training.learning_rate=10",
                "training.max_bad_steps=0",
                "optimizer.clip_norm=0",
                "optimizer.beta2=0",
                "optimizer.epsilon=0",
                "training.steps=400",
                "training.warmup_steps=0",
            ],
            "2 runs are not finished",
            "tiny_1: training diverged",
            "tiny_2: training diverged"
        );
    }

    [Fact]
    public async Task A_result_says_how_far_it_came_and_what_it_was_measured_with()
    {
        await tiny.Done("seeds=5", "evaluation.every=4");
        var result = PretrainResult.Load(tiny.File("runs/tiny_5"));
        Assert.NotNull(result.Precision);
        Assert.Equal(("tiny", 5, 12L, "own generator, 15% masked"), (result.Name, result.Seed, result.Updates, result.MeasuredWith));
        var last = MetricsLog.Read(tiny.File("runs/tiny_5")).Last(row => row.Values.ContainsKey("held_out/auc")).Values;
        Assert.All(
            ["auc", "token_auc", "masked_accuracy", "loss"],
            name => Assert.Equal(last[$"held_out/{name}"], result.Scores[name])
        );
        Assert.Equal(result.Scores["auc"] >= result.Scores["token_auc"] + 0.03, result.Rise is not null);
    }

    /// <summary>Measured anew when it is finished: with its own generator as the fixed one the figures are those of its own.</summary>
    [Fact]
    public async Task A_finished_run_is_measured_with_another_share_of_masks_and_a_fixed_generator()
    {
        await tiny.Done("seed=1", "objective.masking.probability=0.3");
        Assert.Contains("30% masked", Measured().MeasuredWith);

        var states = Directory.GetLastWriteTimeUtc(tiny.File("runs/tiny_1/states"));
        await tiny.Done("seeds=[1]", "objective.masking.probability=0.3", "evaluation.masking=0.2");
        var own = Measured();
        Assert.Equal("own generator, 20% masked", own.MeasuredWith);
        var generator = tiny.File("runs/tiny_1");
        var again = await tiny.Done(
            "seed=1",
            "objective.masking.probability=0.3",
            "evaluation.masking=0.2",
            $"evaluation.generator={generator}",
            "training.precision=auto"
        );
        Assert.Equal($"generator of {generator}_100, 20% masked", Measured().MeasuredWith);
        Assert.Contains($"Measured with: generator of {generator}_100, 20% masked", again.Output);
        Assert.Equal(own.Scores["auc"], Measured().Scores["auc"], 1e-9);
        Assert.Equal(own.Scores["precision"], Measured().Scores["precision"], 1e-9);
        Assert.Equal(states, Directory.GetLastWriteTimeUtc(tiny.File("runs/tiny_1/states")));

        PretrainResult Measured() => PretrainResult.Load(tiny.File("runs/tiny_1"));
    }

    [Fact]
    public async Task A_generator_that_does_not_fit_is_refused()
    {
        await tiny.Done("name=other", "vocabulary.lowercase=false");
        await tiny.Refused(
            [$"evaluation.generator={tiny.File("runs/other_11081_100")}"],
            "evaluation.generator",
            "another vocabulary"
        );
    }

    [Theory]
    [InlineData("seeds=[1, 2, 1]", "seeds", "has 1 twice")]
    [InlineData("seeds=[1..3, 2]", "seeds", "has 2 twice")]
    [InlineData("seeds=8..1", "seeds", "a range goes upwards")]
    [InlineData("seeds=[]", "seeds", "at least 1 item")]
    [InlineData("seeds=[-1]", "seeds", "at least 0")]
    [InlineData("seeds=one", "seeds", "whole number")]
    [InlineData("runs_at_once=-1", "runs_at_once", "at least 0")]
    [InlineData("evaluation.masking=1.5", "evaluation.masking", "at most 0.999")]
    public void Mistakes_are_named(string given, params string[] said)
    {
        var problem = Assert.Throws<UserErrorException>(() => Config.Parse<PretrainConfig>("name: tiny", "tiny.yaml", [given]));
        Assert.All(said, part => Assert.Contains(part, problem.Message));
    }

    [Theory]
    [InlineData("configs/demo.yaml", 2, 2)] // narrow, and longer than a few seconds
    [InlineData("configs/demo.yaml", 1, 1)]
    [InlineData("configs/base.yaml", 16, 1)] // wide products use all threads
    public void Runs_are_made_side_by_side_where_that_is_faster(string file, int threads, int atOnce) =>
        Assert.Equal(
            atOnce,
            PretrainSeeds.AtOnce(
                Config.Load<PretrainConfig>(Path.Combine(TestData.Repository, file), "seeds=1..8", $"compute.threads={threads}")
            )
        );

    private IEnumerable<string> Results(string name) =>
        Directory
            .GetFiles(tiny.File("runs"), "result.json", SearchOption.AllDirectories)
            .Where(file => file.Contains($"/{name}_"))
            .Order();

    private void AssertSame(string expected, string actual, int seed)
    {
        foreach (
            var file in new[]
            {
                $"_{seed}/states/step_12/tensors.safetensors",
                $"_{seed}_100/discriminator/model.safetensors",
                $"_{seed}_50/generator/model.safetensors",
            }
        )
            RunFolders.AssertSameBytes(tiny.File($"runs/{expected}{file}"), tiny.File($"runs/{actual}{file}"));
        RunFolders.AssertSameLogs(tiny.File($"runs/{expected}_{seed}"), tiny.File($"runs/{actual}_{seed}"));
    }
}
