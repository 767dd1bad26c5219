namespace Electra.Tokenization;

/// <summary>A token that stands for itself wherever it occurs in a text, and is never cut (Hugging Face's <c>AddedToken</c>).</summary>
/// <param name="Content">The token.</param>
internal sealed record AddedToken(string Content)
{
    /// <summary>Its id; null: that of the same token in the vocabulary, or the next free one.</summary>
    public int? Id { get; init; }

    /// <summary>Whether it is looked for in normalised text, in its own normalised form; else in the text as it was given.</summary>
    public bool Normalized { get; init; }

    /// <summary>Whether it counts only where no letter or digit is beside it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether white space to its left belongs to it, which changes no ids.</summary>
    public bool LStrip { get; init; }

    /// <summary>Whether white space to its right belongs to it, which changes no ids.</summary>
    public bool RStrip { get; init; }

    /// <summary>Whether it is never masked, and left out of decoded text where special tokens are.</summary>
    public bool Special { get; init; }
}

/// <summary>What a vocabulary calls the five tokens that every model needs.</summary>
internal sealed record SpecialTokenNames(
    string Pad = "[PAD]",
    string Unk = "[UNK]",
    string Cls = "[CLS]",
    string Sep = "[SEP]",
    string Mask = "[MASK]"
)
{
    /// <summary>The five, in the order in which a trained vocabulary begins.</summary>
    public IReadOnlyList<string> All => [Pad, Unk, Cls, Sep, Mask];
}
