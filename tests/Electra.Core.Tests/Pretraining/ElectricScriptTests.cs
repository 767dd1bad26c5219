using System.Globalization;

namespace Electra.Tests.Pretraining;

/// <summary><c>objective.kind: electric</c> through the scripts, from text to scores of sentences.</summary>
public sealed class ElectricScriptTests : IDisposable
{
    private const string Electric = "objective.kind=electric";
    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_model_is_trained_and_scores_sentences_and_is_fine_tuned()
    {
        var run = await tiny.Done(Electric, "training.steps=40");
        run.Said("cloze model: loss", "noise against text: AUC", "{was → now}: noise", "ElectraForPreTraining", "predict.score=energy");
        var model = tiny.File("runs/tiny_11081_100");
        Assert.Contains("\"objective\": \"electric\"", File.ReadAllText(Path.Combine(model, "config.json")));

        File.WriteAllText(tiny.File("score.yaml"), $"checkpoint: {model}\npredict: {{score: energy}}\ncompute: {{threads: 1}}\n");
        File.WriteAllText(tiny.File("in.txt"), "The red cat sees the river today.\nRiver the today cat red sees.\n");
        string[] score = [ScriptRunner.Kit("predict.csx"), "--", tiny.File("score.yaml"), $"predict.input={tiny.File("in.txt")}"];
        var scored = (await ScriptRunner.Run(tiny.Folder, score)).Succeeded();
        Assert.Equal(2, scored.Lines.Length);
        Assert.All(scored.Lines, line => Assert.True(double.IsFinite(double.Parse(line.Split('\t')[0], CultureInfo.InvariantCulture))));
        (await ScriptRunner.Run(tiny.Folder, [.. score, "predict.score=discriminator"])).Refused("predict.score=energy");
        using (var asked = ScriptRunner.Start(tiny.Folder, ScriptRunner.Kit("try.csx"), "--", model, "compute.threads=1"))
        {
            await asked.Type("The red cat sees the river.\n");
            asked.EndInput();
            (await asked.Finish()).Refused("its outputs are energies, which score whole sentences");
        }

        using var tasks = new TinyFinetuning();
        await tasks.Done($"checkpoint={model}", "tasks=[colour]", "runs=0", "training.epochs=1");
    }

    [Theory]
    [InlineData("objective.temperature=0.5")]
    [InlineData("objective.disallow_correct=true")]
    [InlineData("objective.masking.mask_share=0.5")]
    [InlineData("objective.generator_label_smoothing=0.1")]
    [InlineData("evaluation.generator=somewhere")]
    [InlineData("model.generator.kind=uniform")]
    public async Task Keys_without_a_meaning_are_refused(string key) =>
        await tiny.Refused([Electric, key], $"{key.Split('=')[0]} has no meaning under objective.kind: electric");
}
