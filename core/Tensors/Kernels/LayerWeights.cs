namespace Electra.Tensors.Kernels;

/// <summary>Some rows of a matrix.</summary>
internal readonly record struct RowRange(int First, int Count);

/// <summary>A linear layer: weight <c>[outputs, inputs]</c>, bias <c>[outputs]</c>.</summary>
/// <typeparam name="T">The weight's format.</typeparam>
internal readonly unsafe struct LinearWeights<T>(T* weight, float* bias, T* panels) where T : unmanaged
{
    public readonly T* Weight = weight;
    public readonly float* Bias = bias;

    /// <summary>The panels of what x is multiplied with: of the weight transposed, or on the way back of the weight. Null: not laid out
    /// so.</summary>
    public readonly T* Panels = panels;
}

/// <summary>The gradients of a linear layer.</summary>
internal readonly unsafe struct LinearGradients(float* weight, float* bias)
{
    public readonly float* Weight = weight, Bias = bias;
}

/// <summary>A layer normalisation, or the gradients of one.</summary>
internal readonly unsafe struct LayerNormWeights(float* weight, float* bias)
{
    public readonly float* Weight = weight, Bias = bias;
}
