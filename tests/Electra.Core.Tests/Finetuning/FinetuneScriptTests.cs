using Electra.Finetuning;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>scripts/finetune.csx itself, run as a user runs it, on a tiny model and two tasks of one's own.</summary>
public sealed class FinetuneScriptTests : IDisposable
{
    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Every_task_and_run_is_trained_measured_and_saved()
    {
        (await tiny.Done()).Said("colour", "same", "epoch 4 of 4", "Results on the development sets", "What next");
        foreach (var run in new[] { "tiny_colour_0", "tiny_colour_1", "tiny_same_0", "tiny_same_1" })
            Assert.All(
                ["result.json", "config.yaml", "metrics.jsonl", "dev_predictions.tsv", "model.safetensors", "config.json", "vocab.txt"],
                file => Assert.True(File.Exists(tiny.File($"runs/{run}/{file}")), $"{run}/{file}")
            );

        var results = FinetuneResult.All(tiny.File("runs"));
        Assert.All(results, result => Assert.Equal(result.Scores[result.Metric], result.Score));
        Assert.All(
            results.Where(result => result.Task == "colour"),
            result => Assert.True(result.Score > 0.9, $"accuracy {result.Score}: a word says which")
        );
        Assert.NotEqual(results[0].Seed, results[1].Seed);
        Assert.Equal(4, results[0].Epochs.Count);
        Assert.True(results[0].Epochs[3].TrainLoss < results[0].Epochs[0].TrainLoss);
    }

    [Fact]
    public async Task A_finished_run_is_never_made_again()
    {
        await tiny.Done("tasks=[colour]");
        var times = Results().Select(File.GetLastWriteTimeUtc).ToList();
        (await tiny.Done("tasks=[colour]", "runs=0..2", "workers=2")).Said("2 of 3 runs are finished already");
        Assert.Equal(times, Results().Where(file => !file.Contains("_2")).Select(File.GetLastWriteTimeUtc));
        Assert.Equal(3, Results().Count());
    }

    [Theory]
    [InlineData("electra_pytorch")]
    [InlineData("google")] // learns shares of the range
    public async Task The_model_of_a_run_gives_its_dev_predictions_again(string recipe)
    {
        bool isGoogle = recipe == "google";
        var task = isGoogle ? "same" : "colour";
        await tiny.Done($"recipe={recipe}", $"tasks=[{task}]", "runs=[3]");
        using var model = FinetunedModel.Open(tiny.File($"runs/tiny_{task}_3"), Compute.Reference);
        using var data = Electra.Data.Tasks.TaskData.Prepare(
            Electra.Data.Tasks.TaskSources.Open(task, model.Run!.Value.Config.Data),
            model.Tokenizer,
            model.Encoding,
            tiny.File("datasets")
        );
        var logits = model.Predict(data.Dev[0], batchSize: 7);
        var rows = File.ReadLines(tiny.File($"runs/tiny_{task}_3/dev_predictions.tsv")).Skip(1).Select(line => line.Split('\t')).ToList();
        Assert.Equal(data.Dev[0].Count, rows.Count);
        // The run may have computed in bfloat16.
        foreach (var (i, row) in rows.Index())
            Assert.All(
                row[4..].Zip(logits[(model.Task.Outputs * i)..]),
                pair => Assert.Equal(float.Parse(pair.First), pair.Second, 0.1f)
            );
        if (isGoogle)
            Assert.True(logits.Max() > 1.5, "values are in the task's own unit, from 0 to 5");
        else
            Assert.Equal(model.Run!.Value.Result.Score, rows.Count(row => row[2] == row[3]) / 40.0);
    }

    [Fact]
    public async Task Runs_side_by_side_give_what_one_after_the_other_gives()
    {
        await tiny.Done("group=one");
        await tiny.Done("group=two", "workers=2", "compute.threads=2");
        foreach (var task in new[] { "colour", "same" })
            for (int run = 0; run < 2; run++)
                Assert.Equal(Learned($"one_{task}_{run}"), Learned($"two_{task}_{run}"));
        Assert.NotEqual(Learned("one_colour_0").Weights, Learned("one_colour_1").Weights);
    }

