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

    /// <summary>
    /// A transformer layer as a whole: <c>[batch · length, hidden]</c> to the same; null where the kernels do not take it. What padding
    /// attends to is left at zero.
    /// </summary>
    public static Tensor? TransformerLayer(Tensor x, TransformerParameters parameters, AttentionSizes sizes, Dropout dropout, int threads)
    {
        bool takes = Takes(x, sizes.HeadSize) && Takes(x, x.shape[^1]) && Takes(x, parameters.Intermediate.Weight.Shape[0])
            && (!is_grad_enabled() || parameters.Output.Weight.Leaf.requires_grad || !x.requires_grad);
        if (!takes)
            return null;
        var attention = new AttentionKernel.Shape(
            sizes.Batch,
            sizes.Length,
            sizes.Heads,
            sizes.HeadSize,
            sizes.Lengths,
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
        return CustomOperation.Apply(new TransformerLayerOperation(shape, parameters), x, parameters.Output.Weight.Leaf);
    }

    /// <summary>
    /// The logits of an output layer that is tied to word embeddings: <c>x Wᵀ + b</c>, <c>[rows, width]</c> to <c>[rows, tokens]</c>
    /// float32; the parameters are float32.
    /// </summary>
    public static Tensor Logits(Tensor x, Parameter words, Parameter bias, int threads) =>
        Takes(x, x.shape[^1]) && x.dim() == 2
            ? CustomOperation.Apply(
                new LogitsOperation(words, bias, new((int)x.shape[0], (int)words.Shape[1], (int)words.Shape[0], threads)),
                x,
                words.Leaf
            )
            : linear(x, words.Value.to(x.dtype), bias.Value.to(x.dtype)).to(ScalarType.Float32);

    /// <summary>The mean cross-entropy of logits <c>[rows, classes]</c> float32 and classes <c>[rows]</c>.</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, double smoothing, int threads) =>
        logits.dtype == ScalarType.Float32 && logits.device_type == DeviceType.CPU && Available.Value && !plain
            ? CustomOperation.Apply(
                new CrossEntropyOperation(new((int)logits.shape[0], (int)logits.shape[1], (float)smoothing, threads)),
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
            BFloat16Products.TransposedBy(
                outputs,
                inputs,
                rows,
                BFloat16(gradient),
                outputs,
                BFloat16(x),
                inputs,
                1,
                Float32(Weight.Gradient),
                inputs
            );
            ColumnSums.Add(BFloat16(gradient), Float32(Bias.Gradient), rows, outputs, Threads);
            return [gradient.matmul(Weight.Leaf), null];
        }
    }

    private sealed record EmbeddingOperation(Parameter Table, int PaddingIndex) : ICustomOperation
    {
        public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            kept?.Add(inputs[0].is_contiguous() ? inputs[0].alias() : inputs[0].contiguous());
            return TensorFunctions.Embedding(inputs[1], inputs[0], PaddingIndex);
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            int width = (int)Table.Shape[1];
            float* row = Float32(gradient), sums = Float32(Table.Gradient);
            foreach (long id in NativeTensors.Elements<long>(kept[0]))
            {
                if (id != PaddingIndex)
                    Lane.Add(row, sums + (id * width), width);
                row += width;
            }
            return [null, null];
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

    private sealed record TransformerLayerOperation(TransformerLayerKernel.Shape Shape, TransformerParameters Parameters) : ICustomOperation
    {
        public unsafe Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
        {
            using var x = inputs[0].contiguous();
            var (rows, hidden) = (Shape.Rows, Shape.Hidden);
            var result = empty_like(x);
            Tensor[] needed = [RowsOf(3 * hidden), RowsOf(hidden), RowsOf(hidden), RowsOf(Shape.Intermediate)];
            Tensor[] forBackward = kept is null
                ? []
                :
                [
                    empty(
                        [Shape.Attention.Batch * Shape.Attention.Heads, Shape.Attention.Length, Shape.Attention.Stride],
                        dtype: ScalarType.BFloat16
                    ),
                    RowsOf(hidden),
                    empty(rows),
                    RowsOf(Shape.Intermediate),
                    RowsOf(hidden),
                    empty(rows),
                ];
            TransformerLayerKernel.Forward(Shape, Weights(), BFloat16(x), Activations([.. needed, .. forBackward]), BFloat16(result));
            kept?.AddRange([x.alias(), .. needed, .. forBackward]);
            return result;
        }

        /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(gradient);
            using Tensor output = RowsOf(Shape.Hidden),
                intermediate = RowsOf(Shape.Intermediate),
                attended = RowsOf(Shape.Hidden),
                context = RowsOf(Shape.Hidden),
                queryKeyValue = RowsOf(3 * Shape.Hidden),
                residual = empty([Shape.Rows, Shape.Hidden]);
            var space = new TransformerLayerKernel.Workspace
            {
                Output = BFloat16(output),
                Intermediate = BFloat16(intermediate),
                Attended = BFloat16(attended),
                Context = BFloat16(context),
                QueryKeyValue = BFloat16(queryKeyValue),
                Residual = Float32(residual),
            };
            TransformerLayerKernel.Backward(
                Shape,
                Weights(),
                BFloat16(kept[0]),
                Activations([.. kept.Skip(1)]),
                BFloat16(gradient),
                space,
                BFloat16(result),
                Gradients()
            );
            return [result, null];
        }

        private Tensor RowsOf(int width) => empty([Shape.Rows, width], dtype: ScalarType.BFloat16);

        private static unsafe TransformerLayerKernel.Activations Activations(IReadOnlyList<Tensor> tensors)
        {
            ushort* At(int i) => i < tensors.Count ? BFloat16(tensors[i]) : null;
            return new()
            {
                QueryKeyValue = At(0),
                Context = At(1),
                Attended = At(2),
                Activated = At(3),
                AttentionWeights = At(4),
                AttendedUnit = At(5),
                AttendedDeviation = (float*)At(6),
                Slope = At(7),
                OutputUnit = At(8),
                OutputDeviation = (float*)At(9),
            };
        }

        private unsafe TransformerLayerKernel.Parameters<LinearWeights> Weights() =>
            Of(layer => new LinearWeights(BFloat16(layer.Weight.Leaf), Float32(layer.Bias.Master)), parameter => parameter.Master);

        private unsafe TransformerLayerKernel.Parameters<LinearGradients> Gradients() =>
            Of(layer => new LinearGradients(Float32(layer.Weight.Gradient), Float32(layer.Bias.Gradient)), parameter => parameter.Gradient);

        private unsafe TransformerLayerKernel.Parameters<TLinear> Of<TLinear>(
            Func<(Parameter Weight, Parameter Bias), TLinear> linear,
            Func<Parameter, Tensor> part
        )
            where TLinear : unmanaged
        {
            LayerNormWeights Norm((Parameter Gain, Parameter Offset) norm) => new(Float32(part(norm.Gain)), Float32(part(norm.Offset)));
            return new()
            {
                QueryKeyValue = linear(Parameters.QueryKeyValue),
                AttentionOutput = linear(Parameters.AttentionOutput),
                Intermediate = linear(Parameters.Intermediate),
                Output = linear(Parameters.Output),
                AttentionNorm = Norm(Parameters.AttentionNorm),
                OutputNorm = Norm(Parameters.OutputNorm),
            };
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
            VocabularyKernel.Backward(
                Shape,
                Float32(gradient),
                BFloat16(kept[0]),
                Float32(Words.Leaf),
                BFloat16(result),
                Float32(Words.Gradient),
                Float32(Bias.Gradient)
            );
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
            CrossEntropyKernel.Forward(
                Shape,
                Float32(logits),
                (long*)NativeTensors.DataPointer(targets),
                Float32(losses),
                Float32(logSums)
            );
            kept?.AddRange([logits.alias(), targets.alias(), logSums]);
            return losses.mean();
        }

        public unsafe IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var result = empty_like(kept[0]);
            CrossEntropyKernel.Backward(
                Shape,
                gradient.item<float>(),
                Float32(kept[0]),
                (long*)NativeTensors.DataPointer(kept[1]),
                Float32(kept[2]),
                Float32(result)
            );
            return [result, null];
        }
    }
}
