using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>scripts/finetune.csx over several pre-trained models: tasks × models × runs in one queue.</summary>
public sealed class FinetuneSeedsTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_pattern_names_the_seeds_of_one_pretraining_and_each_run_says_which_it_began_with()
    {
        Model("pre/tiny_2_100", seed: 2);
        Model("pre/tiny_10_100", seed: 10);
        Model("pre/tiny_2_50", seed: 2);
        string pattern = $"checkpoint={tiny.File("pre/tiny_*_100")}";
        var run = await tiny.Done(pattern, "tasks=[colour]", "runs=0..1");
        Assert.Equal(
            [("2", "tiny_colour_2_0"), ("2", "tiny_colour_2_1"), ("10", "tiny_colour_10_0"), ("10", "tiny_colour_10_1")],
            FinetuneResult
                .All(tiny.File("runs"))
                .OrderBy(result => int.Parse(result.PretrainSeed!))
                .Select(result => (result.PretrainSeed!, Path.GetFileName(result.FolderIn(tiny.File("runs")))))
        );
        Assert.All(FinetuneResult.All(tiny.File("runs")), result => Assert.EndsWith($"tiny_{result.PretrainSeed}_100", result.Checkpoint));
        run.Said("colour 2 0", "The runs begin with 2 models");

        // Made once; a seed more is added, and a list does what a pattern does.
        Model("pre/tiny_11_100", seed: 11);
        (await tiny.Done(pattern, "tasks=[colour]", "runs=0..1")).Said("4 of 6 runs are finished already");
        string[] names = ["pre/tiny_11_100", "pre/tiny_2_100"];
        (await tiny.Done($"checkpoint=[{string.Join(", ", names.Select(tiny.File))}]", "tasks=[colour]", "runs=[1]")).Said(
            "2 of 2 runs are finished already"
        );
    }

    /// <summary>Which checkpoint of a pre-training to take, over all of its seeds, in one command.</summary>
    [Fact]
    public async Task Several_checkpoints_of_a_pretraining_are_a_curve_over_its_updates()
    {
        foreach (int percent in new[] { 25, 100 })
            foreach (int seed in new[] { 2, 3 })
                Model($"pre/tiny_{seed}_{percent}", seed, "training: {steps: 1000}\n");
        string[] keys = [$"checkpoint={tiny.File("pre/tiny_*_*")}", "runs=[0]", "training.epochs=1"];
        string[] said = ["Checkpoints of tiny", "checkpoint", "1000", "mean of tasks", "report its score with other seeds"];
        (await tiny.Done(keys)).Said(said);
        var results = FinetuneResult.All(tiny.File("runs"));
        Assert.Equal(["tiny-100", "tiny-25"], results.Select(result => result.Group).Distinct());
        Assert.Equal(8, results.Count);
        Assert.All(results, result => Assert.EndsWith($"_{result.Swept!.Percent}", result.Checkpoint));
        Assert.Equal([250L, 1000L], results.Select(result => result.Swept!.Updates!.Value).Distinct().Order());
        Assert.True(File.Exists(tiny.File("runs/tiny_checkpoints.png")));
        var table = File.ReadAllLines(tiny.File("runs/tiny_checkpoints.csv"));
        Assert.Equal("Checkpoint,Updates,Task,n,Mean,Std,95% low,95% high", table[0]);
        Assert.Equal(7, table.Length); // two tasks and their mean at two checkpoints
        (await tiny.Done(keys)).Said("8 of 8 runs are finished already");
    }

    [Fact]
    public async Task One_model_leaves_the_folders_that_it_always_left_and_its_seed_in_the_record()
    {
        Model("pre/tiny_3_100", seed: 3);
        await tiny.Done($"checkpoint={tiny.File("pre/tiny_3_100")}", "tasks=[colour]", "runs=[0]");
        Assert.Equal("3", FinetuneResult.Load(tiny.File("runs/tiny_colour_0")).PretrainSeed);

        await tiny.Done("group=named", "tasks=[colour]", "runs=[0]");
        Assert.Equal("checkpoint", FinetuneResult.Load(tiny.File("runs/named_colour_0")).PretrainSeed);

        await tiny.Done("group=given", "tasks=[colour]", "runs=[0]", "pretrain_seed=17");
        Assert.Equal("17", FinetuneResult.Load(tiny.File("runs/given_colour_0")).PretrainSeed);
    }

    /// <summary>The others of the grid are made, and a second call has nothing else to do.</summary>
    [Fact]
    public async Task A_file_in_the_place_of_one_runs_folder_fails_that_run_alone()
    {
        Directory.CreateDirectory(tiny.File("runs"));
        File.WriteAllText(tiny.File("runs/tiny_colour_1"), "");
        await tiny.Refused(
            ["tasks=[colour]", "runs=0..2"],
            "a run is not finished",
            "tiny_colour_1 is a file: a folder is to be written there"
        );
        Assert.True(FinetuneResult.IsIn(tiny.File("runs/tiny_colour_0")));
        Assert.True(FinetuneResult.IsIn(tiny.File("runs/tiny_colour_2")));
        File.Delete(tiny.File("runs/tiny_colour_1"));
        (await tiny.Done("tasks=[colour]", "runs=0..2")).Said("2 of 3 runs are finished already");
    }

    [Fact]
    public async Task Mistakes_are_named()
    {
        Model("pre/tiny_2_100", seed: 2);
        Model("pre/wide_2_100", seed: 2);
        string both = $"checkpoint=[{tiny.File("pre/tiny_2_100")}, {tiny.File("pre/wide_2_100")}]";
        await tiny.Refused([$"checkpoint={tiny.File("pre/tinny_*_100")}"], "no model fits", "tinny_*_100");
        await tiny.Refused([both], "tiny_2_100", "wide_2_100", "both of the pre-training 2");
        await tiny.Refused([both, "pretrain_seed=1"], "pretrain_seed", "checkpoint names several");
        await tiny.Refused([both, "from_scratch=true"], "from_scratch", "name one");
        await tiny.Refused([$"checkpoint=[{tiny.File("checkpoint")}, {tiny.File("checkpoint")}]"], "checkpoint has a model twice");
        await tiny.Refused(["runs=[]"], "runs", "at least 1 item");
        await tiny.Refused(["runs=[0, 1, 0]"], "runs has a number twice");
        await tiny.Refused(["runs=[0, 1]", "seeds=[4, 4]"], "seeds has 4 twice: two runs of one seed would be the same run");
        await tiny.Refused(["runs=3..1"], "a range goes upwards");
    }

    /// <summary>A model as a run of pre-training leaves it, beside the run's own folder.</summary>
    private void Model(string name, int seed, string more = "")
    {
        var folder = tiny.File($"{name}/discriminator");
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(tiny.File("checkpoint/discriminator")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        var run = tiny.File(name[..name.LastIndexOf('_')]);
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "config.yaml"), $"# What the run used\nname: tiny\nseed: {seed}\n{more}");
    }
}
