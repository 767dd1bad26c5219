using Electra.Finetuning;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>scripts/finetune.csx over a sweep: candidates × tasks × runs in one queue, ending in a table with the winner.</summary>
public sealed class SweepScriptTests : IDisposable
{
    private static readonly string[] Grid =
    [
        "sweep={training.learning_rate: [1e-6, 0.003], training.batch_size: [8, 16]}",
        "tasks=[colour]",
        "runs=0..1",
        "data.own.colour.epochs=2",
    ];

    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_grid_ends_in_a_table_with_the_winner_and_is_not_made_twice()
    {
        var run = await tiny.Done(Grid);
        run.Said(
            "4, all combinations",
            "Sweep tiny, colour",
            "the winner of 4 candidates is learning_rate 0.003, batch_size ",
            "; 2 runs)",
            "too high because it was chosen",
            "sweep_confirm=5",
            "best evaluation by accuracy on dev"
        );
        var results = FinetuneResult.All(tiny.File("runs"));
        Assert.Equal(8, results.Count);
        Assert.All(results, result => Assert.Equal("tiny", result.Swept!.Sweep));
        Assert.Equal(2, results.Select(result => result.Seed).Distinct().Count()); // the same seeds for each candidate
        Assert.Contains(results, result => result.Group == "tiny-learning_rate-0.003-batch_size-16");
        Assert.Contains("|learning_rate|batch_size|n|Mean|", File.ReadAllText(tiny.File("runs/tiny_sweep.md")));
        var config = File.ReadAllText(tiny.File("runs/tiny-learning_rate-0.003-batch_size-8_colour_1/config.yaml"));
        Assert.Contains("learning_rate: 0.003", config);

        (await tiny.Done(Grid)).Said("8 of 8 runs are finished already", "the winner of 4 candidates is");
        (await tiny.Done([.. Grid, "sweep={training.learning_rate: [1e-6, 3e-3, 0.01]}"])).Said("8 of 12 runs are finished already");

        // Statistics tell candidates apart, and predictions are the winner's.
        (await Script("stats.csx", tiny.File("runs"), $"out={tiny.File("out")}")).Succeeded().Said(
            "the winner of 6 candidates is",
            "tiny-learning_rate-0.003-batch_size-8"
        );
        (await Script("predict.csx", [tiny.Config, .. Grid, $"predict.folder={tiny.File("predicted")}"])).Succeeded();
        Assert.True(File.Exists(tiny.File("predicted/tiny/colour.tsv")));
    }

    [Fact]
    public async Task The_winner_is_trained_again_with_new_seeds_where_that_is_asked()
    {
        await tiny.Done([.. Grid, "sweep_confirm=3"]);
        var confirmed = FinetuneResult.All(tiny.File("runs")).Where(result => result.Swept!.Confirms).ToList();
        Assert.Equal([2, 3, 4], confirmed.Select(result => result.Run));
        Assert.Equal(3, confirmed.Select(result => result.Seed).Distinct().Count());
        Assert.EndsWith("-confirmed", Assert.Single(confirmed.Select(result => result.Group).Distinct()));
        (await tiny.Done([.. Grid, "sweep_confirm=3"])).Said("Trained again with seeds that had no part in the choice it has ", "3 runs)");
    }

    [Fact]
    public async Task Halving_gives_all_candidates_few_epochs_and_the_best_of_them_all()
    {
        string[] keys =
        [
            "sweep={training.learning_rate: {from: 1e-6, to: 1e-2, log: true}}",
            "sweep_samples=4",
            "sweep_halving=2",
            "tasks=[colour]",
            "runs=[0]",
            "data.own.colour.epochs=4",
        ];
        (await tiny.Done(keys)).Said("colour, round 1: 4 candidates", "colour, round 2: 2 candidates", "colour, round 3: 1 candidate");
        var epochs = FinetuneResult.All(tiny.File("runs")).Select(result => (result.Swept!.Epochs, result.Epochs[^1].Epoch)).ToList();
        Assert.Equal([(null, 4.0), (1, 1.0), (1, 1.0), (1, 1.0), (1, 1.0), (2, 2.0), (2, 2.0)], epochs.Order());
        (await tiny.Done(keys)).Said("4 of 4 runs are finished already", "the winner, the last that is left, is");
    }