    [Fact]
    public async Task A_run_that_is_stopped_in_an_epoch_goes_on_from_that_very_update()
    {
        string[] keys = ["tasks=[colour]", "runs=[0]", "training.epochs=100", "logging.every=1"];
        await tiny.Done(["group=whole", .. keys]);
        for (int stop = 0; stop < 2; stop++)
        {
            using var run = tiny.Start(["group=stopped", .. keys]);
            await run.WaitForLine($"epoch {3 + 20 * stop} ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
            Assert.True(Directory.Exists(tiny.File("runs/stopped_colour_0/states")));
        }
        await tiny.Done(["group=stopped", "training.recompute=true", .. keys]);
        Assert.False(Directory.Exists(tiny.File("runs/stopped_colour_0/states")));
        Assert.Equal(Learned("whole_colour_0"), Learned("stopped_colour_0"));
        Assert.Equal(Losses("whole_colour_0"), Losses("stopped_colour_0"));
    }

    /// <summary>Parts of unequal size, the last batch of an epoch among them, with dropout on: the same rows are dropped alike.</summary>
    [Fact]
    public async Task Micro_batches_change_nothing_that_is_learned()
    {
        string[] keys = ["tasks=[colour, same]", "runs=[0]", "training.epochs=1", "logging.every=1", "training.precision=float32"];
        await tiny.Done(["group=whole", .. keys]);
        foreach (int size in new[] { 1, 3, 5 })
        {
            await tiny.Done([$"group=cut{size}", $"training.micro_batch_size={size}", .. keys]);
            foreach (var task in new[] { "colour", "same" })
                foreach (var (whole, cut) in Losses($"whole_{task}_0").Zip(Losses($"cut{size}_{task}_0")))
                    Assert.Equal(whole, cut, 1e-4 * Math.Abs(whole) + 1e-6);
        }
    }

    [Fact]
    public async Task Mistakes_are_named_and_nothing_is_left_behind()
    {
        await tiny.Refused(["tasks=[colur]"], "colur", "did you mean colour");
        await tiny.Refused(["seeds=[1]"], "seeds", "1 for 2 runs");
        await tiny.Refused(["tasks=[ax]"], "ax", "mnli");
        await tiny.Refused(["checkpoint=no/such/model"], "no/such/model");
        await tiny.Refused(["encoding.max_length=64"], "32 positions");
        await tiny.Refused(["data.own.colour.dev=" + tiny.File("colour-test.tsv")], "colour-test.tsv", "label");
        Assert.False(Directory.Exists(tiny.File("runs")));

        File.AppendAllText(tiny.File("colour.tsv"), "a red cat\tgreen\n");
        await tiny.Refused(["tasks=[colour]"], "colour.tsv:92", "green", "red, blue");
    }

    [Fact]
    public async Task Another_experiment_under_the_same_group_needs_resume_never()
    {
        await tiny.Done("tasks=[colour]", "runs=[0]");
        await tiny.Refused(
            ["tasks=[colour]", "runs=[0]", "training.learning_rate=1e-3"],
            "another experiment",
            "learning_rate: 0.001",
            "resume=never"
        );
        await tiny.Done("tasks=[colour]", "runs=[0]", "training.learning_rate=1e-3", "resume=never");
        Assert.Contains("learning_rate: 0.001", File.ReadAllText(tiny.File("runs/tiny_colour_0/config.yaml")));
    }

    [Fact]
    public async Task A_finished_run_counts_where_seed_and_rows_are_the_same()
    {
        await tiny.Done("tasks=[colour]", "runs=[0]");
        await tiny.Refused(["tasks=[colour]", "runs=[0]", "seed=1"], "another experiment", "seeds", "group=");
        await tiny.Done(
            "tasks=[colour, new]",
            "runs=[0]",
            $"data.own.new={{text: [text], labels: [red, blue], train: {tiny.File("colour.tsv")}, held_out: 0.2}}",
            "data.own.colour.test=''"
        );
        File.Copy(tiny.File("colour-dev.tsv"), tiny.File("moved.tsv"));
        await tiny.Done("tasks=[colour]", "runs=[0]", $"data.own.colour.dev={tiny.File("moved.tsv")}");
        File.AppendAllText(tiny.File("moved.tsv"), "a red cat\tred\n");
        await tiny.Refused(
            ["tasks=[colour]", "runs=[0]", $"data.own.colour.dev={tiny.File("moved.tsv")}"],
            "was made with other rows",
            "group="
        );
    }

    [Fact]
    public async Task A_run_that_diverges_is_named_and_the_others_are_made()
    {
        // Values of 1e38 have a squared error that no float holds.
        File.WriteAllLines(
            tiny.File("far.tsv"),
            Enumerable.Range(0, 30).Select(i => $"red cat\ta dog\t{(i % 2 == 0 ? "1e38" : "-1e38")}").Prepend("a\tb\tlabel")
        );
        var far = $"data.own.far={{text: [a, b], regression: true, train: {tiny.File("far.tsv")}, held_out: 0.2}}";
        var run = await tiny.Refused(["tasks=[far, colour]", "runs=[0]", far], "far, run 0: training diverged");
        Assert.Contains("The other runs go on.", run.Output);
        Assert.True(FinetuneResult.IsIn(tiny.File("runs/tiny_colour_0")));
        Assert.False(FinetuneResult.IsIn(tiny.File("runs/tiny_far_0")));
    }

    [Fact]
    public async Task A_score_that_is_undefined_is_explained_where_the_run_ends()
    {
        tiny.Write("same-dev.tsv", "a\tb\tlabel", 3, i => $"red cat\ta {TinyFinetuning.Words[i]}\t2");
        var run = await tiny.Done("tasks=[same]", "runs=[0]", "data.own.same.held_out=0", $"data.own.same.dev={tiny.File("same-dev.tsv")}");
        run.Said("same 0: pearson and spearman are undefined: all 3 rows of the development set have the same label");
    }

    private IEnumerable<string> Results() =>
        Directory.Exists(tiny.File("runs"))
            ? Directory
                .EnumerateFiles(tiny.File("runs"), "result.json", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
            : [];

    /// <summary>What a run learned, bit for bit.</summary>
    private (string Weights, string Predictions, string Scores) Learned(string run)
    {
        var result = FinetuneResult.Load(tiny.File($"runs/{run}"));
        return (
            RunFolders.Hash(tiny.File($"runs/{run}/model.safetensors")),
            File.ReadAllText(tiny.File($"runs/{run}/dev_predictions.tsv")),
            string.Join(' ', result.Epochs.Select(epoch => $"{epoch.Epoch} {epoch.TrainLoss} {string.Join(' ', epoch.Scores)}")));
    }

    private double[] Losses(string run) => RunFolders.Values(tiny.File($"runs/{run}"));
}
