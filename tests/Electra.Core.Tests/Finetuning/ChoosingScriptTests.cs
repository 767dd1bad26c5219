using System.Text.Json.Nodes;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>scripts/finetune.csx where runs keep their best evaluation, are measured within epochs, and stop early.</summary>
public sealed class ChoosingScriptTests : IDisposable
{
    private static readonly string[] Measured = ["tasks=[colour]", "runs=[0]", "training.evaluate_every=5", "data.own.colour.epochs=3"];

    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_task_of_ones_own_keeps_the_weights_of_its_best_evaluation_and_says_so()
    {
        // All rows are right long before the end: the first such evaluation is the best.
        (await tiny.Done([.. Measured, "data.own.colour.epochs=6"])).Said(
            "best evaluation by accuracy on dev",
            "epoch 0.417 of 6",
            "test_labels: true"
        );
        var result = Result("tiny");
        double[] scores = [.. result.Epochs.Select(epoch => epoch.Scores["accuracy"])];
        Assert.Equal([5, 10, 12, 15, 20, 24, 25, 30], result.Epochs.Take(8).Select(epoch => (int)Math.Round(epoch.Epoch * 12)));
        Assert.True(result.Choice!.BestEpoch < 6, $"the last is the best of {string.Join(", ", scores)}");
        Assert.Equal(scores.Max(), result.Score);
        Assert.Equal(result.Epochs[Array.IndexOf(scores, scores.Max())].Epoch, result.Choice.BestEpoch);
        Assert.Equal(("accuracy", "dev", 19, false), Chosen(result.Choice));
        Assert.Contains("\"best_epoch\"", File.ReadAllText(tiny.File("runs/tiny_colour_0/result.json")));
        Assert.Contains("keep: best", File.ReadAllText(tiny.File("runs/tiny_colour_0/config.yaml")));
        Assert.Contains("the best of 19 evaluations by accuracy", File.ReadAllText(tiny.File("runs/tiny_colour_0/README.md")));
        Assert.Equal(result.Score, ScoreOfModel("tiny"), 1e-9);

        static (string, string, int, bool) Chosen(FinetuneChoice choice) =>
            (choice.ChosenBy, choice.ChosenOn, choice.OutOf, choice.StoppedEarly);
    }

    [Fact]
    public async Task The_last_weights_are_those_of_a_run_that_is_measured_after_epochs_alone()
    {
        await tiny.Done([.. Measured, "group=often", "training.keep=last"]);
        await tiny.Done([.. Measured, "group=seldom", "training.keep=last", "training.evaluate_every=epoch"]);
        RunFolders.AssertSameBytes(Model("often"), Model("seldom"));
        Assert.Equal(Result("often").Score, Result("seldom").Score);
        Assert.Null(Result("seldom").Choice);
        Assert.DoesNotContain("choice", File.ReadAllText(tiny.File("runs/seldom_colour_0/result.json")));
        Assert.Equal([1, 2, 3], Result("seldom").Epochs.Select(epoch => epoch.Epoch));
    }

    [Fact]
    public async Task A_run_ends_when_its_patience_does_and_the_schedule_stays_that_of_all_epochs()
    {
        // Nothing is better by more than a whole.
        string[] keys = ["training.patience=2", "training.min_delta=1"];
        await tiny.Done([.. Measured, .. keys, "group=early"]);
        await tiny.Done([.. Measured, "group=whole", "training.keep=last"]);
        var (early, whole) = (Result("early"), Result("whole"));
        Assert.Equal(3, early.Epochs.Count);
        Assert.True(early.Choice is { StoppedEarly: true, OutOf: 3, BestEpoch: 5 / 12.0 });
        Assert.Equal(whole.Epochs.Take(3).Select(epoch => epoch.TrainLoss), early.Epochs.Select(epoch => epoch.TrainLoss));
        Assert.Equal(early.Epochs[0].Scores["accuracy"], ScoreOfModel("early"), 1e-9);
    }

    [Fact]
    public async Task The_best_evaluation_may_be_that_of_the_lowest_loss()
    {
        await tiny.Done([.. Measured, "training.best_metric=loss"]);
        var result = Result("tiny");
        var best = result.Epochs.MinBy(epoch => epoch.DevLoss)!;
        Assert.Equal(best.Epoch, result.Choice!.BestEpoch);
        Assert.Equal(best.Scores["accuracy"], result.Score);
        Assert.Contains("dev/loss", File.ReadAllText(tiny.File("runs/tiny_colour_0/metrics.jsonl")));
    }

