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
