
using Electra.Data.Corpora;
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
        Objective objective,
        IReadOnlyDictionary<string, double> first,
        IHeldOutScores last,
        long? rise,
        PretrainProgress progress
    )
    {
        var console = run.Console;
        console.Heading("What it learned, on held-out text");
        PrintScores(run, objective, first, last, progress.Step);
        if (run.Config.Evaluation is { Generator: not "" } or { Masking: not null })
            console.Line($"Measured with: {run.Config.MeasuredWith}.");
        PrintContext(run, last.Figures.ToDictionary(), rise);
        console.Line($"Training took {progress.Spent}.");

        var showcase = objective.Show(data.HeldOutBatches(run.Config).First(), ShownExamples);
        console.Heading($"Three sentences, {showcase.Heading}");
        foreach (var sentence in showcase.Sentences)
            console.Line($"  {sentence}\n");
        console.Line($"  {showcase.Legend}");

        console.Heading("Where it is");
        var final = PretrainCheckpoints.ModelFolder(run.Config, "100");
        var models = objective.Models();
        console.Table([
            .. models.Select(model => (
                model.Folder == "" ? "model" : model.Folder,
                (object?)Paths.Shown(Path.Combine(final, model.Folder).TrimEnd(Path.DirectorySeparatorChar))
            )),
            ("configuration, metrics, curves", Paths.Shown(run.Folder)),
        ]);
        console.Line(
            $"{(models.Count == 2 ? "Both models load in Hugging Face's library by these paths" : "It loads in Hugging Face's library")}: "
                + $"{string.Join(" and ", models.Select(model => model.Architecture))}."
        );

        PrintWhatNext(run, Paths.Shown(final));
    }

    private static void PrintScores(
        Run<PretrainConfig> run,
        Objective objective,
        IReadOnlyDictionary<string, double> first,
        IHeldOutScores last,
        long steps
    )
    {
        var (console, figures) = (run.Console, last.Figures.ToDictionary());
        bool hasBaseline = figures.TryGetValue(TokenBaseline.Figure, out double tokenAlone);
        string[] baseline = hasBaseline ? ["the token alone"] : [];
        console.Table(
            ["", "step 0", $"step {steps:N0}", "by chance", .. baseline],
            from figure in objective.Figures
            where figure.Name != TokenBaseline.Figure
            let alone = hasBaseline && figure.Name == "auc" ? tokenAlone.ToString(figure.Format) : ""
            let cells = new object?[]
            {
                figure.Label,
                first.TryGetValue(figure.Name, out double atFirst) ? atFirst.ToString(figure.Format) : "",
                figures[figure.Name].ToString(figure.Format),
                last.ByChance.GetValueOrDefault(figure.Name, ""),
                alone,
            }
            select cells[..(4 + baseline.Length)]
        );
        console.Line(last.Remark);
    }

    /// <summary>Whether the discriminator reads more than the token itself, and what to do where it does not.</summary>
    private static void PrintContext(Run<PretrainConfig> run, Dictionary<string, double> last, long? rise)
    {
        if (!last.TryGetValue(TokenBaseline.Figure, out double tokenAlone))
            return;
        if (rise is { } since)
            run.Console.Line(
                $"The discriminator uses context: since update {since:N0} its AUC has been {TokenBaseline.Margin} or more above what the "
                    + "token alone tells."
            );
        else if (run.Progress is null) // of many runs it is said once
            run.Console.Warning(
                $"the discriminator has not begun to use context: its AUC is {last["auc"]:F3}, and how often each token was "
                    + $"replaced tells {tokenAlone:F3} without reading the text. {OnPlateau}"
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
        string[] score = ["configs/score.yaml", $"checkpoint={shown}", "predict.score=energy", "predict.input=-"];
        console.Line(
            run.Config.Objective.Kind == ObjectiveKind.Electric
                ? $"  score sentences with it {ScriptCommand.Of("predict.csx", score)}"
                : $"  ask it                  {ScriptCommand.Of("try.csx", shown)}"
        );
        console.Line($"  another learning rate   {ScriptCommand.Of(run.Script.File, [again, .. rate])}");
        console.Line($"  elsewhere, as ONNX      {ScriptCommand.Of("export.csx", shown, "to=onnx")}");
        console.Line($"  the losses, drawn       {Paths.Shown(run.PathOf("curves.png"))}");
    }
}
