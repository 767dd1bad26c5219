using System.Text.Json.Serialization;
using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What generator and discriminator can do on held-out text.</summary>
/// <param name="GeneratorLoss">Cross-entropy of the masked tokens, in nats; of two towers, of all that may be masked.</param>
/// <param name="DiscriminatorLoss">Binary cross-entropy of all tokens, in nats.</param>
/// <param name="Loss">The weighted sum that training minimises.</param>
/// <param name="MaskedAccuracy">The share of masked tokens that the generator's best prediction gets right.</param>
/// <param name="Detection">How well replaced tokens are found.</param>
public sealed record PretrainScores(
    double GeneratorLoss,
    double DiscriminatorLoss,
    double Loss,
    double MaskedAccuracy,
    DetectionMetrics Detection
) : IHeldOutScores
{
    /// <summary>
    /// The AUC that the token alone gives, without its context: what a discriminator must rise above. 0.5 where tokens are not counted.
    /// </summary>
    public double TokenAuc { get; init; } = 0.5;

    /// <summary>Tokens in the vocabulary.</summary>
    [JsonInclude]
    internal int VocabularySize { get; init; }

    string IHeldOutScores.Line =>
        $"masked-token accuracy {MaskedAccuracy:0.0%}, replaced-token AUC {Detection.Auc:F3} (the token alone: {TokenAuc:F3}), "
        + $"loss {Loss:F3}";

    string IHeldOutScores.Remark =>
        "By chance: guessing tokens evenly; calling every token original. The token alone: how often each was replaced in training. "
        + $"{Detection.ReplacedShare:0.0%} of {Detection.Tokens:N0} tokens were replaced.";

    IReadOnlyDictionary<string, string> IHeldOutScores.ByChance => new Dictionary<string, string>
    {
        ["generator_loss"] = $"{Math.Log(VocabularySize):F3}",
        ["masked_accuracy"] = $"{1.0 / VocabularySize:0.00%}",
        ["discriminator_loss"] = $"{Entropy(Detection.ReplacedShare):F4}",
        ["auc"] = "0.500",
        ["accuracy"] = $"{Detection.MajorityBaseline:0.0%}",
        ["precision"] = $"{Detection.ReplacedShare:0.0%}",
    };

    IReadOnlyList<(string Name, double Value)> IHeldOutScores.Figures =>
    [
        ("loss", Loss),
        ("generator_loss", GeneratorLoss),
        ("discriminator_loss", DiscriminatorLoss),
        ("masked_accuracy", MaskedAccuracy),
        ("accuracy", Detection.Accuracy),
        ("precision", Detection.Precision),
        ("recall", Detection.Recall),
        ("auc", Detection.Auc),
        (TokenBaseline.Figure, TokenAuc),
    ];

    /// <summary>The loss of a discriminator that knows only how many tokens are replaced.</summary>
    private static double Entropy(double share) => share is 0 or 1 ? 0 : -(share * Math.Log(share) + (1 - share) * Math.Log(1 - share));
}

/// <summary>Measures a pair on held-out text, without dropout and always with the same masks and draws.</summary>
public static class Evaluation
{
    /// <summary>Measures <paramref name="model"/> on <paramref name="batches"/>.</summary>
    /// <param name="model">Generator and discriminator.</param>
    /// <param name="method">The method, whose masking and losses are used.</param>
    /// <param name="batches">Held-out text.</param>
    /// <param name="key">Names the masks and draws: the same key at every measurement makes them comparable.</param>
    /// <param name="cancellation">Stops measuring.</param>
    /// <exception cref="UserErrorException">An output of the discriminator is not finite: training has diverged.</exception>
    public static PretrainScores Measure(ElectraPair model, ElectraMethod method, IEnumerable<TokenBatch> batches, RandomKey key,
        CancellationToken cancellation = default) => Measure(model, method, batches, key, tokenScores: null, Measurers.Alone(cancellation));

    /// <summary>The same, with what each token alone tells (<see cref="TokenBaseline.Scores"/>; null: nothing).</summary>
    internal static PretrainScores Measure(
        ElectraPair model,
        ElectraMethod method,
        IEnumerable<TokenBatch> batches,
        RandomKey key,
        double[]? tokenScores,
        Measurers measurers
    )
    {
        using var _ = no_grad();
        double generatorLoss = 0, discriminatorLoss = 0, masked = 0, predicted = 0, correct = 0, tokens = 0;
        var (logits, replaced, ids) = (new List<float>(), new List<bool>(), new List<long>());
        foreach (var batch in measurers.Share(batches))
        {
            using var scope = NewDisposeScope();
            var pass = method.Forward(model, batch, key, training: false);
            int positions = pass.Masked.Positions.Length;
            if (positions > 0)
                correct += pass.GeneratorLogits.argmax(-1).eq(pass.Targets).sum().item<long>();
            // Means over batches of different sizes are weighed by what they are means of.
            generatorLoss += pass.GeneratorLoss.item<float>() * pass.Predicted;
            discriminatorLoss += pass.DiscriminatorLoss.item<float>() * pass.Batch.TokenCount;
            (masked, predicted, tokens) = (masked + positions, predicted + pass.Predicted, tokens + pass.Batch.TokenCount);
            logits.AddRange(pass.DiscriminatorLogits.cpu().data<float>());
            replaced.AddRange(pass.Replaced.cpu().data<bool>());
            ids.AddRange(pass.JudgedIds.cpu().data<long>());
        }
        var ranks = measurers.Ranks;
        var (allLogits, allReplaced, allIds) = (ranks.Concatenated(logits), ranks.Concatenated(replaced), ranks.Concatenated(ids));
        int notFinite = allLogits.Count(logit => !float.IsFinite(logit));
        if (notFinite > 0)
            throw Diverged($"{notFinite:N0} of {allLogits.Count:N0} outputs on held-out text are not finite");
        if (ranks.Sum(generatorLoss, discriminatorLoss, masked, predicted, correct, tokens) is [var a, var b, var c, var d, var e, var f])
            (generatorLoss, discriminatorLoss, masked, predicted, correct, tokens) = (a, b, c, d, e, f);
        (generatorLoss, discriminatorLoss) = (generatorLoss / Math.Max(1, predicted), discriminatorLoss / Math.Max(1, tokens));
        using Tensor generator = tensor(generatorLoss),
            discriminator = tensor(discriminatorLoss),
            loss = method.Weigh(generator, discriminator);
        return new PretrainScores(
            generatorLoss,
            discriminatorLoss,
            loss.to(float64).item<double>(),
            correct / Math.Max(1, masked),
            DetectionMetrics.Of([.. allLogits], [.. allReplaced])
        )
        {
            VocabularySize = model.Config.VocabularySize,
            TokenAuc = tokenScores is null ? 0.5 : TokenBaseline.Auc(tokenScores, [.. allIds], [.. allReplaced]),
        };
    }

    /// <summary>What is said where training has diverged.</summary>
    /// <param name="how">How that shows.</param>
    internal static UserErrorException Diverged(string how) =>
        new($"training diverged: {how}. A lower training.learning_rate or a longer training.warmup_steps usually helps.");
}
