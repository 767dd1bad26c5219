using System.Text.Json.Serialization;
using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What Electric's two networks can do on held-out text.</summary>
/// <param name="Loss">The weighted sum that training minimises.</param>
/// <param name="ClozeLoss">Cross-entropy of the cloze model's predictions, in nats for each token that may be noise.</param>
/// <param name="ClozeAccuracy">The share of chosen tokens that its best prediction gets right.</param>
/// <param name="EnergyLoss">Binary cross-entropy of telling noise from text, in nats.</param>
/// <param name="Detection">How well noise is told from text; a sample that hits the token that was there is noise too.</param>
public sealed record ElectricScores(
    double Loss,
    double ClozeLoss,
    double ClozeAccuracy,
    double EnergyLoss,
    DetectionMetrics Detection
) : IHeldOutScores
{
    /// <summary>Tokens in the vocabulary.</summary>
    [JsonInclude]
    internal int VocabularySize { get; init; }

    string IHeldOutScores.Line =>
        $"cloze accuracy {ClozeAccuracy:0.0%}, noise against text: AUC {Detection.Auc:F3}, loss {EnergyLoss:F4}";

    string IHeldOutScores.Remark =>
        "By chance: guessing tokens evenly; knowing only how much is noise. The better the cloze model, the harder its noise is to tell.";

    IReadOnlyList<(string Name, double Value)> IHeldOutScores.Figures =>
    [
        ("loss", Loss),
        ("cloze_loss", ClozeLoss),
        ("cloze_accuracy", ClozeAccuracy),
        ("energy_loss", EnergyLoss),
        ("auc", Detection.Auc),
        ("accuracy", Detection.Accuracy),
    ];

    IReadOnlyDictionary<string, string> IHeldOutScores.ByChance => new Dictionary<string, string>
    {
        ["cloze_loss"] = $"{Math.Log(VocabularySize):F3}",
        ["cloze_accuracy"] = $"{1.0 / VocabularySize:0.00%}",
        ["energy_loss"] = $"{Entropy(Detection.ReplacedShare):F4}",
        ["auc"] = "0.500",
        ["accuracy"] = $"{Detection.MajorityBaseline:0.0%}",
    };

    private static double Entropy(double share) => share is 0 or 1 ? 0 : -(share * Math.Log(share) + (1 - share) * Math.Log(1 - share));

    /// <summary>Measures both networks, without dropout and always with the same draws.</summary>
    /// <param name="pair">The networks.</param>
    /// <param name="method">The method, whose choice of tokens and losses are used.</param>
    /// <param name="batches">Held-out text.</param>
    /// <param name="key">Names the draws.</param>
    /// <param name="measurers">The processes that measure it.</param>
    /// <exception cref="UserErrorException">A loss is not finite: training has diverged.</exception>
    internal static ElectricScores Of(
        ElectricPair pair,
        ElectricMethod method,
        IEnumerable<TokenBatch> batches,
        RandomKey key,
        Measurers measurers
    )
    {
        using var _ = no_grad();
        var (cloze, energy, counts, correct, chosen) = (0.0, 0.0, new NoiseCounts(), 0.0, 0.0);
        var (logits, noise) = (new List<float>(), new List<bool>());
        foreach (var batch in measurers.Share(batches))
        {
            using var scope = NewDisposeScope();
            var tokens = method.Choose(batch, key);
            var own = NoiseCounts.Of(tokens);
            var pass = method.Forward(pair, tokens, own, key, training: false);
            if (tokens.Written.Length > 0)
                correct += pass.Logits.argmax(-1).eq(pass.Targets).sum().item<long>();
            chosen += tokens.Written.Length;
            // Means over batches of different sizes are weighed by what they are means of.
            cloze += pass.ClozeLoss.item<float>() * own.Candidates;
            energy += pass.EnergyLoss.item<float>() * own.Judged;
            counts = new(counts.Candidates + own.Candidates, counts.Judged + own.Judged);
            foreach (var (i, logit) in pass.NoiseLogits.cpu().data<float>().ToArray().Index())
                if (tokens.IsJudged[i] == 1)
                {
                    logits.Add(logit);
                    noise.Add(tokens.IsNoise[i] == 1);
                }
        }
        var ranks = measurers.Ranks;
        if (ranks.Sum(cloze, energy, counts.Candidates, counts.Judged, correct, chosen) is [var a, var b, var c, var d, var e, var f])
            (cloze, energy, counts, correct, chosen) = (a, b, new(c, d), e, f);
        (cloze, energy) = (cloze / Math.Max(1, counts.Candidates), energy / Math.Max(1, counts.Judged));
        if (!double.IsFinite(cloze + energy))
            throw Evaluation.Diverged("the loss on held-out text is not finite");
        using Tensor clozeLoss = tensor(cloze), energyLoss = tensor(energy), loss = method.Weigh(clozeLoss, energyLoss);
        return new ElectricScores(
            loss.to(float64).item<double>(),
            cloze,
            correct / Math.Max(1, chosen),
            energy,
            DetectionMetrics.Of([.. ranks.Concatenated(logits)], [.. ranks.Concatenated(noise)])
        )
        {
            VocabularySize = pair.Config.VocabularySize,
        };
    }
}
