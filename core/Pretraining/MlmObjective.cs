using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>The objective of masked language modelling: <see cref="MlmMethod"/> on one network, the baseline of every other.</summary>
internal static class MlmObjective
{
    private static readonly HeldOutFigure[] Figures =
    [
        new("loss", "loss", "F3"),
        new("perplexity", "perplexity", "N1"),
        new("masked_accuracy", "masked-token accuracy", "0.0%", IsDrawn: true),
    ];

    /// <summary>The objective of a model.</summary>
    /// <param name="model">The network.</param>
    /// <param name="method">The method, as a script may have changed it.</param>
    /// <param name="measured">The method with what held-out text is masked with.</param>
    /// <param name="key">Names the masks of held-out text.</param>
    /// <param name="vocabulary">The tokens of the text.</param>
    public static Objective Of(MaskedLanguageModel model, MlmMethod method, MlmMethod measured, RandomKey key, Vocabulary vocabulary) =>
        new()
        {
            Store = model.Store,
            Rate = method.Rate,
            LossNames = ["loss"],
            Update = (_, parts, draws) => UpdateStep.One(method.PassesAhead(model, parts, draws)),
            Figures = Figures,
            Measure = (batches, measurers) => MlmScores.Of(model, measured, batches, key, measurers),
            Show = (batch, count) => Show(model, measured, batch, key, vocabulary, count),
            Models = () => [new("", "ElectraForMaskedLM", model.Config, model.Weights())],
            About = _ => "A masked language model in the shape of an ELECTRA discriminator: an encoder that learned to predict masked "
                + "tokens. It fills masks, and it is fine-tuned as a discriminator is.",
        };

    private static Showcase Show(
        MaskedLanguageModel model,
        MlmMethod method,
        TokenBatch batch,
        RandomKey key,
        Vocabulary vocabulary,
        int count
    )
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var pass = method.Forward(model, batch, key);
        var guesses = pass.Masked.Positions.Zip(pass.Logits.argmax(-1).cpu().data<long>().ToArray());
        var predicted = guesses.DistinctBy(guess => guess.First).ToDictionary();
        return new(
            "with what was masked and what the model predicted",
            ShownText.Of(batch, vocabulary, count, place => (Guess(place), "")),
            "{token}: masked, and predicted rightly.  {was → predicted}: masked, and another token predicted."
        );

        string? Guess(int place)
        {
            if (!predicted.TryGetValue(place, out long guess))
                return null;
            long token = batch.Ids[place];
            return guess == token ? $"{{{vocabulary[(int)token]}}}" : ShownText.Change(vocabulary, token, guess);
        }
    }
}
