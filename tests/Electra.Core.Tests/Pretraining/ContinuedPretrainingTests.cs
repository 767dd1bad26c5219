using System.Text.Json;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx with init=…, as a user runs it.</summary>
public sealed class ContinuedPretrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public ContinuedPretrainingTests() => TinyExperiment.Write(folder);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_goes_on_exactly_where_the_models_that_it_begins_with_stopped()
    {
        string[] settings = ["training.precision=float32", "compute.threads=1"];
        Assert.Equal(0, (await Pretrain([.. settings, "training.steps=6"])).ExitCode);
        var more = await Pretrain([.. settings, "name=more", "init=runs/tiny_11081_100", "training.steps=3"]);
        Assert.True(more.ExitCode == 0, more.Error);
        Assert.Contains("begin with the weights of runs/tiny_11081_100.", more.Output);
        Assert.Equal(HeldOutLosses("tiny_11081")[^1], HeldOutLosses("more_11081")[0]);

        var refused = await Pretrain("name=other", "init=runs/tiny_11081_100", "model.layers=3");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("model.layers=2", refused.Error);
        Assert.DoesNotContain("   at ", refused.Error);
    }

    private Task<ScriptResult> Pretrain(params string[] overrides) => ScriptRunner.Run(folder, ["-c", "release", TinyExperiment.Script, "--", folder.File("tiny.yaml"), .. overrides]);

    private double[] HeldOutLosses(string run) =>
    [
        .. from line in File.ReadLines(folder.File($"runs/{run}/metrics.jsonl"))
           let json = JsonDocument.Parse(line).RootElement
           where json.TryGetProperty("held_out/loss", out _)
           select json.GetProperty("held_out/loss").GetDouble(),
    ];
}
