using System.Text.Json.Serialization;
using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What a masked language model can do on held-out text.</summary>
/// <param name="Loss">Cross-entropy of the masked tokens, in nats.</param>
/// <param name="MaskedAccuracy">The share of masked tokens that the best prediction gets right.</param>
public sealed record MlmScores(double Loss, double MaskedAccuracy) : IHeldOutScores
{
    /// <summary>The exponential of the loss: among how many equally likely tokens the model hesitates; ∞ where it overflows.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Tokens in the vocabulary.</summary>
    [JsonInclude]
    internal int VocabularySize { get; init; }

    string IHeldOutScores.Line => $"masked-token accuracy {MaskedAccuracy:0.0%}, perplexity {Perplexity:N1}, loss {Loss:F3}";

    string IHeldOutScores.Remark => "By chance: guessing tokens evenly.";

    IReadOnlyList<(string Name, double Value)> IHeldOutScores.Figures =>
        [("loss", Loss), ("perplexity", Perplexity), ("masked_accuracy", MaskedAccuracy)];

    IReadOnlyDictionary<string, string> IHeldOutScores.ByChance => new Dictionary<string, string>
    {
        ["loss"] = $"{Math.Log(VocabularySize):F3}",
        ["perplexity"] = $"{VocabularySize:N1}",
        ["masked_accuracy"] = $"{1.0 / VocabularySize:0.00%}",
    };

    /// <summary>Measures a model, without dropout and always with the same masks.</summary>
    /// <param name="model">The network.</param>
    /// <param name="method">The method, whose masks and loss are used.</param>
    /// <param name="batches">Held-out text.</param>
    /// <param name="key">Names the masks.</param>
    /// <param name="measurers">The processes that measure it.</param>
    /// <exception cref="UserErrorException">The loss is not finite: training has diverged.</exception>
    internal static MlmScores Of(
        MaskedLanguageModel model,
        MlmMethod method,
        IEnumerable<TokenBatch> batches,
        RandomKey key,
        Measurers measurers
    )
    {
        using var _ = no_grad();
        var (loss, masked, correct) = (0.0, 0.0, 0.0);
        foreach (var batch in measurers.Share(batches))
        {
            using var scope = NewDisposeScope();
            var pass = method.Forward(model, batch, key);
            int positions = pass.Masked.Positions.Length;
            if (positions > 0)
                correct += pass.Logits.argmax(-1).eq(pass.Targets).sum().item<long>();
            (loss, masked) = (loss + (pass.Loss.item<float>() * positions), masked + positions);
        }
        if (measurers.Ranks.Sum(loss, masked, correct) is [var a, var b, var c])
            (loss, masked, correct) = (a, b, c);
        if (!double.IsFinite(loss))
            throw Evaluation.Diverged("the loss on held-out text is not finite");
        return new MlmScores(loss / Math.Max(1, masked), correct / Math.Max(1, masked))
        {
            VocabularySize = model.Config.VocabularySize,
        };
    }
}
