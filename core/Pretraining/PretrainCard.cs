using System.Globalization;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Running;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>The model cards of a run's milestones, filled from the run.</summary>
internal static class PretrainCard
{
    /// <summary>The card of a model.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="data">What it learns from.</param>
    /// <param name="objective">What it was trained for.</param>
    /// <param name="model">The model.</param>
    /// <param name="progress">How far the run is, and which weights these are.</param>
    public static ModelCard Of(Run<PretrainConfig> run, PretrainData data, Objective objective, SavedModel model, PretrainProgress progress)
    {
        var (config, examples, shape) = (run.Config, data.Examples.Summary, model.Config);
        bool predictsTokens = model.Architecture == "ElectraForMaskedLM";
        var log = MetricsLog.Read(run.Folder);

        var name = $"{config.RunName}_{progress.Percent}{(model.Folder == "" ? "" : $", {model.Folder}")}";
        var card = new ModelCard(name).With("library_name", "transformers");
        if (predictsTokens)
            card.With("pipeline_tag", "fill-mask");
        var task = predictsTokens ? "masked-language-modeling"
            : model.Objective == ElectricObjective.Name ? "energy-based-model"
            : "replaced-token-detection";
        return card.Tags("electra", task)
            .Text(objective.About(model))
            .Code(
                "python",
                $"""
                from transformers import {model.Architecture}, ElectraTokenizerFast

                model = {model.Architecture}.from_pretrained(".")  # this folder
                tokenizer = ElectraTokenizerFast.from_pretrained(".")
                """)
            .Section("Model")
            .Table(
                ("parameters", Invariant($"{model.Weights.Sum(weight => weight.Value.numel()):N0}")),
                ("layers", shape.Layers),
                ("hidden size", shape.HiddenSize),
                ("attention heads", shape.AttentionHeads),
                ("intermediate size", shape.IntermediateSize),
                ("embedding size", shape.EmbeddingSize),
                ("vocabulary", Invariant($"{shape.VocabularySize:N0} tokens, {data.Tokenizer.Settings}")),
                ("longest text", $"{shape.MaxPositions} tokens")
            )
            .Section("Data")
            .Table(
                ("corpus", Name(config.Corpus)),
                ("documents", Invariant($"{examples.Documents:N0}, {examples.Characters:N0} characters")),
                (
                    "examples",
                    Invariant(
                        $"{examples.Train.Examples:N0} of up to {config.Examples.MaxLength} tokens; {examples.HeldOut.Examples:N0} held out"
                    )
                )
            )
            .Section("Training")
            .Table(Training(config, objective, progress))
            .Section("Losses")
            .Table(["", "training", "held-out text"], Losses(objective, log, progress.Weights));
    }

    private static (string, object?)[] Training(PretrainConfig config, Objective objective, PretrainProgress progress) =>
    [
        ("objective", KeyName.Of(config.Objective.Kind)),
        ("recipe", config.Recipe == Recipe.Google ? "google-research/electra" : "richarddwang/electra_pytorch"),
        ("initial weights", config.Init == "" ? "random" : config.Init),
        ("of the generator", config.InitGenerator == "" ? null : $"{config.InitGenerator}{(config.TrainGenerator ? "" : ", frozen")}"),
        ("branched from", progress.Branch is { } branch ? Invariant($"{branch.From}, after {branch.Step:N0} updates") : null),
        (
            "updates",
            config.Training.Budget is { } budget
                ? Invariant($"{progress.Step:N0}, {progress.Share:0.#%} of a budget of {budget}")
                : Invariant($"{progress.Step:N0} of {config.Training.Steps:N0}")
        ),
        ("weights", config.Training.Averages.Kept.Any() ? config.Training.Averages.Describe(progress.Weights) : null),
        ("compute", progress.Spent),
        ("phases", config.Training.Phases.Count > 0 ? LengthPhases.Of(config.Training, config.Examples.MaxLength) : null),
        ($"{(config.Examples.Packing == ExamplePacking.None ? "examples" : "packed rows")} in an update", config.Training.BatchSize),
        (
            "learning rate",
            $"{config.Training.LearningRate.ToString("0.####e+0", CultureInfo.InvariantCulture)} at its highest, "
                + $"{config.Training.Warmup} of warmup, {KeyName.Of(config.Training.Schedule)}"
        ),
        ("masked", Invariant($"{config.Objective.Masking.Probability:0.#%} of the tokens{config.Objective.Masking.InUnits}")),
        ("weight of the discriminator's loss", config.Objective.Kind == ObjectiveKind.Mlm ? null : config.Objective.DiscriminatorWeight),
        ("precision", objective.Store.Compute.PrecisionName),
        ("seed", config.Seed),
    ];

    private static IEnumerable<IReadOnlyList<string>> Losses(Objective objective, IReadOnlyList<MetricsRow> log, SavedWeights weights)
    {
        var heldOut = Curves.HeldOut + WeightAverages.Prefix(weights);
        return objective.Figures.Select(
            IReadOnlyList<string> (figure) =>
                [figure.Label, Last(figure.Name, figure.Format), Last(heldOut + figure.Name, figure.Format)]
        );

        string Last(string key, string format) =>
            log.LastOrDefault(row => row.Values.ContainsKey(key)) is { } row
                ? row.Values[key].ToString(format, CultureInfo.InvariantCulture)
                : "";
    }

    private static string Name(CorpusOptions corpus) => corpus.Mix.Count == 0
        ? string.Join(", ", corpus.Source)
        : string.Join(" + ", corpus.Mix.Select(part => part.Weight > 0 ? Invariant($"{part.Weight} × {Name(part)}") : Name(part)));

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
