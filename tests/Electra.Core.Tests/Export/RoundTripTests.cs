using System.Text.Json;
using Electra.Running;
using Electra.Tests.Finetuning;
using Electra.Tests.Hub;
using Electra.Tests.Pretraining;
using Electra.Tests.Scripting;
using Microsoft.ML.OnnxRuntime;

namespace Electra.Tests.Export;

/// <summary>A model's way through the scripts: pre-trained, exported, trained on, fine-tuned, exported again.</summary>
public sealed class RoundTripTests : IDisposable
{
    private static readonly string ExportScript = Path.Combine(TestData.Repository, "scripts", "export.csx");

    private readonly TemporaryFolder folder = TestData.Temporary(), tasks = TestData.Temporary();

    public void Dispose()
    {
        folder.Dispose();
        tasks.Dispose();
    }

    [Fact]
    public async Task A_model_is_pre_trained_exported_trained_on_fine_tuned_and_exported_again()
    {
        TinyExperiment.Write(folder);
        TinyFinetuning.Write(tasks);
        string[] settings = ["training.precision=float32", "compute.threads=1", "checkpoints.percents=[100]"];
        var first = await Pretrain([.. settings, "training.steps=6"]);
        Assert.True(first.ExitCode == 0, first.Error);
        var card = File.ReadAllText(folder.File("runs/tiny_11081_100/discriminator/README.md"));
        Assert.All(
            ["| updates | 6 of 6 |", "| hidden size | 32 |", "text.txt |", "| discriminator: AUC |", "from_pretrained"],
            part => Assert.Contains(part, card)
        );

        var exported = await Script(
            ExportScript,
            "runs/tiny_11081_100/discriminator",
            "runs/tiny_11081_100/generator",
            $"out={folder.File("out")}"
        );
        Assert.True(exported.ExitCode == 0, exported.Error);
        Assert.Contains("| updates | 6 of 6 |", File.ReadAllText(folder.File("out/tiny_11081_100/README.md")));

        // What goes on, from the hub here, is exactly what stopped.
        await using var server = await HubServer.Start();
        foreach (
            var (exportedName, name) in new[]
            {
                ("tiny_11081_100", "org/tiny-discriminator"),
                ("tiny_11081_100-generator", "org/tiny-generator"),
            }
        )
            foreach (var file in Directory.GetFiles(folder.File($"out/{exportedName}")))
                server.Add(
                    name,
                    Path.GetFileName(file),
                    File.ReadAllBytes(file),
                    isLarge: file.EndsWith(".safetensors", StringComparison.Ordinal)
                );
        var hub = new Dictionary<string, string> { ["HF_ENDPOINT"] = server.Endpoint.ToString(), ["HF_HOME"] = folder.File("hf") };
        var more = await ScriptRunner.Finish(
            ScriptRunner.Start(
                folder,
                hub,
                [
                    "-c",
                    "release",
                    TinyExperiment.Script,
                    "--",
                    folder.File("tiny.yaml"),
                    .. settings,
                    "name=more",
                    "training.steps=3",
                    "init=org/tiny-discriminator",
                    "init_generator=org/tiny-generator",
                    "vocabulary=org/tiny-discriminator",
                ]
            )
        );
        Assert.True(more.ExitCode == 0, more.Error);
        Assert.Contains("begin with the weights of org/tiny-discriminator.", more.Output);
        Assert.Equal(HeldOutLosses("tiny_11081")[^1], HeldOutLosses("more_11081")[0]);

        var finetuned = await Script(
            TinyFinetuning.Script,
            tasks.File("tiny.yaml"),
            $"checkpoint={folder.File("runs/more_11081_100")}",
            "tasks=[colour]",
            "runs=[0]",
            "data.own.colour.epochs=1"
        );
        Assert.True(finetuned.ExitCode == 0, finetuned.Error + finetuned.Output);
        Assert.Contains("discriminator_predictions (4 tensors)", finetuned.Output);
        var result = FinetuneResult.Load(tasks.File("runs/tiny_colour_0"));
        Assert.Contains("| 1 | ", File.ReadAllText(tasks.File("runs/tiny_colour_0/README.md")));

        exported = await Script(ExportScript, tasks.File("runs/tiny_colour_0"), "to=onnx", $"out={folder.File("out")}");
        Assert.True(exported.ExitCode == 0, exported.Error);
        using var session = new InferenceSession(folder.File("out/tiny_colour_0-onnx/model.onnx"));
        Assert.Equal("[\"red\",\"blue\"]", session.ModelMetadata.CustomMetadataMap["labels"]);
        Assert.Single(result.Epochs);
    }

    private Task<ScriptResult> Pretrain(params string[] overrides) =>
        Script(TinyExperiment.Script, [folder.File("tiny.yaml"), .. overrides]);

    private Task<ScriptResult> Script(string script, params string[] arguments) =>
        ScriptRunner.Run(folder, ["-c", "release", script, "--", .. arguments]);

    private double[] HeldOutLosses(string run) =>
    [
        .. from line in File.ReadLines(folder.File($"runs/{run}/metrics.jsonl"))
           let json = JsonDocument.Parse(line).RootElement
           where json.TryGetProperty("held_out/loss", out _)
           select json.GetProperty("held_out/loss").GetDouble(),
    ];
}
