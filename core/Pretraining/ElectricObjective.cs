using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Electric's objective: <see cref="ElectricMethod"/> on a two-tower cloze model and an energy model.</summary>
internal static class ElectricObjective
{
    /// <summary>What <c>config.json</c> says of an energy model.</summary>
    public const string Name = "electric";

    private static readonly HeldOutFigure[] Figures =
    [
        new("loss", "loss", "F3"),
        new("cloze_loss", "cloze model: loss", "F3"),
        new("cloze_accuracy", "cloze model: accuracy", "0.0%", IsDrawn: true),
        new("energy_loss", "energy model: loss", "F4"),
        new("auc", "noise against text: AUC", "F3", IsDrawn: true),
        new("accuracy", "noise against text: accuracy", "0.0%"),
    ];

    /// <summary>The objective of two networks.</summary>
    /// <param name="pair">The networks.</param>
    /// <param name="method">The method, as a script may have changed it.</param>
    /// <param name="measured">The method with what is chosen of held-out text.</param>
    /// <param name="key">Names the draws of held-out text.</param>
    /// <param name="vocabulary">The tokens of the text.</param>
    public static Objective Of(ElectricPair pair, ElectricMethod method, ElectricMethod measured, RandomKey key, Vocabulary vocabulary) =>
        new()
        {
            Store = pair.Store,
            Rate = method.Rate,
            LossNames = ["loss", "cloze_loss", "energy_loss"],
            Update = (_, parts, draws) => UpdateStep.One(method.PassesAhead(pair, parts, draws)),
            Figures = Figures,
            Measure = (batches, measurers) => ElectricScores.Of(pair, measured, batches, key, measurers),
            Show = (batch, count) => Show(pair, measured, batch, key, vocabulary, count),
            RowFlops = length => ForwardCost.TrainingWithTowers(pair.Config, length),
            Models = () => [new("", "ElectraForPreTraining", pair.Config, pair.Weights()) { Objective = Name }],
            About = _ => "The energy model of Electric, in the shape of an ELECTRA discriminator: minus its output is, up to a constant, "
                + "the log-probability of a token in its context. It scores sentences in one pass, and is fine-tuned as a discriminator "
                + "is.",
        };

    private static Showcase Show(
        ElectricPair pair,
        ElectricMethod method,
        TokenBatch batch,
        RandomKey key,
        Vocabulary vocabulary,
        int count
    )
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var tokens = method.Choose(batch, key);
        var pass = method.Forward(pair, tokens, NoiseCounts.Of(tokens), key, training: false);
        var corrupted = pass.CorruptedIds.cpu().data<long>().ToArray();
        var logits = pass.NoiseLogits.cpu().data<float>().ToArray();
        var noise = tokens.Places.Where((_, i) => tokens.IsNoise[i] == 1).ToHashSet();
        var suspected = tokens.Places.Where((_, i) => logits[i] > 0).ToHashSet();
        return new(
            "with the noise that was put in and what was taken for noise",
            ShownText.Of(batch, vocabulary, count, place => (Noise(place), Suspicion(place))),
            "{was → now}: noise, which may hit the token that was there.  !: taken for noise, rightly.  ?: wrongly."
        );

        string Suspicion(int place) => !suspected.Contains(place) ? "" : noise.Contains(place) ? "!" : "?";
        string? Noise(int place) =>
            noise.Contains(place) ? ShownText.Change(vocabulary, batch.Ids[place], corrupted[place]) : null;
    }
}
