using System.Globalization;
using System.Text.Json;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Corpora;
using Electra.Model;
using Electra.Running;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>The model cards of a run's milestones, filled from the run.</summary>
internal static class PretrainCard
{
    /// <summary>The card of one of the two models.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="data">What it learns from.</param>
    /// <param name="model">The pair.</param>
    /// <param name="part">Which of the two.</param>
    /// <param name="percent">The milestone, as it stands in the folder's name.</param>
    public static ModelCard Of(Run<PretrainConfig> run, PretrainData data, ElectraPair model, ModelPart part, string percent)
    {
        var (config, examples, isGenerator) = (run.Config, data.Examples.Summary, part == ModelPart.Generator);
        var (shape, weights) = isGenerator
            ? (model.Config.Generator, model.GeneratorWeights())
            : (model.Config.Discriminator, model.DiscriminatorWeights());
        var architecture = isGenerator ? "ElectraForMaskedLM" : "ElectraForPreTraining";
        var log = MetricsLog.Read(run.Folder);
        long step = log.Count > 0 ? log[^1].Step : 0;

        var card = new ModelCard($"{config.RunName}_{percent}, {part.ToString().ToLowerInvariant()}").With("library_name", "transformers");
        if (isGenerator)
            card.With("pipeline_tag", "fill-mask");
        return card.Tags("electra", isGenerator ? "masked-language-modeling" : "replaced-token-detection")
            .Text(
                isGenerator
                    ? "The generator of an ELECTRA pair: a small masked language model that puts plausible wrong tokens into text. "
                        + "The discriminator beside it is the model to fine-tune."
                    : "The discriminator of an ELECTRA pair: an encoder that learned to tell which tokens of a text a generator had "
                        + "replaced. It is the model to fine-tune."
            )
            .Code(
                "python",
                $"""
                from transformers import {architecture}, ElectraTokenizerFast

                model = {architecture}.from_pretrained(".")  # this folder
                tokenizer = ElectraTokenizerFast.from_pretrained(".")
                """)
            .Section("Model")
            .Table(
                ("parameters", Invariant($"{weights.Sum(weight => weight.Value.numel()):N0}")),
                ("layers", model.Config.Layers),
                ("hidden size", shape.HiddenSize),
                ("attention heads", shape.AttentionHeads),
                ("intermediate size", shape.IntermediateSize),
                ("embedding size", model.Config.EmbeddingSize),
                ("vocabulary", Invariant($"{model.Config.VocabularySize:N0} tokens, {data.Tokenizer.Settings}")),
                ("longest text", $"{model.Config.MaxPositions} tokens")
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
            .Table(Training(config, model, step))
            .Section("Losses")
            .Table(["", "training", "held-out text"], Losses(log));
    }

    private static (string, object?)[] Training(PretrainConfig config, ElectraPair model, long step) =>
    [
        ("recipe", config.Recipe == Recipe.Google ? "google-research/electra" : "richarddwang/electra_pytorch"),
        ("initial weights", config.Init == "" ? "random" : config.Init),
        ("of the generator", config.InitGenerator == "" ? null : config.InitGenerator),
        ("updates", Invariant($"{step:N0} of {config.Training.Steps:N0}")),
        ("examples in an update", config.Training.BatchSize),
        (
            "learning rate",
            $"{config.Training.LearningRate.ToString("0.####e+0", CultureInfo.InvariantCulture)} at its highest, "
                + $"{Invariant($"{config.Training.WarmupSteps:N0}")} updates of warmup, {Key(config.Training.Schedule)}"
        ),
        ("masked", Invariant($"{config.Objective.Masking.Probability:0.#%} of the tokens{config.Objective.Masking.InUnits}")),
        ("weight of the discriminator's loss", config.Objective.DiscriminatorWeight),
        ("precision", model.Store.Compute.Precision.ToString().ToLowerInvariant()),
        ("seed", config.Seed),
    ];

    private static IEnumerable<IReadOnlyList<string>> Losses(IReadOnlyList<MetricsRow> log)
    {
        (string Name, string Key, string Format)[] numbers =
        [
            ("loss", "loss", "F3"),
            ("generator: loss", "generator_loss", "F3"),
            ("generator: masked-token accuracy", "masked_accuracy", "0.0%"),
            ("discriminator: loss", "discriminator_loss", "F4"),
            ("discriminator: AUC", "auc", "F3"),
            ("AUC of the token alone", "token_auc", "F3"),
            ("discriminator: accuracy", "accuracy", "0.0%"),
            ("discriminator: precision", "precision", "0.0%"),
            ("discriminator: recall", "recall", "0.0%"),
        ];
        return numbers.Select(
            IReadOnlyList<string> (number) =>
                [number.Name, Last(number.Key, number.Format), Last(Curves.HeldOut + number.Key, number.Format)]
        );

        string Last(string key, string format) =>
            log.LastOrDefault(row => row.Values.ContainsKey(key)) is { } row
                ? row.Values[key].ToString(format, CultureInfo.InvariantCulture)
                : "";
    }

    private static string Name(CorpusOptions corpus) => corpus.Mix.Count == 0
        ? string.Join(", ", corpus.Source)
        : string.Join(" + ", corpus.Mix.Select(part => part.Weight > 0 ? Invariant($"{part.Weight} × {Name(part)}") : Name(part)));

    /// <summary>A choice as a configuration spells it.</summary>
    private static string Key(Enum choice) => JsonNamingPolicy.SnakeCaseLower.ConvertName(choice.ToString());

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
