
using Electra.Data.Corpora;
using Electra.Model;
using Electra.Running;
using Electra.Storage;

namespace Electra.Pretraining;

/// <summary>What a run ends with: what it learned, in numbers and in examples, where it is, and what to do next.</summary>
internal static class PretrainSummary
{
    private const int ShownExamples = 3;

    /// <summary>What to know of a discriminator that has not begun to use context.</summary>
    public const string OnPlateau =
        "This is a stage of replaced-token detection, not a fault; how long it lasts depends on the initial weights. More updates help "
        + "first of all (training.steps). In the narrow models that were tried, more heads (model.attention_heads), a quarter masked "
        + "(objective.masking.probability=0.25) and optimizer.beta2=0.98 helped too; a higher learning rate and a larger "
        + "model.initializer_range did not.";

    /// <summary>Prints the summary of a finished run.</summary>
    public static void Print(
        Run<PretrainConfig> run,
        PretrainData data,
        ElectraPair model,
        EqualWork measurement,
        PretrainScores first,
        PretrainScores last,
        long? rise
    )
    {
        var console = run.Console;
        console.Heading("What it learned, on held-out text");
        PrintScores(run, model, first, last);
        PrintContext(run, last, rise);

        console.Heading("Three sentences, with what the generator put in and what the discriminator suspected");
        foreach (var sentence in Showcase.Sentences(model, measurement.Method, data, run.Config, measurement.Key, ShownExamples))
            console.Line($"  {sentence}\n");
        console.Line(
            "  {was → now}: replaced.  !: suspected, rightly.  ?: suspected, wrongly.  A replacement without a mark went unnoticed."
        );

        console.Heading("Where it is");
        var final = PretrainCheckpoints.ModelFolder(run.Config, "100");
        console.Table(
            ("discriminator", Paths.Shown(Path.Combine(final, "discriminator"))),
            ("generator", Paths.Shown(Path.Combine(final, "generator"))),
            ("configuration, metrics, curves", Paths.Shown(run.Folder)));
        console.Line("Both models load in Hugging Face's library by these paths: ElectraForPreTraining and ElectraForMaskedLM.");

        PrintWhatNext(run, Paths.Shown(final));
    }

    private static void PrintScores(Run<PretrainConfig> run, ElectraPair model, PretrainScores first, PretrainScores last)
    {
        var console = run.Console;
        console.Table(
            ["", "step 0", $"step {run.Config.Training.Steps:N0}", "by chance", "the token alone"],
            [
                ["loss", $"{first.Loss:F3}", $"{last.Loss:F3}", "", ""],
                [
                    "generator: loss",
                    $"{first.GeneratorLoss:F3}",
                    $"{last.GeneratorLoss:F3}",
                    $"{Math.Log(model.Config.VocabularySize):F3}",
                    "",
                ],
                [
                    "generator: masked-token accuracy",
                    $"{first.MaskedAccuracy:0.0%}",
                    $"{last.MaskedAccuracy:0.0%}",
                    $"{1.0 / model.Config.VocabularySize:0.00%}",
                    "",
                ],
                [
                    "discriminator: loss",
                    $"{first.DiscriminatorLoss:F4}",
                    $"{last.DiscriminatorLoss:F4}",
                    $"{Entropy(last.Detection.ReplacedShare):F4}",
                    "",
                ],
                ["discriminator: AUC", $"{first.Detection.Auc:F3}", $"{last.Detection.Auc:F3}", "0.500", $"{last.TokenAuc:F3}"],
                [
                    "discriminator: accuracy",
                    $"{first.Detection.Accuracy:0.0%}",
                    $"{last.Detection.Accuracy:0.0%}",
                    $"{last.Detection.MajorityBaseline:0.0%}",
                    "",
                ],
                [
                    "discriminator: precision",
                    $"{first.Detection.Precision:0.0%}",
                    $"{last.Detection.Precision:0.0%}",
                    $"{last.Detection.ReplacedShare:0.0%}",
                    "",
                ],
                ["discriminator: recall", $"{first.Detection.Recall:0.0%}", $"{last.Detection.Recall:0.0%}", "", ""],
            ]
        );
        console.Line(
            $"By chance: guessing tokens evenly; calling every token original. The token alone: how often each was replaced in training. "
                + $"{last.Detection.ReplacedShare:0.0%} of {last.Detection.Tokens:N0} tokens were replaced."
        );
    }

    /// <summary>Whether the discriminator reads more than the token itself, and what to do where it does not.</summary>
    private static void PrintContext(Run<PretrainConfig> run, PretrainScores last, long? rise)
    {
        if (run.Config.Evaluation is { Generator: not "" } or { Masking: not null })
            run.Console.Line($"Measured with: {run.Config.MeasuredWith}.");
        if (rise is { } since)
            run.Console.Line(
                $"The discriminator uses context: since update {since:N0} its AUC has been {TokenBaseline.Margin} or more above what the "
                    + "token alone tells."
            );
        else if (run.Progress is null) // of many runs it is said once
            run.Console.Warning(
                $"the discriminator has not begun to use context: its AUC is {last.Detection.Auc:F3}, and how often each token was "
                    + $"replaced tells {last.TokenAuc:F3} without reading the text. {OnPlateau}"
            );
    }

    /// <summary>The configuration of tasks that suit a run, as a command has it.</summary>
    public static string[] Tasks(PretrainConfig config) =>
        config.Corpus.Source is [DotnetDocs.Name] ? ["configs/demo-glue.yaml"] : ["configs/glue.yaml", $"group={config.Name}"];

    private static void PrintWhatNext(Run<PretrainConfig> run, string shown)
    {
        var console = run.Console;
        console.Heading("What next");
        var again = Paths.Shown(run.PathOf(Experiment.ConfigFile));
        string[] rate = [$"name={run.Config.Name}-lr", $"training.learning_rate={run.Config.Training.LearningRate / 2:0.####e+0}"];
        console.Line($"  fine-tune it            {ScriptCommand.Of("finetune.csx", [.. Tasks(run.Config), $"checkpoint={shown}"])}");
        console.Line($"  ask it                  {ScriptCommand.Of("try.csx", shown)}");
        console.Line($"  another learning rate   {ScriptCommand.Of(run.Script.File, [again, .. rate])}");
        console.Line($"  elsewhere, as ONNX      {ScriptCommand.Of("export.csx", shown, "to=onnx")}");
        console.Line($"  the losses, drawn       {Paths.Shown(run.PathOf("curves.png"))}");
    }

    /// <summary>The loss of a discriminator that knows only how many tokens are replaced.</summary>
    private static double Entropy(double share) => share is 0 or 1 ? 0 : -(share * Math.Log(share) + (1 - share) * Math.Log(1 - share));
}
