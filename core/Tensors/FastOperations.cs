using Electra.Native;
using Electra.Tensors.Kernels;
using TorchSharp;
using static Electra.Native.NativeTensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tensors;

/// <summary>
/// The operations that a transformer layer spends its time on, each in two ways that agree to rounding: composed of libtorch's
/// operators, or, on a CPU, by kernels that pass over memory once: in float32 with AVX-512 or AVX2, in bfloat16 with AVX-512.
/// </summary>
internal static class FastOperations
{
    private static readonly bool Wanted = !EnvironmentSwitch.IsSet(EnvironmentSwitch.PlainKernels);

    [ThreadStatic]
    private static bool plain;

    /// <summary>On this thread, everything is computed with libtorch's operators: what tests compare with.</summary>
    internal static bool PlainOnly
    {
        get => plain;
        set => plain = value;
    }

    /// <summary>Whether the kernels take these activations.</summary>
    private static bool Takes(Tensor x, long width) =>
        width % (2 * Lane.Width) == 0 && x.device_type == DeviceType.CPU && Wanted && !plain && x.dtype switch
        {
            ScalarType.Float32 => Float32Format.Supported,
            ScalarType.BFloat16 => BFloat16Format.Supported,
            _ => false,
        };

    private static bool IsFloat32(Tensor x) => x.dtype == ScalarType.Float32;

    /// <summary><c>x Wᵀ + b</c>: <c>[rows, inputs]</c> to <c>[rows, outputs]</c>.</summary>
    public static Tensor Linear(Tensor x, Parameter weight, Parameter bias, int threads) =>
        Takes(x, weight.Shape[0]) && x.dim() == 2 && weight.Leaf.requires_grad && is_grad_enabled()
            ? CustomOperation.Apply(
                IsFloat32(x)
                    ? new LinearOperation<Float32Format>(weight, bias, threads)
                    : new LinearOperation<BFloat16Format>(weight, bias, threads),
                x,
                weight.Leaf
            )
            : linear(x, weight.Value, bias.Value);

    /// <summary>GELU, by the error function.</summary>
    public static Tensor Gelu(Tensor x, int threads) =>
        Takes(x, x.shape[^1])
            ? CustomOperation.Apply(
                IsFloat32(x) ? new GeluOperation<Float32Format>(threads) : new GeluOperation<BFloat16Format>(threads),
                x
            )
            : gelu(x);

    /// <summary>
    /// A transformer layer as a whole: <c>[batch · length, hidden]</c> to the same; null where the kernels do not take it. What padding
    /// attends to is left at zero.
    /// </summary>
    public static Tensor? TransformerLayer(Tensor x, TransformerParameters parameters, AttentionSizes sizes, Dropout dropout, int threads)
    {
        bool takes = Takes(x, sizes.HeadSize) && Takes(x, x.shape[^1]) && Takes(x, parameters.Intermediate.Weight.Shape[0])
            && (!is_grad_enabled() || !x.requires_grad || parameters.Output.Weight.Gradient is not null);
        if (!takes)
            return null;
        var attention = new AttentionKernel.Shape(
            sizes.Batch,
            sizes.Length,
            sizes.Heads,
            sizes.HeadSize,
            sizes.Blocks,
            dropout.NextMask(parameters.AttentionDropout, sizes.Heads)
        );
        var shape = new TransformerLayerKernel.Shape(
            attention,
            (int)parameters.Intermediate.Weight.Shape[0],
            (float)parameters.Epsilon,
            dropout.NextMask(parameters.HiddenDropout, sizes.Length),
            dropout.NextMask(parameters.HiddenDropout, sizes.Length),
            threads
        );
        return CustomOperation.Apply(
            IsFloat32(x)
                ? new TransformerLayerOperation<Float32Format>(shape, parameters)
                : new TransformerLayerOperation<BFloat16Format>(shape, parameters),
            x,
            // Any that learns: autograd then asks for the gradients of all, which are added where they are summed.
            (parameters.All.FirstOrDefault(parameter => parameter.Leaf.requires_grad) ?? parameters.Output.Weight).Leaf
        );
    }

    /// <summary>
    /// The logits of an output layer that is tied to word embeddings: <c>x Wᵀ + b</c>, <c>[rows, width]</c> to <c>[rows, tokens]</c>
    /// float32; the parameters are float32.
    /// </summary>
    public static Tensor Logits(Tensor x, Parameter words, Parameter bias, int threads) =>
        LogitsKernel(x, words, bias, threads) is { } kernel
            ? CustomOperation.Apply(kernel, x, words.Leaf, bias.Leaf)
            : linear(x, words.Value, bias.Value);

    /// <summary>What computes <see cref="Logits"/>; null where libtorch does, in float32.</summary>
    internal static ICustomOperation? LogitsKernel(Tensor x, Parameter words, Parameter bias, int threads)
    {
        if (!Takes(x, x.shape[^1]) || x.dim() != 2)
            return IsFloat32(x) ? null : new RoundedLogitsOperation(words, bias);
        var shape = new VocabularyKernel.Shape((int)x.shape[0], (int)words.Shape[1], (int)words.Shape[0], threads);
        return IsFloat32(x)
            ? new LogitsOperation<Float32Format>(words, bias, shape)
            : new LogitsOperation<BFloat16Format>(words, bias, shape);
    }

    /// <summary>
    /// The log-probability of one token for each row by an output layer that is tied to word embeddings: <c>[rows, width]</c> and token
    /// ids <c>[rows]</c> to <c>[rows]</c> float32. The logits of all rows are never in memory together.
    /// </summary>
    public static Tensor LogProbabilities(Tensor x, Tensor tokens, Parameter words, Parameter bias, int threads) =>
        CustomOperation.Apply(new LogProbabilityOperation(words, bias, threads), x, tokens, words.Leaf, bias.Leaf);

    /// <summary>The mean cross-entropy of logits <c>[rows, classes]</c> float32 and classes <c>[rows]</c>.</summary>
    /// <remarks>On CUDA, targets of −100 are passed over.</remarks>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, double smoothing, Compute compute) =>
        IsFloat32(logits) && !compute.IsCuda && Lane.Supported && Wanted && !plain
            ? CustomOperation.Apply(
                new CrossEntropyOperation(new((int)logits.shape[0], (int)logits.shape[1], (float)smoothing, compute.Threads)),
                logits,
                targets
            )
            : cross_entropy(logits, targets, label_smoothing: smoothing);

    /// <summary>
    /// Rows of an embedding table: <c>[…]</c> int64 to <c>[…, width]</c> float32. The row <paramref name="paddingIndex"/> gets no gradient.
    /// </summary>
    /// <remarks>libtorch's gradient is as large as the table, though a batch reads few of its rows; on the CPU these are added where
    /// they lie.</remarks>
    public static Tensor Embedding(Parameter table, Tensor ids, int paddingIndex) =>
        ids.device_type == DeviceType.CPU && table.Leaf.requires_grad && is_grad_enabled() && !plain
            ? CustomOperation.Apply(new EmbeddingOperation(table, paddingIndex), ids, table.Leaf)
            : TensorFunctions.Embedding(table.Value, ids, paddingIndex);

    /// <summary>The Euclidean norm of all elements, a scalar tensor on their device.</summary>
    public static unsafe Tensor Norm(Tensor x, int threads) =>
        x.device_type == DeviceType.CPU && x.dtype == ScalarType.Float32 && x.is_contiguous()
            ? tensor((float)Math.Sqrt(SquareSum.Of(Float32(x), x.numel(), threads)))
            : linalg.vector_norm(x);
}
