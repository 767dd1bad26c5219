
using Electra.Finetuning;
using Electra.Finetuning.Prediction;

namespace Electra.Tests.Finetuning.Prediction;

public sealed class ChosenRunsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_best_run_by_its_dev_metric_is_chosen_and_the_first_of_equals()
    {
        Made("rte", 0.6, 0.7, 0.65);
        Made("cola", 0.5, 0.5);
        Made("rte", "other", 0.9);
        var chosen = Choose(["cola", "rte"]);
        Assert.Equal(["cola 0 of 2", "rte 1 of 3"], chosen.Select(task => $"{task.Task.Name} {task.Numbers} of {task.Finished}"));
        Assert.Equal(folder.File("small_rte_1"), chosen[1].Folder(chosen[1].Runs[0]));
    }

    [Fact]
    public void A_run_whose_metric_is_not_defined_is_the_last_choice()
    {
        Made("stsb", double.NaN, -0.2, double.NaN);
        Made("cola", double.NaN);
        Assert.Equal(["1", "0"], Choose(["stsb", "cola"]).Select(task => task.Numbers));
    }

    /// <summary>−∞ is the threshold of a run that scores best without any answer.</summary>
    [Theory]
    [InlineData(1.0, 0.5, 1.5)]
    [InlineData(0.5, 0.5, double.NegativeInfinity)]
    [InlineData(double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity)]
    [InlineData(null, null, null)]
    public void Several_runs_answer_by_the_mean_of_the_thresholds_that_are_finite(double? expected, params double?[] found) =>
        Assert.Equal(
            expected,
            ChosenRuns.ThresholdOf([.. found.Select((threshold, i) => MadeRuns.Result("rte", i, 0.5) with { Threshold = threshold })])
        );

    [Fact]
    public void Runs_are_compared_by_the_metric_of_the_task()
    {
        // The second run was made when the task still was chosen by another metric.
        MadeRuns.Save(folder.Path, MadeRuns.Result("rte", 0, 0.6));
        MadeRuns.Save(
            folder.Path,
            MadeRuns.Result("rte", 1, 0.9, metric: "f1") with
            {
                Scores = new Dictionary<string, double> { ["f1"] = 0.9, ["accuracy"] = 0.5 },
            }
        );
        Assert.Equal("0", Choose(["rte"])[0].Numbers);
    }

    [Fact]
    public void Runs_can_be_named_one_or_several_in_their_order()
    {
        Made("rte", 0.6, 0.7, 0.65);
        Made("cola", 0.5, 0.9);
        var chosen = Choose(["cola", "rte"], ("cola", [0]), ("rte", [2, 0]));
        Assert.Equal(["0", "2, 0"], chosen.Select(task => task.Numbers));
    }

    [Fact]
    public void A_task_without_training_rows_is_predicted_by_another_ones_runs()
    {
        Made("mnli", 0.7, 0.8);
        Assert.Equal(["mnli 1", "mnli 1"], Choose(["mnli", "ax"]).Select(task => $"{task.Runs[0].Task} {task.Numbers}"));
        Assert.Equal(["0", "0"], Choose(["mnli", "ax"], ("mnli", [0])).Select(task => task.Numbers));
        Assert.Equal(["1", "0"], Choose(["mnli", "ax"], ("ax", [0])).Select(task => task.Numbers));
    }

    [Fact]
    public void A_configuration_with_mnli_predicts_ax_too_and_one_without_does_not()
    {
        Made("mnli", 0.7);
        Made("rte", 0.7);
        var config = new FinetuneConfig { Group = "small", Folder = folder.Path, Tasks = ["rte", "mnli"] };
        Assert.Equal(["rte", "mnli", "ax"], ChosenRuns.Choose(config).Select(task => task.Task.Name));
        Assert.Equal(["rte"], ChosenRuns.Choose(config with { Tasks = ["rte"] }).Select(task => task.Task.Name));
    }

    [Fact]
    public void A_task_without_a_finished_run_has_none()
    {
        Made("rte", 0.6);
        Directory.CreateDirectory(folder.File("small_cola_0"));
        Assert.Empty(Choose(["rte", "cola"])[1].Runs);
    }

    [Fact]
    public void What_cannot_be_chosen_is_named_with_what_can()
    {
        Made("rte", 0.6, 0.7);
        Directory.CreateDirectory(folder.File("small_rte_2"));
        Says("there is no run 7 in group small (finished: 0, 1)", () => Choose(["rte"], ("rte", [7])));
        Says(
            "run 2 of group small is not finished; scripts/finetune.csx resumes it (finished: 0, 1)",
            () => Choose(["rte"], ("rte", [0, 2]))
        );
        Says("cola: there is no run 0 in group small (finished: none)", () => Choose(["cola"], ("cola", [0])));
        Says("there is no run -1", () => Choose(["rte"], ("rte", [-1])));
        Says("the groups there are small: group=small", () => Choose(["rte"], group: "smal"));
        Says(
            "scripts/finetune.csx makes runs",
            () => ChosenRuns.Choose([MadeRuns.Task("rte")], folder.File("nowhere"), "small", new Dictionary<string, IReadOnlyList<int>>())
        );

        static void Says(string said, Action choose) => Assert.Contains(said, Assert.Throws<UserErrorException>(choose).Message);
    }

    [Fact]
    public void The_outputs_of_several_runs_are_averaged_and_must_be_numbers()
    {
        Made("rte", 0.6, 0.7);
        var chosen = Choose(["rte"], ("rte", [1, 0]))[0];
        Assert.Equal([2f, -1f, 0.5f], chosen.Mean([[1f, -3f, 1f], [3f, 1f, 0f]]));
        var message = Assert.Throws<UserErrorException>(() => chosen.Mean([[1f], [float.NaN]])).Message;
        Assert.Contains("small_rte_0", message);
        Assert.Contains("diverged", message);
    }

    private void Made(string task, params double[] scores) => Made(task, "small", scores);

    private void Made(string task, string group, params double[] scores)
    {
        foreach (var (run, score) in scores.Index())
            MadeRuns.Save(folder.Path, MadeRuns.Result(task, run, score, group));
    }

    private IReadOnlyList<ChosenRuns> Choose(string[] tasks, params (string Task, int[] Runs)[] byHand) => Choose(tasks, "small", byHand);

    private IReadOnlyList<ChosenRuns> Choose(string[] tasks, string group, params (string Task, int[] Runs)[] byHand) =>
        ChosenRuns.Choose(
            tasks.Select(MadeRuns.Task),
            folder.Path,
            group,
            byHand.ToDictionary(task => task.Task, task => (IReadOnlyList<int>)task.Runs)
        );
}
