using Electra.Native;
using Electra.Tensors.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tensors;

/// <summary>
/// The operations that a transformer layer spends its time on, each in two ways that agree to rounding: composed of libtorch's
/// operators, or, in bfloat16 on a CPU with AVX-512, by kernels that pass over memory once.
/// </summary>
internal static class FastOperations
{
    /// <summary>Set to <c>plain</c> to compute everything with libtorch's operators.</summary>
    public const string Variable = "ELECTRA_KERNELS";

    private static readonly Lazy<bool> Available = new(() =>
        Lane.Supported && BFloat16Products.Available && Environment.GetEnvironmentVariable(Variable) != "plain");

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
        x.dtype == ScalarType.BFloat16 && x.device_type == DeviceType.CPU && width % (2 * Lane.Width) == 0 && Available.Value && !plain;

    /// <summary><c>x Wᵀ + b</c>: <c>[rows, inputs]</c> to <c>[rows, outputs]</c>.</summary>
    public static Tensor Linear(Tensor x, Parameter weight, Parameter bias, int threads) =>
        Takes(x, weight.Shape[0]) && x.dim() == 2 && weight.Leaf.requires_grad && is_grad_enabled()
            ? CustomOperation.Apply(new LinearOperation(weight, bias, threads), x, weight.Leaf)
            : linear(x, weight.Value, bias.Value);

    /// <summary>GELU, by the error function.</summary>
    public static Tensor Gelu(Tensor x, int threads) =>
        Takes(x, x.shape[^1]) ? CustomOperation.Apply(new GeluOperation(threads), x) : gelu(x);

    /// <summary>LayerNorm(dropout(x) + residual) over rows <c>[rows, width]</c>; the normalisation's parameters are float32.</summary>
    public static Tensor AddNorm(Tensor x, Tensor residual, Dropout dropout, double probability, Parameter gain, Parameter offset, double epsilon, Func<Tensor, Tensor> norm, int threads) =>
        Takes(x, x.shape[^1]) && x.dim() == 2
            ? CustomOperation.Apply(new AddNormOperation(gain, offset, (float)epsilon, dropout.NextMask(probability), threads), x, residual, gain.Leaf)
            : norm(dropout.Apply(x, probability) + residual);

    /// <summary>
    /// Multi-head attention of <c>[batch · length, 3 · hidden]</c>, queries, keys and values side by side, to <c>[batch · length, hidden]</c>;
    /// null where the kernels do not take it. What padding attends to is left at zero.
    /// </summary>
    public static Tensor? Attention(Tensor queryKeyValue, long batch, long length, int heads, int size, IReadOnlyList<int>? lengths, Dropout dropout, double probability, int threads) =>
        Takes(queryKeyValue, size)
            ? CustomOperation.Apply(
                new AttentionOperation(new((int)batch, (int)length, heads, size, lengths, dropout.NextMask(probability), threads)), queryKeyValue)
            : null;

    /// <summary>
    /// The logits of an output layer that is tied to word embeddings: <c>x Wᵀ + b</c>, <c>[rows, width]</c> to <c>[rows, tokens]</c>
    /// float32; the parameters are float32.
    /// </summary>
    public static Tensor Logits(Tensor x, Parameter words, Parameter bias, int threads) =>
        Takes(x, x.shape[^1]) && x.dim() == 2
            ? CustomOperation.Apply(new LogitsOperation(words, bias, new((int)x.shape[0], (int)words.Shape[1], (int)words.Shape[0], threads)), x, words.Leaf)
            : linear(x, words.Value.to(x.dtype), bias.Value.to(x.dtype)).to(ScalarType.Float32);

    /// <summary>The mean cross-entropy of logits <c>[rows, classes]</c> float32 and classes <c>[rows]</c>.</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, double smoothing, int threads) =>
        logits.dtype == ScalarType.Float32 && logits.device_type == DeviceType.CPU && Available.Value && !plain
            ? CustomOperation.Apply(new CrossEntropyOperation(new((int)logits.shape[0], (int)logits.shape[1], (float)smoothing, threads)), logits, targets)
            : cross_entropy(logits, targets, label_smoothing: smoothing);

    private static unsafe ushort* BFloat16(Tensor x) => (ushort*)NativeTensors.DataPointer(x);

    private static unsafe float* Float32(Tensor x) => (float*)NativeTensors.DataPointer(x);

    private sealed record LinearOperation(Parameter Weight, Parameter Bias, int Threads) : ICustomOperation
    {
        public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            kept?.Add(inputs[0].alias());
            return linear(inputs[0], inputs[1], Bias.Leaf);
        }

