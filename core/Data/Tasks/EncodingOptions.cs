using System.ComponentModel.DataAnnotations;

namespace Electra.Data.Tasks;

/// <summary>How the rows of a task become token ids.</summary>
public sealed record EncodingOptions
{
    /// <summary>Tokens of a row, [CLS] and [SEP] included; longer rows lose the ends of their longer text.</summary>
    [Range(8, 1 << 16)]
    public int MaxLength { get; init; } = 128;

    /// <summary>
    /// Tokens that two windows of a row share, where a task labels words and a row is longer than <c>max_length</c>: each word is read
    /// where it has the most text around it. Half a window where it has no more tokens than these.
    /// </summary>
    [Range(0, 1 << 15)]
    public int Overlap { get; init; } = 32;

    /// <summary>Whether the training rows of tasks whose texts have no order are shown with the two swapped too.</summary>
    public bool DoubleUnordered { get; init; } = true;

    /// <summary>
    /// Whether these are swapped before they are truncated, as in Google's code, and not after, as in electra_pytorch. It makes a
    /// difference to rows that are too long.
    /// </summary>
    public bool SwapBeforeTruncation { get; init; }

    /// <summary>
    /// Whether of two texts that are cut to one length the longer keeps the odd token, and the second where they were as long, as in
    /// Hugging Face's tokenizers; else the first keeps it, as in electra_pytorch.
    /// </summary>
    internal bool CutsAsFastTokenizers { get; init; }
}