    /// <summary>The best state so far is a part of what a stopped run goes on from.</summary>
    [Fact]
    public async Task A_run_that_is_stopped_again_and_again_keeps_the_same_best()
    {
        string[] keys = [.. Measured, "training.epochs=60", "training.patience=1000"];
        await tiny.Done(["group=whole", .. keys]);
        for (int stop = 0; stop < 2; stop++)
        {
            using var run = tiny.Start(["group=stopped", .. keys]);
            await run.WaitForLine($"epoch {10 + 20 * stop} of");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
            Assert.True(Directory.Exists(tiny.File("runs/stopped_colour_0/states")));
        }
        await tiny.Done(["group=stopped", .. keys]);
        Assert.Equal(Learned("whole"), Learned("stopped"));
        RunFolders.AssertSameBytes(Model("whole"), Model("stopped"));
        RunFolders.AssertSameLogs(tiny.File("runs/whole_colour_0"), tiny.File("runs/stopped_colour_0"));
        foreach (var file in new[] { "dev_predictions.tsv", "dev_report.md" })
            RunFolders.AssertSameBytes(tiny.File($"runs/whole_colour_0/{file}"), tiny.File($"runs/stopped_colour_0/{file}"));
    }

    [Theory]
    [InlineData("training.patience=2 training.keep=last", "training.patience", "keep=best")]
    [InlineData("training.min_delta=0.1 tasks=docs-kind", "training.min_delta", "docs-kind", "keep=best")]
    [InlineData("training.best_metric=f1 tasks=mrpc", "training.best_metric", "mrpc", "keep=best")]
    [InlineData("training.best_metric=pearson", "cannot be pearson: colour is measured by accuracy", "loss")]
    [InlineData("training.evaluate_every=0", "training.evaluate_every", "epoch, a number of updates (500) or a share")]
    [InlineData("training.evaluate_every=1.5", "training.evaluate_every")]
    public void Choices_that_have_no_meaning_are_refused_in_words(string overrides, params string[] said)
    {
        var message = Assert
            .Throws<UserErrorException>(() => Electra.Configuration.Config.Load<FinetuneConfig>(tiny.Config, overrides.Split(' ')))
            .Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }

    [Fact]
    public async Task A_finished_run_that_kept_the_last_weights_is_no_run_that_keeps_the_best()
    {
        string[] keys = ["tasks=[colour]", "runs=[0]", "data.own.colour.epochs=1"];
        await tiny.Done([.. keys, "training.keep=last"]);
        string[] said = ["another experiment", "now   training.keep: best", "then  training.keep: last", "group="];
        await tiny.Refused(keys, said);

        // As a run of a version without these keys left it.
        string config = tiny.File("runs/tiny_colour_0/config.yaml");
        string[] since = ["keep:", "best_metric:", "patience:", "min_delta:", "evaluate_every:"];
        File.WriteAllLines(config, File.ReadAllLines(config).Where(line => !since.Any(line.TrimStart().StartsWith)));
        await tiny.Refused(keys, said);
        (await tiny.Done([.. keys, "training.keep=last"])).Said("1 of 1 run is finished already");
    }

    private FinetuneResult Result(string group) => FinetuneResult.Load(tiny.File($"runs/{group}_colour_0"));

    private string Model(string group) => tiny.File($"runs/{group}_colour_0/model.safetensors");

    private string Learned(string group)
    {
        var result = JsonNode.Parse(File.ReadAllText(tiny.File($"runs/{group}_colour_0/result.json")))!.AsObject();
        result.Remove("seconds");
        result.Remove("group");
        return result.ToJsonString();
    }

    /// <summary>The accuracy of the saved model.</summary>
    private double ScoreOfModel(string group)
    {
        using var model = FinetunedModel.Open(tiny.File($"runs/{group}_colour_0"), Compute.Reference);
        using var data = TaskData.Prepare(
            TaskSources.Open("colour", model.Run!.Value.Config.Data),
            model.Tokenizer,
            model.Encoding,
            tiny.File("datasets")
        );
        return Metrics.Measure(data.Dev[0].Examples.With(model.Predict(data.Dev[0], batchSize: 7)))["accuracy"];
    }
}
