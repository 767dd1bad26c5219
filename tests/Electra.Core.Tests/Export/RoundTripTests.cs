using Electra.Running;
using Electra.Tests.Hub;
using Microsoft.ML.OnnxRuntime;

namespace Electra.Tests.Export;

/// <summary>A model's way through the scripts: pre-trained, exported, trained on, fine-tuned, exported again.</summary>
public sealed class RoundTripTests : IDisposable
{
    private readonly TinyPretraining pretraining = new();
    private readonly TinyFinetuning finetuning = new();

    public void Dispose()
    {
        pretraining.Dispose();
        finetuning.Dispose();
    }

    [Fact, Trait("Category", "Long")]
    public async Task A_model_is_pre_trained_exported_trained_on_fine_tuned_and_exported_again()
    {
        string[] settings = ["training.precision=float32", "checkpoints.percents=[100]"];
        await pretraining.Done([.. settings, "training.steps=6"]);
        var card = File.ReadAllText(pretraining.File("runs/tiny_11081_100/discriminator/README.md"));
        Assert.All(
            ["| updates | 6 of 6 |", "| hidden size | 32 |", "text.txt |", "| discriminator: AUC |", "from_pretrained"],
            part => Assert.Contains(part, card)
        );

        await Export("runs/tiny_11081_100/discriminator", "runs/tiny_11081_100/generator");
        Assert.Contains("| updates | 6 of 6 |", File.ReadAllText(pretraining.File("out/tiny_11081_100/README.md")));

        // What goes on, from the hub here, is exactly what stopped.
        await using var server = await HubServer.Start();
        foreach (
            var (exportedName, name) in new[]
            {
                ("tiny_11081_100", "org/tiny-discriminator"),
                ("tiny_11081_100-generator", "org/tiny-generator"),
            }
        )
            foreach (var file in Directory.GetFiles(pretraining.File($"out/{exportedName}")))
                server.Add(
                    name,
                    Path.GetFileName(file),
                    File.ReadAllBytes(file),
                    isLarge: file.EndsWith(".safetensors", StringComparison.Ordinal)
                );
        var hub = new Dictionary<string, string> { ["HF_ENDPOINT"] = server.Endpoint.ToString(), ["HF_HOME"] = pretraining.File("hf") };
        string[] fromHub =
        [
            "init=org/tiny-discriminator",
            "init_generator=org/tiny-generator",
            "vocabulary=org/tiny-discriminator",
        ];
        using var more = pretraining.Start(hub, [.. settings, .. fromHub, "name=more", "training.steps=3"]);
        (await more.Finish()).Succeeded().Said("begin with the weights of org/tiny-discriminator.");
        Assert.Equal(HeldOutLosses("tiny")[^1], HeldOutLosses("more")[0]);

        var finetuned = await finetuning.Done(
            $"checkpoint={pretraining.File("runs/more_11081_100")}",
            "tasks=[colour]",
            "runs=[0]",
            "data.own.colour.epochs=1"
        );
        finetuned.Said("discriminator_predictions (4 tensors)");
        var result = FinetuneResult.Load(finetuning.File("runs/tiny_colour_0"));
        Assert.Contains("| 1 | ", File.ReadAllText(finetuning.File("runs/tiny_colour_0/README.md")));

        await Export(finetuning.File("runs/tiny_colour_0"), "to=onnx");
        using var session = new InferenceSession(pretraining.File("out/tiny_colour_0-onnx/onnx/model.onnx"));
        Assert.Equal("[\"red\",\"blue\"]", session.ModelMetadata.CustomMetadataMap["labels"]);
        Assert.Single(result.Epochs);
    }

    private async Task Export(params string[] words) =>
        (
            await ScriptRunner.Run(
                pretraining.Folder,
                [ScriptRunner.Kit("export.csx"), "--", .. words, $"out={pretraining.File("out")}"]
            )
        ).Succeeded();

    private double[] HeldOutLosses(string name) => RunFolders.Values(pretraining.Of(name), "held_out/loss");
}