    [Fact]
    public async Task A_sweep_that_is_stopped_twice_ends_as_one_that_was_not()
    {
        string[] keys = [.. Grid, "data.own.colour.epochs=10"];
        await tiny.Done([.. keys, "group=whole"]);
        for (int stop = 0; stop < 2; stop++)
        {
            using var run = tiny.Start([.. keys, "group=stopped"]);
            await run.WaitForLine("done: accuracy");
            run.Send("TERM");
            (await run.Finish()).Ended(143).Said("resumes from here");
        }
        await tiny.Done([.. keys, "group=stopped"]);
        var (whole, stopped) = (Results("whole"), Results("stopped"));
        Assert.Equal(8, whole.Count);
        Assert.Equal(whole.Select(Scored), stopped.Select(Scored));
        foreach (var result in whole)
            RunFolders.AssertSameBytes(Model(result.Group, result.Run), Model(result.Group.Replace("whole", "stopped"), result.Run));

        static (string, int, double) Scored(FinetuneResult result) => (result.Swept!.Shown, result.Run, result.Score);
    }

    /// <summary>The example configuration as it is, on the task's own rows, with a tiny model and few tokens.</summary>
    [Fact, Trait("Category", "Long")]
    public async Task Three_rates_two_batch_sizes_and_two_seeds_on_RTE_end_in_a_table_after_two_kills()
    {
        string[] keys =
        [
            ScriptRunner.Kit("finetune.csx"), "--", Path.Combine(TestData.Repository, "configs", "sweep.yaml"),
            $"data.glue={TestData.Shared("glue")}", $"checkpoint={tiny.File("checkpoint")}", $"folder={tiny.File("runs")}",
            $"datasets={tiny.File("datasets")}", "encoding.max_length=16", "training.epochs=1", "compute.threads=1", "compute.device=cpu",
            "save_minutes=0.001",
        ];
        for (int kill = 0; kill < 2; kill++)
        {
            using var killed = ScriptRunner.Start(tiny.Folder, keys);
            await killed.WaitForLine("done: accuracy");
            killed.Kill();
            await killed.Finish();
        }
        (await ScriptRunner.Run(tiny.Folder, keys)).Succeeded().Said(
            "of 12 runs are finished already",
            "RTE: the winner of 6 candidates is learning_rate 0.000",
            " (95%: ",
            "cannot tell them apart"
        );
        Assert.Equal(12, FinetuneResult.All(tiny.File("runs")).Count);
        Assert.Equal(6, File.ReadLines(tiny.File("runs/sweep_sweep.md")).Count(line => line.StartsWith("|0.000")));
    }

    [Fact]
    public async Task Two_processes_share_a_sweep()
    {
        string[] keys = [.. Grid, "sweep_halving=2", "data.own.colour.epochs=4"];
        using var first = tiny.Start(keys);
        using var second = tiny.Start(keys);
        string[] said = ["round 3", "the winner, the last that is left, is"];
        (await first.Finish()).Succeeded().Said(said);
        (await second.Finish()).Succeeded().Said(said);
        Assert.Equal(8 + 4 + 2, FinetuneResult.All(tiny.File("runs")).Count);
    }

    [Fact]
    public async Task A_candidate_that_diverges_is_named_and_the_others_are_in_the_table()
    {
        // Values of 1e38 have a squared error that no float holds; shares of their range have.
        tiny.Write("far.tsv", "a\tb\tlabel", 30, i => $"red cat\ta {TinyFinetuning.Words[i % 8]}\t{(i % 2 == 0 ? "1e38" : "-1e38")}");
        var run = await tiny.Refused(
            [
                "sweep={training.unit_range: [true, false]}",
                "tasks=[far]",
                "runs=[0]",
                "training.learning_rate=1e-4",
                $"data.own.far={{text: [a, b], regression: true, range: [-1e38, 1e38], train: {tiny.File("far.tsv")}, held_out: 0.3}}",
            ],
            "a run is not finished"
        );
        Assert.Contains("the winner, the last that is left, is unit_range true", run.Output);
        Assert.Contains("1 of 2 runs are not finished and not in the table: far 0  unit_range false", run.Output);
    }

