namespace Electra.Data.Tasks;

/// <summary>How embeddings are made and learned.</summary>
/// <param name="Loss">What they are learned by.</param>
/// <param name="Pooling">How the states of tokens become one vector.</param>
/// <param name="Scale">What cosines are multiplied by in a softmax: 20 is a temperature of 0.05.</param>
/// <param name="Normalises">Whether vectors are divided by their length.</param>
/// <param name="Dimensions">Beginnings of vectors that are learned as if they were alone, by their length; the whole is too.</param>
internal sealed record EmbeddingSettings(
    TextLoss Loss,
    Pooling Pooling,
    double Scale,
    bool Normalises,
    IReadOnlyList<int> Dimensions
)
{
    /// <summary>Whether training pairs have a score each.</summary>
    public bool LearnsScores => Loss is TextLoss.Cosent or TextLoss.Cosine;

    /// <summary>Whether rows with a text in common are learned in different batches.</summary>
    public bool SeparatesDuplicates { get; init; }
}
