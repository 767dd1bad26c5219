using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>ELECTRA's objective: <see cref="ElectraMethod"/> on a generator and a discriminator, in one step of the optimizer.</summary>
internal static class ElectraObjective
{
    private static readonly HeldOutFigure[] Figures =
    [
        new("loss", "loss", "F3"),
        new("generator_loss", "generator: loss", "F3"),
        new("masked_accuracy", "generator: masked-token accuracy", "0.0%", IsDrawn: true),
        new("discriminator_loss", "discriminator: loss", "F4"),
        new("auc", "discriminator: AUC", "F3", IsDrawn: true),
        new(TokenBaseline.Figure, "AUC of the token alone", "F3", IsDrawn: true),
        new("accuracy", "discriminator: accuracy", "0.0%"),
        new("precision", "discriminator: precision", "0.0%", IsDrawn: true),
        new("recall", "discriminator: recall", "0.0%", IsDrawn: true),
    ];

    /// <summary>The objective of a pair.</summary>
    /// <param name="pair">Generator and discriminator.</param>
    /// <param name="method">The method, as a script may have changed it.</param>
    /// <param name="measurement">What held-out text is made with.</param>
    /// <param name="baseline">Counts what the token alone tells.</param>
    public static Objective Of(ElectraPair pair, ElectraMethod method, EqualWork measurement, TokenBaseline baseline) => new()
    {
        Store = pair.Store,
        Rate = method.Rate,
        LossNames = method.LossNames,
        Update = (k, parts, key) => UpdateStep.One(method.At(k).PassesAhead(pair, parts, key, baseline.Count)),
        State = baseline.State,
        Gather = baseline.Gather,
        Measured = baseline.Halve,
        Figures = Figures,
        Measure = (batches, measurers) =>
        {
            baseline.Gather();
            return Evaluation.Measure(pair, measurement.Method, batches, measurement.Key, baseline.Scores(), measurers);
        },
        Show = (batch, count) => ReplacedTokens.Show(pair, measurement, batch, count),
        Models = () => HuggingFaceFolder.ModelsOf(pair),
        RowFlops = pair.Towers is not null ? length => ForwardCost.TrainingWithTowers(pair.Config, length)
            : method.TrainsGenerator ? null : length => WithoutTheGeneratorsBackwardPass(pair.Config, length),
        IsForwardOnly = parameter => !method.TrainsGenerator && ElectraPair.IsOfGenerator(parameter),
        About = model => model.Folder == HuggingFaceFolder.FolderOf(ModelPart.Generator)
            ? "The generator of an ELECTRA pair: a small masked language model that puts plausible wrong tokens into text. "
                + "The discriminator beside it is the model to fine-tune."
            : "The discriminator of an ELECTRA pair: an encoder that learned to tell which tokens of a text a generator had "
                + "replaced. It is the model to fine-tune.",
    };

    /// <summary>A row where the generator does not learn: half of what its training takes.</summary>
    private static double WithoutTheGeneratorsBackwardPass(ElectraConfig config, int length) =>
        new ForwardCost(config, length).TrainingDetection + (new ForwardCost(config.GeneratorShape, length).TrainingMasked / 2);
}
