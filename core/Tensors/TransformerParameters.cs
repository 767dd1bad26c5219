
namespace Electra.Tensors;

/// <summary>The parameters and settings of a transformer layer, for kernels that compute it as a whole.</summary>
internal sealed record TransformerParameters
{
    public required (Parameter Weight, Parameter Bias) QueryKeyValue { get; init; }

    public required (Parameter Weight, Parameter Bias) AttentionOutput { get; init; }

    public required (Parameter Weight, Parameter Bias) AttentionNorm { get; init; }

    public required (Parameter Weight, Parameter Bias) Intermediate { get; init; }

    public required (Parameter Weight, Parameter Bias) Output { get; init; }

    public required (Parameter Weight, Parameter Bias) OutputNorm { get; init; }

    /// <summary>All of them.</summary>
    public IReadOnlyList<Parameter> All =>
        [
            .. new[] { QueryKeyValue, AttentionOutput, AttentionNorm, Intermediate, Output, OutputNorm }.SelectMany(part =>
                new[] { part.Weight, part.Bias }
            ),
        ];

    public required double Epsilon { get; init; }

    public required double AttentionDropout { get; init; }

    public required double HiddenDropout { get; init; }
}

/// <summary>What attention goes over.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Length">Positions of each, padding included.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="HeadSize">Width of a head.</param>
/// <param name="Blocks">Tokens of each part of each sequence that attends to itself alone, one after the other; null: each sequence is
/// one, and none is padded.</param>
internal readonly record struct AttentionSizes(int Batch, int Length, int Heads, int HeadSize, IReadOnlyList<int[]>? Blocks);
