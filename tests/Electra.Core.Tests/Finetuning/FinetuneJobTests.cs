using Electra.Finetuning;
using Electra.Running;
using Electra.Training;

namespace Electra.Tests.Finetuning;

/// <summary>The folder of a run, as it is found.</summary>
public sealed class FinetuneJobTests : IDisposable
{
    private static readonly FinetuneConfig Config = new() { Checkpoint = ["checkpoint"] };
    private readonly TemporaryFolder folder = TestData.Temporary();

    private FinetuneJob Job =>
        new([new JobTask(null!, folder.Path)], new StartModel("checkpoint", "checkpoint", null), 0, 1, ScriptText.Read(""));

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("result.json")]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    [InlineData("vocab.txt")]
    [InlineData("dev_predictions.tsv")]
    [InlineData("README.md")]
    public void What_stands_in_the_place_of_a_file_is_named_before_the_run_is_made(string name)
    {
        foreach (var (what, said) in OddFiles.All)
        {
            OddFiles.Put(what, folder.File(name));
            foreach (var resume in new[] { ResumeMode.Auto, ResumeMode.Never })
            {
                var message = Assert.Throws<UserErrorException>(() => Job.Prepare(Config with { Resume = resume })).Message;
                Assert.Contains(name, message);
                Assert.Contains(said, message);
            }
            OddFiles.Remove(folder.File(name));
        }
        Job.Prepare(Config);
    }

    /// <summary>Statistics would take them for those of the new run, where it is of another kind.</summary>
    [Theory]
    [InlineData("result.json")]
    [InlineData("dev_predictions.tsv")]
    [InlineData("dev_predictions.conll")]
    [InlineData("dev_report.md")]
    public void What_a_run_left_goes_when_it_is_done_over(string name)
    {
        File.WriteAllText(folder.File(name), "");
        Job.Prepare(Config);
        Assert.True(File.Exists(folder.File(name)));
        Job.Prepare(Config with { Resume = ResumeMode.Never });
        Assert.False(File.Exists(folder.File(name)));
    }

    [Theory]
    [InlineData(null, "there is no configuration")]
    [InlineData("", "the file is empty")]
    [InlineData("nmae: x", "nmae is not a key")]
    [InlineData("[", "this is not valid YAML")]
    public void A_finished_run_whose_configuration_cannot_be_read_is_named_with_the_ways_out(string? yaml, string said)
    {
        File.WriteAllText(folder.File("result.json"), "{}");
        if (yaml is not null)
            File.WriteAllText(folder.File("config.yaml"), yaml);
        var message = Assert.Throws<UserErrorException>(() => Job.IsFinished(Config)).Message;
        Assert.Contains(said, message);
        Assert.Contains("resume=never", message);
    }
}
