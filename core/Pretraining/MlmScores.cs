namespace Electra.Pretraining;

/// <summary>What a masked language model can do on held-out text.</summary>
/// <param name="Loss">Cross-entropy of the masked tokens, in nats.</param>
/// <param name="MaskedAccuracy">The share of masked tokens that the best prediction gets right.</param>
public sealed record MlmScores(double Loss, double MaskedAccuracy) : IHeldOutScores
{
    /// <summary>The exponential of the loss: among how many equally likely tokens the model hesitates; ∞ where it overflows.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Tokens in the vocabulary.</summary>
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
}
