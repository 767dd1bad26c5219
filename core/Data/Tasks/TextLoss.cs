namespace Electra.Data.Tasks;

/// <summary>What texts that belong together are learned by.</summary>
public enum TextLoss
{
    /// <summary>That of the kind: <c>ranking</c> of embeddings, <c>bce</c> of rerankers.</summary>
    Auto,

    /// <summary>Of embeddings: the cross-entropy of each text's partner among those of the batch, and among its wrong ones.</summary>
    Ranking,

    /// <summary>Of embeddings with scores: of two pairs, that with the higher score has the higher cosine (CoSENT).</summary>
    Cosent,

    /// <summary>Of embeddings with scores: the square of cosine − score.</summary>
    Cosine,

    /// <summary>Of rerankers: the binary cross-entropy of each passage by itself, whose label is between 0 and 1.</summary>
    Bce,

    /// <summary>Of rerankers: of two passages of a query, that with the higher label has the higher score (RankNet).</summary>
    Ranknet,

    /// <summary>Of rerankers: the cross-entropy between the softmax of a query's labels and that of its scores (ListNet).</summary>
    Listnet,

    /// <summary>Of rerankers: the square of the difference between the first passage's lead over each other and that of the labels,
    /// which another model has given (margin-MSE).</summary>
    MarginMse,
}