        /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var (rows, outputs, inputs) = ((int)gradient.shape[0], (int)Weight.Shape[0], (int)Weight.Shape[1]);
            using var x = kept[0].contiguous();
            BFloat16Products.TransposedBy(outputs, inputs, rows, BFloat16(gradient), outputs, BFloat16(x), inputs, 1, Float32(Weight.Gradient), inputs);
            ColumnSums.Add(BFloat16(gradient), Float32(Bias.Gradient), rows, outputs, Threads);
            return [gradient.matmul(Weight.Leaf), null];
        }
    }

    private sealed record GeluOperation(int Threads) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using var x = inputs[0].contiguous();
            var result = empty_like(x);
            var slope = kept is null ? null : empty_like(x);
            GeluKernel.Forward(BFloat16(x), BFloat16(result), slope is null ? null : BFloat16(slope), x.numel(), Threads);
            if (slope is not null)
                kept!.Add(slope);
            return result;
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(gradient);
            GeluKernel.Backward(BFloat16(gradient), BFloat16(kept[0]), BFloat16(result), gradient.numel(), Threads);
            return [result];
        }
    }

    private sealed record AddNormOperation(Parameter Gain, Parameter Offset, float Epsilon, KeepMask Mask, int Threads) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using Tensor x = inputs[0].contiguous(), residual = inputs[1].contiguous();
            var result = empty_like(x);
            var (normalised, inverseDeviation) = kept is null ? (null, null) : (empty_like(x), empty(x.shape[0]));
            AddNormKernel.Forward(ShapeOf(x), BFloat16(x), BFloat16(residual), Float32(Gain.Leaf), Float32(Offset.Leaf), Epsilon, BFloat16(result),
                normalised is null ? null : BFloat16(normalised), inverseDeviation is null ? null : Float32(inverseDeviation));
            if (normalised is not null)
                kept!.AddRange([normalised, inverseDeviation!]);
            return result;
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var (x, residual) = (empty_like(gradient), empty_like(gradient));
            AddNormKernel.Backward(ShapeOf(gradient), BFloat16(gradient), BFloat16(kept[0]), Float32(kept[1]), Float32(Gain.Leaf),
                BFloat16(x), BFloat16(residual), Float32(Gain.Gradient), Float32(Offset.Gradient));
            return [x, residual, null];
        }

        private AddNormKernel.Shape ShapeOf(Tensor x) => new((int)x.shape[0], (int)x.shape[1], Mask, Threads);
    }

    private sealed record AttentionOperation(AttentionKernel.Shape Shape) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using var queryKeyValue = inputs[0].contiguous();
            var context = empty([queryKeyValue.shape[0], Shape.Hidden], dtype: ScalarType.BFloat16);
            var weights = kept is null ? null : empty([Shape.Batch * Shape.Heads, Shape.Length, Shape.Stride], dtype: ScalarType.BFloat16);
            AttentionKernel.Forward(Shape, BFloat16(queryKeyValue), BFloat16(context), weights is null ? null : BFloat16(weights));
            if (weights is not null)
                kept!.AddRange([queryKeyValue.alias(), weights]);
            return context;
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(kept[0]);
            AttentionKernel.Backward(Shape, BFloat16(gradient), BFloat16(kept[0]), BFloat16(kept[1]), BFloat16(result));
            return [result];
        }
    }

    private sealed record LogitsOperation(Parameter Words, Parameter Bias, VocabularyKernel.Shape Shape) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using var x = inputs[0].contiguous();
            var logits = empty([Shape.Rows, Shape.Tokens], dtype: ScalarType.Float32);
            VocabularyKernel.Forward(Shape, BFloat16(x), Float32(Words.Leaf), Float32(Bias.Leaf), Float32(logits));
            kept?.Add(x.alias());
            return logits;
        }

        /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(kept[0]);
            VocabularyKernel.Backward(Shape, Float32(gradient), BFloat16(kept[0]), Float32(Words.Leaf), BFloat16(result), Float32(Words.Gradient), Float32(Bias.Gradient));
            return [result, null];
        }
    }

    private sealed record CrossEntropyOperation(CrossEntropyKernel.Shape Shape) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using Tensor logits = inputs[0].contiguous(), targets = inputs[1].contiguous();
            foreach (long target in NativeTensors.Elements<long>(targets))
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)target, (ulong)Shape.Classes, nameof(targets));
            using var losses = empty(Shape.Rows, dtype: ScalarType.Float32);
            var logSums = empty(Shape.Rows, dtype: ScalarType.Float32);
            CrossEntropyKernel.Forward(Shape, Float32(logits), (long*)NativeTensors.DataPointer(targets), Float32(losses), Float32(logSums));
            kept?.AddRange([logits.alias(), targets.alias(), logSums]);
            return losses.mean();
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(kept[0]);
            CrossEntropyKernel.Backward(Shape, gradient.item<float>(), Float32(kept[0]), (long*)NativeTensors.DataPointer(kept[1]), Float32(kept[2]), Float32(result));
            return [result, null];
        }
    }
}
