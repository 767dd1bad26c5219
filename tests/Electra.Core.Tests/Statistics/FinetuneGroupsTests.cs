using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Running;
using Electra.Statistics;

namespace Electra.Tests.Statistics;

/// <summary>Runs of fine-tuning count together where nothing but their seeds differs.</summary>
public sealed class FinetuneGroupsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private void Finished(
        string group,
        int run,
        Func<FinetuneConfig, FinetuneConfig>? change = null,
        string task = "rte",
        string? rows = "a",
        string checkpoint = "checkpoints/pretrain/demo_1_100",
        string? seed = "1"
    )
    {
        var result = MadeRuns.Result(task, run, 0.6 + 0.01 * run, group) with { Rows = rows, Checkpoint = checkpoint, PretrainSeed = seed };
        MadeRuns.Save(folder.File("glue"), result);
        var config = new FinetuneConfig { Group = group, Checkpoint = [checkpoint], Tasks = [task], Runs = [run], Seeds = [100 + run] };
        File.WriteAllText(
            Path.Combine(result.FolderIn(folder.File("glue")), "config.yaml"),
            Config.ResolvedYaml(change is null ? config : change(config))
        );
    }

    private ScoreSet Read(params string[] groups) => ScoreSet.Read<FinetuneConfig>([folder.File("glue")], groups);

    private string Refused(params string[] groups) => Assert.Throws<UserErrorException>(() => Read(groups)).Message;

    private static FinetuneConfig Faster(FinetuneConfig config) =>
        config with { Training = config.Training with { LearningRate = 0.002 } };

    [Fact]
    public void Runs_of_different_configurations_are_not_mixed()
    {
        Finished("a", 0);
        Finished("a", 1, Faster);
        Finished("a", 0, task: "mrpc");
        Finished("b", 0, config => config with { Workers = 2, Seed = 5, Folder = "elsewhere" });
        Finished("b", 1);
        Assert.Matches(
            "the runs of a on RTE are of different configurations: training.learning_rate is .* in a_rte_0 and 0.002 in a_rte_1. They "
                + "count together where nothing else differs",
            Refused("a")
        );
        // Where all are looked at, the others stand.
        var all = Read();
        Assert.Contains("a on RTE", Assert.Single(all.LeftOut));
        Assert.Equal(["mrpc"], all.TasksOf("a"));
        Assert.Equal(2, all.Of("b", "rte").Count);
        // A group of which nothing is left says why.
        Directory.Delete(folder.File("glue/a_mrpc_0"), recursive: true);
        Assert.Contains(
            "the group a has no finished run that can be used: the runs of a on RTE",
            Assert.Throws<UserErrorException>(() => StatisticsReport.Tables(Read(), new() { Compare = ["a", "b"] })).Message
        );
    }

    /// <summary>A chosen maximum is no last epoch, whatever the configuration says or leaves out.</summary>
    [Fact]
    public void Scores_of_different_protocols_are_neither_averaged_nor_compared_without_a_word()
    {
        for (int run = 0; run < 3; run++)
        {
            Finished("last", run);
            Finished("best", run);
            Choose("best", run);
        }
        var scores = Read();
        const string Note = "best on RTE: scores of the best evaluation by accuracy on dev, which is higher than the last epoch";
        Assert.Contains(ScoreTables.PerTask(scores).Notes, note => note.StartsWith(Note, StringComparison.Ordinal));
        Assert.Contains(
            "RTE: last has scores of the last epoch, and best of the best evaluation by accuracy on dev. A part of the difference is that "
                + "choice: fine-tune both with the same training.keep.",
            StatisticsReport.Tables(scores, new() { Compare = ["last", "best"] })[0].Notes
        );
        Assert.DoesNotContain(StatisticsReport.Tables(Read("last"), new())[0].Notes, note => note.Contains("by choice alone"));

        // The table of scores says it too.
        File.WriteAllText(folder.File("scores.csv"), ScoreCsv.Write(scores));
        Assert.Contains(Protocols.Notes(ScoreSet.Read<FinetuneConfig>([folder.File("scores.csv")])), note => note.StartsWith(Note));
        File.WriteAllText(folder.File("other.csv"), "model,task,run,score,protocol\nbest,rte,9,70,last epoch\n");
        Assert.Contains(
            "best on RTE has scores of the best evaluation by accuracy on dev and of the last epoch",
            Assert.Throws<UserErrorException>(
                () => ScoreSet.Read<FinetuneConfig>([folder.File("glue"), folder.File("other.csv")])
            ).Message
        );

        Choose("last", 1);
        Assert.Contains(
            "the runs of last on RTE keep different evaluations: last_rte_0 (last epoch) and last_rte_1 (best evaluation by "
                + "accuracy on dev)",
            Refused("last")
        );
    }

    [Fact]
    public void Runs_of_an_older_version_count_with_those_of_today_whose_new_keys_are_at_their_defaults()
    {
        Finished("a", 0);
        Finished("a", 1, config => config with { Training = config.Training with { Keep = KeptWeights.Last } });
        Finished("a", 2, config => config with { Training = config.Training with { LabelSmoothing = 0.1 } });
        foreach (int run in new[] { 0, 2 })
        {
            var file = folder.File($"glue/a_rte_{run}/config.yaml");
            File.WriteAllLines(file, File.ReadAllLines(file).Where(line => !line.Contains("keep:") && !line.Contains("_every:")));
        }
        Assert.Contains("training.label_smoothing is 0 in a_rte_0 and 0.1 in a_rte_2", Refused("a"));
        Directory.Delete(folder.File("glue/a_rte_2"), recursive: true);
        Assert.Equal(2, Read("a").All.Count);
    }

    private void Choose(string group, int run)
    {
        var file = folder.File($"glue/{group}_rte_{run}");
        (FinetuneResult.Load(file) with { Choice = new FinetuneChoice(2, "accuracy", "dev", 3, StoppedEarly: false) }).Save(file);
    }

    [Fact]
    public void Unequal_numbers_of_runs_get_the_variances_of_the_restricted_likelihood()
    {
        for (int seed = 1; seed <= 3; seed++)
            for (int run = 0; run <= seed; run++)
                Finished("a", 10 * seed + run, checkpoint: $"checkpoints/pretrain/demo_{seed}_100", seed: $"{seed}");
        var notes = StatisticsReport.Tables(Read(), new()).Single(table => table.Title.StartsWith("Seeds of pre-training and")).Notes;
        Assert.Contains(notes, note => note.StartsWith("a on RTE: seeds have unequal numbers of runs; by restricted maximum likelihood"));
    }

    [Fact]
    public void A_task_of_ones_own_counts_for_its_own_runs_only()
    {
        FinetuneConfig With(FinetuneConfig config, string label) =>
            config with
            {
                Data = config.Data with { Own = new Dictionary<string, OwnTaskOptions> { ["colour"] = new() { Label = label } } },
            };
        Finished("a", 0);
        Finished("a", 1, config => With(config, "other"));
        Finished("a", 0, config => With(config, "first"), task: "colour");
        Assert.Equal(3, Read("a").All.Count);
        Finished("a", 1, config => With(config, "other"), task: "colour");
        Assert.Contains("the runs of a on colour are of different configurations: data.own.colour.label is first", Refused("a"));
    }

    [Fact]
    public void Rows_that_changed_between_are_told()
    {
        Finished("a", 0);
        Finished("a", 1, rows: null);
        Assert.Equal(2, Read("a").All.Count);
        Finished("a", 2, rows: "b");
        Assert.Contains("the runs of a on RTE were made with different rows: the task's files", Refused("a"));
        Assert.Contains("a_rte_0 (checkpoints/pretrain/demo_1_100) and a_rte_2", Refused("a"));
    }

    [Fact]
    public void Milestones_of_a_pre_training_are_not_mixed_and_its_seeds_are()
    {
        Finished("a", 0);
        Finished("a", 1, checkpoint: "/elsewhere/demo_2_100/", seed: "2");
        Finished("a", 2, checkpoint: "google/electra-small-discriminator", seed: "electra-small-discriminator");
        Assert.Equal(3, Read("a").All.Count);
        Finished("a", 3, checkpoint: "checkpoints/pretrain/demo_3_50", seed: "3");
        Assert.Contains("begin with models of different pre-trainings or milestones: a_rte_0 (", Refused("a"));
    }
}