    [Theory]
    [InlineData("{training.learning_rat: [1, 2]}", "training.learning_rat is not a key; did you mean training.learning_rate?")]
    [InlineData("{training.learning_rate: [quick]}", "training.learning_rate=quick cannot be", "a number is expected")]
    [InlineData("{training.learning_rate: [1e-4, 0.0001]}", "learning_rate 0.0001 is there 2 times")]
    [InlineData("{training.learning_rate: []}", "has no value")]
    [InlineData("{training.learning_rate: {from: 1e-5, to: 1e-3}}", "sweep_samples says how many")]
    [InlineData("{training.learning_rate: {from: 1, to: 1e-3}}", "upwards")]
    [InlineData("{workers: [1, 2]}", "workers cannot be swept: it changes nothing that is learned")]
    [InlineData("{size: [small, base]}", "size cannot be swept: it sets the defaults of other keys")]
    [InlineData("{training: [1]}", "is a mapping")]
    [InlineData("{training.batch_size: [0]}", "training.batch_size=0 cannot be")]
    public void Mistakes_in_a_sweep_are_named_before_anything_is_made(string sweep, params string[] said)
    {
        var message = Refused($"sweep={sweep}");
        Assert.All(said, part => Assert.Contains(part, message));
    }

    [Fact]
    public void Keys_of_a_search_that_have_no_meaning_are_refused()
    {
        Assert.Contains("have 2 combinations", Refused("sweep={training.batch_size: [8, 16]}", "sweep_samples=3"));
        Assert.Contains("sweep_confirm is about sweep, which has no key", Refused("sweep_confirm=3"));
        Assert.Contains("sweep has training.epochs", Refused("sweep={training.epochs: [1, 2]}", "sweep_halving=2"));
        Assert.Contains("needs 3 or more", Refused("sweep={training.batch_size: [8, 16]}", "sweep_halving=3", "training.epochs=2"));
        Assert.Contains("leave these out", Refused("sweep={training.batch_size: [8, 16]}", "sweep_confirm=2", "seeds=[1, 2]"));
    }

    [Fact]
    public void Rounds_of_halving_end_with_one_candidate_or_one_epoch()
    {
        Assert.Equal([1, 3, null], FinetuneSweep.Rounds(9, 9, 3));
        Assert.Equal([1, null], FinetuneSweep.Rounds(6, 3, 3));
        Assert.Equal([1, 3, null], FinetuneSweep.Rounds(6, 10, 3));
        Assert.Equal([5, null], FinetuneSweep.Rounds(2, 10, 2));
        Assert.Equal([null], FinetuneSweep.Rounds(6, 1, 2));
    }

    [Fact]
    public void More_samples_keep_those_that_were_drawn_before()
    {
        var config = new FinetuneConfig
        {
            Checkpoint = ["checkpoint"],
            SweepSamples = 5,
            Sweep = new Dictionary<string, SweepValues>
            {
                ["training.learning_rate"] = new() { From = 1e-5, To = 1e-3, Log = true },
                ["training.batch_size"] = new() { From = 8, To = 64 },
                ["training.layer_decay"] = new() { Values = ["0.8", "0.9"] },
            },
        };
        var five = SweepCandidate.All(config);
        var nine = SweepCandidate.All(config with { SweepSamples = 9 });
        Assert.Equal(five.Select(one => one.Group), nine.Take(5).Select(one => one.Group));
        Assert.All(nine, one => Assert.InRange(one.Config.Training.LearningRate, 1e-5, 1e-3));
        Assert.All(nine, one => Assert.InRange(one.Config.Training.BatchSize, 8, 64));
        Assert.Equal(9, nine.Select(one => one.Config.Training.LearningRate).Distinct().Count());
    }

    private Task<ScriptResult> Script(string name, params string[] words) =>
        ScriptRunner.Run(tiny.Folder, [ScriptRunner.Kit(name), "--", .. words]);

    private string Refused(params string[] overrides) =>
        Assert
            .Throws<UserErrorException>(() => SweepCandidate.All(Electra.Configuration.Config.Load<FinetuneConfig>(tiny.Config, overrides)))
            .Message;

    private List<FinetuneResult> Results(string sweep) =>
        [.. FinetuneResult.All(tiny.File("runs")).Where(result => result.Swept!.Sweep == sweep)];

    private string Model(string group, int run) => tiny.File($"runs/{group}_colour_{run}/model.safetensors");
}
