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
}
