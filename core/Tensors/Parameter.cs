using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>How the elements of a parameter begin.</summary>
public enum Initialization
{
    /// <summary>Zero.</summary>
    Zeros,

    /// <summary>One.</summary>
    Ones,

    /// <summary>Normally distributed with the store's standard deviation.</summary>
    Normal,

    /// <summary>The same, drawn again beyond two standard deviations (google-research/electra, <c>create_initializer</c>).</summary>
    TruncatedNormal,

    /// <summary>Uniform in ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010).</summary>
    XavierUniform,
}

/// <summary>What a parameter is to the optimizer and to the precision policy.</summary>
public enum ParameterRole
{
    /// <summary>An embedding table: decays, always read in float32.</summary>
    Embedding,

    /// <summary>The matrix of a linear layer: decays, read in the precision of the activations.</summary>
    Weight,

    /// <summary>The bias of a linear layer: does not decay, read in the precision of the activations.</summary>
    Bias,

    /// <summary>Weights and biases of normalisations and the like: does not decay, always read in float32.</summary>
    Other,
}

/// <summary>One parameter of a <see cref="ParameterStore"/>.</summary>
public sealed class Parameter
{
    internal Parameter(string name, long[] shape, ParameterRole role, Initialization initialization, IReadOnlyList<string>? parts)
    {
        (Name, Shape, Role, Initialization) = (name, shape, role, initialization);
        Parts = parts is null ? [name] : parts;
    }

    /// <summary>The parameter's full name, as Hugging Face's library spells it.</summary>
    public string Name { get; }

    /// <summary>The parameter's shape.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Whether it decays and what precision it is read in.</summary>
    public ParameterRole Role { get; }

    /// <summary>How it begins.</summary>
    public Initialization Initialization { get; }

    /// <summary>Names on disk: one, or several that lie one after the other along the first dimension (query, key, value).</summary>
    public IReadOnlyList<string> Parts { get; }

    /// <summary>What the model computes with: an autograd leaf, in the precision of the activations where the role says so.</summary>
    public Tensor Value
    {
        get
        {
            IsRead |= is_grad_enabled();
            return Leaf;
        }
    }

    /// <summary><see cref="Value"/>, for operations that add its gradient to <see cref="Gradient"/> themselves.</summary>
    internal Tensor Leaf { get; set; } = null!;

    /// <summary>Where the gradient of <see cref="Leaf"/> goes: <see cref="Gradient"/>, or the room of a copy's.</summary>
    internal Tensor LeafGradient { get; set; } = null!;

    /// <summary>Whether anybody has read <see cref="Value"/> while gradients were recorded: then autograd may have one for it.</summary>
    internal bool IsRead { get; private set; }

    /// <summary>The float32 values: a view into <see cref="ParameterStore.Values"/>.</summary>
    public Tensor Master { get; internal set; } = null!;

    /// <summary>The float32 gradient: a view into <see cref="ParameterStore.Gradients"/>.</summary>
    public Tensor Gradient { get; internal set; } = null!;

    /// <summary>
    /// The values of a matrix on the CPU, transposed, in the panels of <see cref="Kernels.PanelProduct{T}"/>, a copy; 0 where they change,
    /// in models that learn, and in formats that have none.
    /// </summary>
    internal nint Panels
    {
        get
        {
            if (Leaf.requires_grad || !PackedMatrix.Takes(Leaf.dtype))
                return 0;
            lock (packing)
                return (packed ??= new PackedMatrix(Leaf)).Panels;
        }
    }

    private readonly Lock packing = new();
    private PackedMatrix? packed;

    /// <summary>Call when the values have changed, or are needed no more.</summary>
    internal void Unpack()
    {
        lock (packing)
        {
            packed?.Dispose();
            packed = null;
        }
    }

    internal long Offset { get; set; }

    internal long Count => Shape.Aggregate(1L, (product, n) => product * n);
}
