using Electra.Checkpoints;
using Electra.Running;

namespace Electra.Tests.Finetuning;

/// <summary>Several tasks in one model, from their files to an exported classifier, by the scripts that a user runs.</summary>
public sealed class JointScriptTests : IDisposable
{
    private static readonly string[] Joint = ["joint=true", "tasks=[colour, same]", "training.epochs=4", "runs=[0]"];
    private readonly TinyFinetuning tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Several_tasks_are_learned_resumed_predicted_and_exported()
    {
        (await tiny.Done([.. Joint, "group=whole"])).Said("colour+same 0", "epoch 4 of 4", "mean ", "colour/accuracy", "colour 0");
        using (var run = tiny.Start([.. Joint, "group=stopped"]))
        {
            await run.WaitForLine("epoch 3 ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
        }
        Assert.False(FinetuneResult.IsIn(tiny.File("runs/stopped_same_0")));
        await tiny.Done([.. Joint, "group=stopped"]);
        foreach (var task in new[] { "colour", "same" })
            RunFolders.AssertSameBytes(Model("whole", task), Model("stopped", task));

        FinetuneResult colour = Result("colour"), same = Result("same");
        Assert.True(colour.Score > 0.8, $"accuracy {colour.Score}: a word says which is right");
        Assert.Equal(["pearson", "spearman"], same.Scores.Keys.Order());
        Assert.Equal(("mean", colour.Choice), (colour.Choice!.ChosenBy, same.Choice));
        Assert.Equal(4, colour.Epochs.Count);
        Assert.Equal(colour.Epochs.Select(epoch => epoch.TrainLoss), same.Epochs.Select(epoch => epoch.TrainLoss));
        Assert.Contains("in one model with | same", File.ReadAllText(tiny.File("runs/whole_colour_0/README.md")));
        using (var one = PretrainedModel.Open(tiny.File("runs/whole_colour_0")))
        using (var other = PretrainedModel.Open(tiny.File("runs/whole_same_0")))
        {
            var weights = other.Weights().ToDictionary(weight => weight.Name, weight => weight.Value);
            foreach (var (name, value) in one.Weights().Where(weight => weight.Name.StartsWith("electra.", StringComparison.Ordinal)))
                Assert.True(value.allclose(weights[name], 0, 0), name);
            Assert.DoesNotContain(one.Tensors.Keys, name => name.Contains("heads", StringComparison.Ordinal));
        }

        Assert.DoesNotContain("epoch 1 ", (await tiny.Done([.. Joint, "group=whole"])).Output);
        (await Script("predict.csx", [tiny.Config, .. Joint, "group=whole", $"predict.folder={tiny.File("out")}"])).Succeeded();
        Assert.Equal(21, File.ReadLines(tiny.File("out/whole/colour.tsv")).Count());
        (await Script("stats.csx", tiny.File("runs"), "compare=[whole, stopped]")).Succeeded().Said("colour", "same");
        (await Script("export.csx", tiny.File("runs/whole_colour_0"), "to=onnx", $"out={tiny.File("exported")}")).Succeeded();
        Assert.True(File.Exists(tiny.File("exported/whole_colour_0-onnx/onnx/model.onnx")));
    }

    [Fact]
    public async Task A_task_alone_is_learned_as_without_joint()
    {
        string[] keys = ["tasks=[same]", "runs=[1]", "training.epochs=2"];
        await tiny.Done([.. keys, "group=alone"]);
        await tiny.Done([.. keys, "group=joint", "joint=true", "joint_mixing=0.5"]);
        RunFolders.AssertSameBytes(
            tiny.File("runs/alone_same_1/model.safetensors"),
            tiny.File("runs/joint_same_1/model.safetensors")
        );
        Assert.Equal(
            FinetuneResult.Load(tiny.File("runs/alone_same_1")).Scores,
            FinetuneResult.Load(tiny.File("runs/joint_same_1")).Scores
        );
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        await tiny.Refused(["joint_mixing=0.5"], "joint_mixing", "joint: true");
        await tiny.Refused([.. Joint, "sweep={training.learning_rate: [1e-3, 2e-3]}"], "joint", "a sweep finds");
        await tiny.Refused([.. Joint, "joint_mixing=2"], "joint_mixing");
        await tiny.Refused([.. Joint, "training.best_metric=accuracy"], "training.best_metric", "same is measured by pearson");
        string[] few = ["runs=[0]", "training.epochs=1"];
        await tiny.Done([.. few, "tasks=[same]"]);
        await tiny.Refused([.. few, "tasks=[colour, same]", "joint=true"], "tiny_same_0", "joint", "group of its own");
        Assert.False(Directory.Exists(tiny.File("runs/tiny_colour_0/states")));
    }

    private FinetuneResult Result(string task) => FinetuneResult.Load(tiny.File($"runs/whole_{task}_0"));

    private string Model(string group, string task) => tiny.File($"runs/{group}_{task}_0/model.safetensors");

    private Task<ScriptResult> Script(string script, params string[] words) =>
        ScriptRunner.Start(tiny.Folder, [ScriptRunner.Kit(script), "--", .. words]).Finish();
}
