using System.Text.RegularExpressions;
using Electra.Native;
using Electra.Running;

namespace Electra.Tests.Distributed;

/// <summary>Runs of fine-tuning, spread over processes that a launcher started.</summary>
public sealed class RanksFinetuneTests
{
    [Fact]
    public async Task Ranks_make_each_run_once_and_rank_0_tells_of_all()
    {
        OpenMpi.Require();
        using var tiny = new TinyFinetuning();
        string[] words = ["runs=0..2", "tasks=colour"];
        (await tiny.Run([.. words, "group=alone"])).Succeeded();
        var result = (await OpenMpi.StartScript(3, tiny.Folder, [tiny.Script, "--", tiny.Config, .. words]).Finish()).Succeeded();
        for (int run = 0; run < 3; run++)
        {
            Assert.Single(result.Lines, line => line.Contains($"colour {run}") && line.Contains("  done: "));
            var made = FinetuneResult.Load(FinetuneResult.Folder(tiny.File("runs"), "tiny", "colour", run, null));
            var alone = FinetuneResult.Load(FinetuneResult.Folder(tiny.File("runs"), "alone", "colour", run, null));
            Assert.Equal(alone.Scores, made.Scores);
        }
        Assert.Contains(result.Lines, line => Regex.IsMatch(line, @"^colour +\S.* 3  ")); // rank 0 waited
    }

    [Fact]
    public async Task Ranks_share_a_sweep_with_halving_and_the_winner_s_new_seeds()
    {
        OpenMpi.Require();
        using var tiny = new TinyFinetuning();
        string[] words =
        [
            "sweep={training.learning_rate: [1e-6, 0.003], training.batch_size: [8, 16]}",
            "sweep_halving=2",
            "sweep_confirm=2",
            "tasks=[colour]",
            "runs=[0]",
            "data.own.colour.epochs=4",
        ];
        var result = (await OpenMpi.StartScript(2, tiny.Folder, [tiny.Script, "--", tiny.Config, .. words]).Finish()).Succeeded();
        var made = FinetuneResult.All(tiny.File("runs"));
        Assert.Equal(4 + 2 + 1 + 2, made.Count);
        Assert.Equal(made.Count, result.Lines.Count(line => line.Contains("  done: ")));
        Assert.Contains(result.Lines, line => line.StartsWith("rank 1", StringComparison.Ordinal));
        Assert.Single(result.Lines, line => line.Contains("the winner, the last that is left, is"));
        Assert.True(File.Exists(tiny.File("runs/tiny_sweep.md")));
    }

    [Fact]
    public async Task A_run_that_diverges_fails_once_and_rank_0_says_why()
    {
        OpenMpi.Require();
        using var tiny = new TinyFinetuning();
        // Values of 1e38 have a squared error that no float holds.
        tiny.Write("far.tsv", "a\tb\tlabel", 30, i => $"red cat\ta {TinyFinetuning.Words[i % 8]}\t{(i % 2 == 0 ? "1e38" : "-1e38")}");
        string[] words =
        [
            $"data.own.far={{text: [a, b], regression: true, range: [-1e38, 1e38], train: {tiny.File("far.tsv")}, held_out: 0.3}}",
            "tasks=[colour, far]",
            "runs=0..1",
            "training.unit_range=false",
        ];
        var result = await OpenMpi.StartScript(2, tiny.Folder, [tiny.Script, "--", tiny.Config, .. words]).Finish();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("2 runs are not finished", result.Error);
        Assert.Equal(2, result.Lines.Count(line => line.Contains("The other runs go on."))); // each where it was tried
        Assert.Equal(2, FinetuneResult.All(tiny.File("runs")).Count);
    }

    [Fact]
    public async Task Runs_that_are_made_over_are_not_shared()
    {
        OpenMpi.Require();
        using var tiny = new TinyFinetuning();
        var result = await OpenMpi.StartScript(2, tiny.Folder, [tiny.Script, "--", tiny.Config, "resume=never"]).Finish();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("resume=never makes finished runs over, and 2 processes share them", result.Error);
    }

    [Theory]
    [InlineData(0, 3, "0 3 6 5 4 2 1")]
    [InlineData(2, 3, "2 5 6 4 3 1 0")]
    [InlineData(0, 1, "0 1 2 3 4 5 6")]
    public void A_process_begins_with_its_own_share(int index, int count, string expected)
    {
        var runs = Enumerable.Range(0, 7).Select(i => new QueuedRun($"{i}", "", 1, () => false, _ => { })).ToList();
        Assert.Equal(expected, string.Join(' ', RunQueue.Ordered(runs, (index, count)).Select(run => run.Name)));
    }

    [Theory]
    [InlineData("ID=7 COUNT=4 MIN=1 STEP=2", 3, 4)]
    [InlineData("ID=0 COUNT=10 MIN=0", 0, 10)]
    [InlineData("", 0, 1)]
    public void A_job_of_an_array_has_its_share(string variables, int index, int count)
    {
        var values = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Split('='));
        var environment = values.ToDictionary(word => $"SLURM_ARRAY_TASK_{word[0]}", word => word[1]);
        Assert.Equal((index, count), Launcher.ArrayTask(environment.GetValueOrDefault));
    }
}
